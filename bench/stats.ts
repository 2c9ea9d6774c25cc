/** The arithmetic of the harness: medians, spreads, ratios, percentiles. */

/** Median of some runs and how far apart they were. */
export interface Summary {
  readonly median: number;
  /** Greatest less smallest, as a share of the median: 0.04 is 4 %. */
  readonly spread: number;
  readonly count: number;
}

/** The value in the middle, or the mean of both; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? NaN : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Summarises the runs of one case; of no run at all: NaN, NaN, 0. */
export function summarize(values: readonly number[]): Summary {
  const middle = median(values);
  const range = Math.max(...values) - Math.min(...values);
  return {
    median: middle,
    spread: range === 0 ? 0 : values.length === 0 ? NaN : range / Math.abs(middle),
    count: values.length,
  };
}

/**
 * The smallest value that at least `share` of all are not above (nearest rank); NaN of nothing.
 *
 * @param sorted ascending
 * @param share 0.99 for p99
 * @throws {RangeError} `share` is not above 0 and at most 1.
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (!(share > 0 && share <= 1)) {
    throw new RangeError(`A share is above 0 and at most 1: ${share}`);
  }
  if (sorted.length === 0) return NaN;
  // 0.999 * 1000 is 999.0000000000001 in binary: without the allowance one rank too high.
  return sorted[Math.max(0, Math.ceil(sorted.length * share - 1e-9) - 1)]!;
}

/** `ours / theirs`; NaN unless both are known and theirs is above 0. */
export function ratio(ours: number, theirs: number): number {
  return theirs > 0 ? ours / theirs : NaN;
}
