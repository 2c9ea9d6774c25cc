/** How much nonsense a session bears before it ends: races are normal, floods are not. */

/** A bucket that fills with time: `capacity` at once, `perSecond` in the long run. */
export class Allowance {
  readonly #capacity: number;
  readonly #perMs: number;
  #left: number;
  #lastMs: number;

  constructor(capacity: number, perSecond: number, nowMs: number) {
    this.#capacity = this.#left = capacity;
    this.#perMs = perSecond / 1000;
    this.#lastMs = nowMs;
  }

  /** Takes `count`; false if there is not that much. */
  take(nowMs: number, count = 1): boolean {
    if (this.#left < count) {
      this.#left = Math.min(this.#capacity, this.#left + (nowMs - this.#lastMs) * this.#perMs);
      this.#lastMs = nowMs;
    }
    if (this.#left < count) return false;
    this.#left -= count;
    return true;
  }
}

/** What one peer may do that costs us something and moves no data. */
export class AbuseLimits {
  /**
   * Streams opened by the peer and reset by it before we said a word: a thousand clients that leave
   * at once are a bad day, a hundred thousand a second an attack (CVE-2023-44487). One that was
   * answered took its peer a round trip and one of its places: that bounds itself.
   */
  readonly resets: Allowance;
  /** Frames for streams that are closed already. */
  readonly lateFrames: Allowance;
  /** Pings: each costs an answer (CVE-2024-32984). */
  readonly pings: Allowance;
  /** Frames that change nothing: empty data, credit of 0. */
  readonly emptyFrames: Allowance;
  /** Bytes for streams that are closed already, beyond the windows those still had. */
  #lateBytes = 1 << 20;
  /** Frames that streams which we reset may still bring, beyond `lateFrames`. */
  #expectedFrames = 0;

  constructor(nowMs: number) {
    this.resets = new Allowance(20_000, 2_000, nowMs);
    this.lateFrames = new Allowance(20_000, 10_000, nowMs);
    this.pings = new Allowance(200, 50, nowMs);
    this.emptyFrames = new Allowance(50_000, 20_000, nowMs);
  }

  /** We reset a stream whose peer may still send `bytes` into its window before it learns. */
  expectLate(bytes: number): void {
    this.#lateBytes += bytes;
    // An answer, some data, its end; or the data of one window in frames of a usual size.
    this.#expectedFrames += 3 + (bytes >> 12);
  }

  /** Counts a frame for a closed stream; false when it is one too many. */
  takeLateFrame(nowMs: number, bytes: number): boolean {
    this.#lateBytes -= bytes;
    if (this.#lateBytes < 0) return false;
    if (this.#expectedFrames === 0) return this.lateFrames.take(nowMs);
    this.#expectedFrames -= 1;
    return true;
  }
}
