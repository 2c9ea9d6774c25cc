/** Sizes in bytes as users write them: `64KiB`, `1.5MiB`, `10MB`, `4096`. */

const UNITS_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1 << 10,
  mib: 1 << 20,
  gib: 1 << 30,
};

/**
 * Reads a size in whole bytes.
 *
 * @param text a number alone (bytes) or with `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`, in any case.
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmg]?i?b)?$/i.exec(text);
  const unitBytes = UNITS_BYTES[match?.[2]?.toLowerCase() ?? ""];
  if (match === null || unitBytes === undefined) {
    throw new RangeError(`"${text}" is not a size, expected e.g. 65536, 64KiB or 10MB`);
  }
  const bytes = Math.round(Number(match[1]) * unitBytes);
  if (bytes > Number.MAX_SAFE_INTEGER) throw new RangeError(`"${text}" is too large a size`);
  return bytes;
}

/** Writes a size for people, to three digits: `1536` is `1.5KiB`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toPrecision(value >= 1000 ? 4 : 3))}${units[unit]}`;
}
