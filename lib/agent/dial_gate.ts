/** Lets a bounded number of dials be under way at once, the others in their turn. */
import { DialError } from "../errors.ts";
import type { TimerWheel } from "../timer.ts";

/** Dials that may wait for their turn; a burst beyond it is answered "busy". */
const MAX_QUEUED = 8192;

/** How long a dial may wait for its turn, and who gives it up. */
export interface GateOptions {
  /** What is to be dialled, for errors. */
  readonly name: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** The gate; a dial that has passed it holds its place until all of it has ended. */
export class DialGate {
  readonly #maxOpen: number;
  readonly #timers: TimerWheel;
  readonly #queue = new Set<() => void>();
  readonly #waitingForRest = new Set<() => void>();
  #open = 0;

  constructor(maxOpen: number, timers: TimerWheel) {
    this.#maxOpen = maxOpen;
    this.#timers = timers;
  }

  /** Dials under way. */
  get openCount(): number {
    return this.#open;
  }

  /** Resolves when no dial is under way. */
  async atRest(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#waitingForRest.add(resolve));
  }

  /**
   * Runs `dial` as soon as there is a place for it. A dial that was given up while it goes on in
   * the background hands what is left of it to `hold`: its place is taken until that has ended.
   *
   * @throws {DialError} "busy" where its turn did not come; and what `dial` throws.
   */
  async pass<T>(
    options: GateOptions,
    dial: (hold: (rest: Promise<void>) => void) => Promise<T>,
  ): Promise<T> {
    if (this.#open < this.#maxOpen) this.#open += 1;
    else await this.#turn(options);
    let rest: Promise<void> | undefined;
    try {
      return await dial((held) => rest = held);
    } finally {
      if (rest === undefined) this.#leave();
      else void rest.finally(() => this.#leave());
    }
  }

  /** Waits for a place, which is then taken. */
  #turn({ name, waitMs, signal }: GateOptions): Promise<void> {
    const isFull = this.#queue.size >= MAX_QUEUED || this.#maxOpen === 0;
    if (isFull || signal.aborted) {
      return Promise.reject(
        new DialError(name, "busy", `${this.#open} dials are under way already`),
      );
    }
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#queue.delete(enter);
        deadline.cancel();
        signal.removeEventListener("abort", giveUp);
      };
      const enter = () => {
        settle();
        resolve();
      };
      const giveUp = () => {
        settle();
        reject(new DialError(name, "busy", `its turn to be dialled did not come in ${waitMs} ms`));
      };
      const deadline = this.#timers.after(waitMs, giveUp);
      signal.addEventListener("abort", giveUp);
      this.#queue.add(enter);
    });
  }

  /** Hands the place on to the next in the queue, or gives it up. */
  #leave(): void {
    const [next] = this.#queue;
    if (next !== undefined) {
      next();
      return;
    }
    this.#open -= 1;
    if (this.#open > 0) return;
    for (const run of this.#waitingForRest) run();
    this.#waitingForRest.clear();
  }
}
