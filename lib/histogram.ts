/** How long things took, counted in classes: a few numbers however many things there were. */

/** Upper bounds of the classes in ms: 0.5 ms to a minute, each about twice the one before. */
const BOUNDS_MS = [
  ...[0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500],
  ...[1000, 2500, 5000, 10_000, 30_000, 60_000],
] as const;

/** Counts durations; cheap enough to be called for each request. */
export class Histogram {
  /** Upper bounds of the classes in ms, the last one's (infinity) left out. */
  readonly boundsMs: readonly number[] = BOUNDS_MS;
  /** Things in each class, in the order of `boundsMs`, and one more for all above. */
  readonly counts: Float64Array = new Float64Array(BOUNDS_MS.length + 1);
  sumMs = 0;
  count = 0;

  observe(ms: number): void {
    let at = 0;
    while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]!) at += 1;
    this.counts[at]! += 1;
    this.sumMs += ms;
    this.count += 1;
  }

  /**
   * The duration that a share of the things did not exceed, as well as the classes tell: between
   * the bounds of its class by rule of three. 0 if nothing was counted.
   *
   * @param share 0 to 1, 0.5 for the median.
   */
  quantileMs(share: number): number {
    let left = share * this.count;
    for (let at = 0; at < this.counts.length; at++) {
      const inClass = this.counts[at]!;
      if (left <= inClass && inClass > 0) {
        const low = at === 0 ? 0 : BOUNDS_MS[at - 1]!;
        const high = BOUNDS_MS[at] ?? low;
        return low + (high - low) * (left / inClass);
      }
      left -= inClass;
    }
    return 0;
  }
}
