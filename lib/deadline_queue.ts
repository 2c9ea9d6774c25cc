/** Deadlines that are all as long: one timer for all who wait, none of their own. */
import type { Timer, TimerWheel } from "./timer.ts";

/** Who waits, the one that came first in front. */
export class DeadlineQueue<T> {
  readonly #timeoutMs: () => number;
  readonly #nowMs: () => number;
  readonly #onExpired: (item: T) => void;
  readonly #sinceMs = new Map<T, number>();
  readonly #timers: TimerWheel;
  #timer: Timer | undefined;

  /**
   * @param timeoutMs how long each may wait; asked again and again, so that it may be changed.
   * @param onExpired told of each that has waited for so long; it is no longer in the queue.
   */
  constructor(
    { timers, nowMs }: { timers: TimerWheel; nowMs: () => number },
    timeoutMs: () => number,
    onExpired: (item: T) => void,
  ) {
    this.#timers = timers;
    this.#nowMs = nowMs;
    this.#timeoutMs = timeoutMs;
    this.#onExpired = onExpired;
  }

  /** Who waits now. */
  get size(): number {
    return this.#sinceMs.size;
  }

  add(item: T): void {
    this.#sinceMs.set(item, this.#nowMs());
    if (this.#sinceMs.size > 1) return;
    const timeoutMs = this.#timeoutMs();
    if (this.#timer === undefined) {
      this.#timer = this.#timers.after(timeoutMs, () => this.#expire());
    } else this.#timer.restart(timeoutMs);
  }

  /** Waits no longer; returns how much time was left, in ms, or undefined if it was not here. */
  delete(item: T): number | undefined {
    const sinceMs = this.#sinceMs.get(item);
    if (sinceMs === undefined) return undefined;
    this.#sinceMs.delete(item);
    if (this.#sinceMs.size === 0) this.#timer!.cancel();
    return Math.max(0, sinceMs + this.#timeoutMs() - this.#nowMs());
  }

  #expire(): void {
    for (const [item, sinceMs] of this.#sinceMs) {
      const leftMs = sinceMs + this.#timeoutMs() - this.#nowMs();
      if (leftMs > 0) {
        this.#timer!.restart(leftMs);
        return;
      }
      this.#sinceMs.delete(item);
      this.#onExpired(item);
    }
  }
}
