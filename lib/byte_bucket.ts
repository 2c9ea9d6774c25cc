/** A limit of bytes a second: a bucket that fills with time. */
import type { Timer, TimerWheel } from "./timer.ts";

/** What may pass at once, as a part of a second's bytes. */
const BURST_PART = 0.25;
/** So that one read of a socket does not stop it for long. */
const MIN_BURST_BYTES = 64 << 10;

/** Bytes that may pass; several duplexes may share them. */
export class ByteBucket {
  #bytesPerSecond = 0;
  #burstBytes = 0;
  readonly #timers: TimerWheel;
  readonly #nowMs: () => number;
  readonly #waiting = new Set<() => void>();
  #leftBytes = 0;
  #lastMs: number;
  #timer: Timer | undefined;
  /** Bytes that passed so far. */
  passedBytes = 0;
  /** Times that somebody had to wait. */
  waits = 0;

  /** @param nowMs a clock that never goes back. */
  constructor(bytesPerSecond: number, timers: TimerWheel, nowMs: () => number) {
    this.#timers = timers;
    this.#nowMs = nowMs;
    this.#lastMs = nowMs();
    this.setRate(bytesPerSecond);
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Fills by another rate from now on; 0 for any. What waits goes on at once, on what is new. */
  setRate(bytesPerSecond: number): void {
    const rate = bytesPerSecond === 0 ? Infinity : bytesPerSecond;
    if (rate === this.#bytesPerSecond) return;
    this.#bytesPerSecond = rate;
    this.#burstBytes = this.#leftBytes = Math.max(MIN_BURST_BYTES, rate * BURST_PART);
    this.#lastMs = this.#nowMs();
    this.#timer?.cancel();
    if (this.#timer !== undefined) this.#wake();
  }

  /** Takes bytes that pass now, on credit if need be; false if nothing more should pass for now. */
  take(bytes: number): boolean {
    this.passedBytes += bytes;
    this.#leftBytes -= bytes;
    if (this.#leftBytes > 0) return true;
    this.#fill();
    return this.#leftBytes > 0;
  }

  /** Calls `run` once, when bytes may pass again. */
  wait(run: () => void): void {
    this.waits += 1;
    this.#waiting.add(run);
    this.#timer ??= this.#timers.after(this.#waitMs(), () => this.#wake());
  }

  /** `run` is not to be called any more. */
  forget(run: () => void): void {
    if (!this.#waiting.delete(run) || this.#waiting.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wake(): void {
    this.#timer = undefined;
    this.#fill();
    if (this.#leftBytes <= 0) {
      this.#timer = this.#timers.after(this.#waitMs(), () => this.#wake());
      return;
    }
    // Who finds it empty again waits anew.
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const run of waiting) run();
  }

  #waitMs(): number {
    return Math.max(1, (1 - this.#leftBytes) / this.#bytesPerSecond * 1000);
  }

  #fill(): void {
    const nowMs = this.#nowMs();
    const filledBytes = (nowMs - this.#lastMs) / 1000 * this.#bytesPerSecond;
    this.#lastMs = nowMs;
    this.#leftBytes = Math.min(this.#burstBytes, this.#leftBytes + filledBytes);
  }
}
