/** A part of a whole, as people write it. */

/**
 * Reads a number from 0 to 1, such as "0.1".
 *
 * @throws {RangeError} fit to be shown behind the name of what it is for.
 */
export function parseShare(text: string): number {
  const share = /^(0|1|0?\.\d+|1\.0+|0\.0*)$/.test(text) ? Number(text) : NaN;
  if (share >= 0 && share <= 1) return share;
  throw new RangeError(`"${text}" is no share, expected a number from 0 to 1, such as 0.1`);
}
