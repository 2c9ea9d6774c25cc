/** Joins two byte streams: what arrives at one leaves by the other, until both directions ended. */
import type { SharedBuffer } from "./buffer.ts";
import type { Duplex, Sink } from "./duplex.ts";
import { DeadlineError } from "./errors.ts";
import type { Timer, TimerWheel } from "./timer.ts";

/** How two streams are joined. */
export interface SpliceOptions {
  /** Closes both after this long without a byte in either direction; 0 or absent for never. */
  idleTimeoutMs?: number;
  timers: TimerWheel;
  /** Called once, when both are closed; `error` is the first that either gave. */
  onClose?: (error?: Error) => void;
}

/** Two streams that are joined, with the bytes that passed so far. */
export interface Splice {
  /** From the first stream to the second. */
  readonly forwardBytes: number;
  /** From the second stream to the first. */
  readonly backwardBytes: number;
  /** Somebody waits for the next bytes from the second stream. */
  readonly isAwaited: boolean;
  /**
   * Has `listener` called once, in place of one that still waits: true with the next bytes from the
   * second stream, false when both are closed before any.
   */
  awaitBackward(listener: (hasCome: boolean) => void): void;
}

/**
 * Joins `a` and `b`. An end of one direction is passed on and leaves the other one running
 * (half-close); a failure of either closes both. Both must not be attached by the caller after.
 */
export function splice(a: Duplex, b: Duplex, options: SpliceOptions): Splice {
  return new SplicedPair(a, b, options);
}

class SplicedPair implements Splice {
  readonly #a: Joint;
  readonly #b: Joint;
  readonly #options: SpliceOptions;
  #idleTimer: Timer | undefined;
  #seenBytes = 0;
  #openCount = 2;
  #firstError: Error | undefined;

  constructor(a: Duplex, b: Duplex, options: SpliceOptions) {
    this.#options = options;
    this.#a = new Joint(a, b, this);
    this.#b = new Joint(b, a, this);
    this.#a.other = this.#b;
    this.#b.other = this.#a;
    const { idleTimeoutMs } = options;
    if (idleTimeoutMs) {
      this.#idleTimer = options.timers.after(idleTimeoutMs, () => this.#checkIdle(idleTimeoutMs));
    }
    a.attach(this.#a);
    b.attach(this.#b);
  }

  get forwardBytes(): number {
    return this.#a.receivedBytes;
  }

  get backwardBytes(): number {
    return this.#b.receivedBytes;
  }

  get isAwaited(): boolean {
    return this.#b.onNext !== undefined;
  }

  awaitBackward(listener: (hasCome: boolean) => void): void {
    if (this.#openCount === 0) listener(false);
    else this.#b.onNext = listener;
  }

  sideClosed(error: Error | undefined): void {
    this.#firstError ??= error;
    this.#openCount -= 1;
    if (this.#openCount > 0) return;
    this.#idleTimer?.cancel();
    this.#b.tellNext(false);
    this.#options.onClose?.(this.#firstError);
  }

  // Looks at a count once a period instead of moving a timer with each piece of data.
  #checkIdle(idleTimeoutMs: number): void {
    const passedBytes = this.forwardBytes + this.backwardBytes;
    if (passedBytes !== this.#seenBytes) {
      this.#seenBytes = passedBytes;
      this.#idleTimer?.restart(idleTimeoutMs);
      return;
    }
    this.#a.fail(new DeadlineError(`Nothing passed for ${idleTimeoutMs} ms`));
  }
}

/** Receives from one side and writes to the other. */
class Joint implements Sink {
  receivedBytes = 0;
  /** Waits for the next bytes. */
  onNext: ((hasCome: boolean) => void) | undefined;
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #splice: SplicedPair;
  other!: Joint;
  #hasEnded = false;

  constructor(from: Duplex, to: Duplex, splice: SplicedPair) {
    this.#from = from;
    this.#to = to;
    this.#splice = splice;
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.receivedBytes += bytes.length;
    if (this.onNext !== undefined) this.tellNext(true);
    if (!this.#to.write(bytes, buffer)) this.#from.pause();
  }

  onEnd(): void {
    this.#hasEnded = true;
    this.#to.end();
  }

  onDrain(): void {
    // What this side can take again, the other one may deliver again.
    this.#to.resume();
  }

  onClose(error?: Error): void {
    // After both directions' orderly end the other side still has our last bytes to send: it closes
    // by itself. One that was closed from our end before that takes the other with it.
    const isOrderly = error === undefined && this.#hasEnded && this.other.#hasEnded;
    if (!isOrderly) this.#to.close(error);
    this.#splice.sideClosed(error);
  }

  tellNext(hasCome: boolean): void {
    const { onNext } = this;
    this.onNext = undefined;
    onNext?.(hasCome);
  }

  fail(error: Error): void {
    this.#from.close(error);
  }
}
