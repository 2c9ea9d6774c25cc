/** Values of what stands behind `?` in `--listen`. */
import type { ListenSpec } from "../listen_spec.ts";

/** All values of a key, each of which may hold several, separated by commas. */
export function optionsOf({ options = [] }: ListenSpec, key: string): string[] {
  return options.filter(([name]) => name === key).flatMap(([, value]) => value.split(","));
}

/**
 * The value of a key that is given once at most.
 *
 * @throws {RangeError} fit to be shown behind `--listen`.
 */
export function optionOf({ options = [] }: ListenSpec, key: string): string | undefined {
  const values = options.filter(([name]) => name === key).map(([, value]) => value);
  if (values.length > 1) throw new RangeError(`${key}= is given twice`);
  if (values[0] === "") throw new RangeError(`${key}= says nothing`);
  return values[0];
}
