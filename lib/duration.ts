/** Durations as users write them: `15s`, `250ms`, `5m`, `1h30m`. */

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** The longest duration that is taken: a year, in ms. */
const MAX_MS = 365 * 86_400_000;

/**
 * Reads a duration in whole ms.
 *
 * @param text numbers with their units `ms`, `s`, `m`, `h`, `d`, largest first or not; or `0`.
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) {
    const hint = /^\d+(?:\.\d+)?$/.test(text) ? `, did you mean ${text}s?` : "";
    throw new RangeError(`"${text}" is not a duration, expected e.g. 250ms, 15s or 5m${hint}`);
  }
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    ms += Number(count) * (UNITS_MS[unit ?? ""] ?? 0);
  }
  if (ms > MAX_MS) throw new RangeError(`"${text}" is too long, expected at most 365d`);
  return Math.round(ms);
}

/** Writes `ms` in the largest units that say it exactly: `90000` is `1m30s`, `1500` is `1500ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  if (!Number.isInteger(ms / 1000)) return `${Math.round(ms)}ms`;
  let rest = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s"]) {
    const unitMs = UNITS_MS[unit] ?? 1;
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}

/** Writes `ms` for people, in its two largest units: `93784000` is `1d2h`, `400` is `0s`. */
export function roughDuration(ms: number): string {
  const units = ["d", "h", "m", "s"];
  let rest = Math.max(0, ms);
  const counts = units.map((unit) => {
    const unitMs = UNITS_MS[unit]!;
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    return count;
  });
  const first = counts.findIndex((count) => count > 0);
  if (first === -1) return "0s";
  const second = counts[first + 1] ?? 0;
  return `${counts[first]}${units[first]}${second > 0 ? `${second}${units[first + 1]}` : ""}`;
}
