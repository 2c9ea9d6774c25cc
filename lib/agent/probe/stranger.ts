/** The first bytes that a stranger says, by itself or when it is asked. */
import type { Duplex } from "../../duplex.ts";
import type { TimerWheel } from "../../timer.ts";

/** Bytes that are kept: enough for a status line and the fields that follow it at once. */
const MAX_BYTES = 1024;

/** How to ask. */
export interface Question {
  /** What to say; nothing to listen only. */
  readonly text?: string;
  /** Longest wait, ms. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** One stranger, asked once or more, one question at a time; whoever makes it closes it. */
export class Stranger implements Disposable {
  readonly #duplex: Duplex;
  readonly #timers: TimerWheel;
  readonly #said: number[] = [];
  #isOver = false;
  #onChange: (() => void) | undefined;

  constructor(duplex: Duplex, timers: TimerWheel) {
    this.#duplex = duplex;
    this.#timers = timers;
    duplex.attach({
      onData: (bytes) => {
        this.#said.push(...bytes.subarray(0, MAX_BYTES - this.#said.length));
        this.#onChange?.();
      },
      onEnd: () => this.#end(),
      onDrain: () => {},
      onClose: () => this.#end(),
    });
  }

  /** It has ended the connection. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What it has said once it has said anything, or ended; empty if it stays silent. */
  async ask({ text, waitMs, signal }: Question): Promise<Uint8Array> {
    if (text !== undefined) this.#duplex.write(new TextEncoder().encode(text));
    if (this.#said.length === 0 && !this.#isOver && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const deadline = this.#timers.after(waitMs, () => settle());
        const settle = () => {
          deadline.cancel();
          signal.removeEventListener("abort", settle);
          this.#onChange = undefined;
          resolve();
        };
        this.#onChange = settle;
        signal.addEventListener("abort", settle);
      });
    }
    return Uint8Array.from(this.#said);
  }

  [Symbol.dispose](): void {
    this.#duplex.close();
  }

  #end(): void {
    this.#isOver = true;
    this.#onChange?.();
  }
}
