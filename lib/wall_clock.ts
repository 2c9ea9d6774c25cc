/** When something was, by the clock on the wall. */

/** How long one comparison of the two clocks holds, ms: the wall's may be set meanwhile. */
const HOLDS_MS = 1000;

/** Turns times of a runtime's clock into those of the wall, ms since 1970. */
export class WallClock {
  readonly #nowMs: () => number;
  #offsetMs = 0;
  #untilMs = -Infinity;

  /** @param nowMs the runtime's clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @param nowMs of the runtime's clock, for who knows it already. */
  of(ms: number, nowMs: number = this.#nowMs()): number {
    if (nowMs >= this.#untilMs) {
      this.#untilMs = nowMs + HOLDS_MS;
      this.#offsetMs = Date.now() - this.#nowMs();
    }
    return ms + this.#offsetMs;
  }
}
