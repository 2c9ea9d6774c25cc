/** How numbers, sizes and times are written: short, in columns that do not jump. */

/** Stands where there is nothing to show. */
export const NOTHING = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];

/** 1234567 -> "1,234,567" */
export function formatCount(value: number): string {
  return whole.format(value);
}

/** Requests a second: "0", "0.4", "12.5", "1,250". */
export function formatRate(value: number | null): string {
  if (value === null) return NOTHING;
  return value !== 0 && value < 100 ? one.format(value) : whole.format(value);
}

/** Bytes in decimal units: "999 B", "1.5 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? whole.format(value) : one.format(value)} ${SIZES[unit]}`;
}

/** Bytes a second in MB/s, as the column's head says: "0.02". */
export function formatMegabytes(bytesPerSecond: number | null): string {
  if (bytesPerSecond === null) return NOTHING;
  const value = bytesPerSecond / 1e6;
  if (value === 0) return "0";
  if (value < 0.01) return "<0.01";
  return value < 10 ? value.toFixed(2) : value < 100 ? one.format(value) : whole.format(value);
}

/** "0.21 ms", "12.3 ms", "1.2 s" */
export function formatMs(ms: number | null): string {
  if (ms === null) return NOTHING;
  if (ms >= 10_000) return formatDuration(ms);
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 1 ? ms.toFixed(2) : ms < 100 ? one.format(ms) : whole.format(ms)} ms`;
}

/** The two largest units: "45 s", "3 min", "2 h 5 min", "3 d 4 h". */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return join(hours, "h", minutes % 60, "min");
  return join(Math.floor(hours / 24), "d", hours % 24, "h");
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${whole.format(large)} ${largeUnit}${small === 0 ? "" : ` ${small} ${smallUnit}`}`;
}

/** "just now", "3 min ago" */
export function formatAgo(timeMs: number | null, nowMs: number): string {
  if (timeMs === null) return NOTHING;
  const agoMs = nowMs - timeMs;
  return agoMs < 5000 ? "just now" : `${formatDuration(agoMs)} ago`;
}

/** Local time of day, "14:03:07". */
export function formatClock(timeMs: number | null): string {
  if (timeMs === null) return NOTHING;
  const date = new Date(timeMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
}

/** Local date and time for titles: "2026-03-01 14:03:07". */
export function formatDate(timeMs: number | null): string {
  if (timeMs === null) return NOTHING;
  const date = new Date(timeMs);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0")).join("-");
  return `${day} ${formatClock(timeMs)}`;
}

/** 0.333 -> "33 %" */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 1 ? "<1" : whole.format(percent)} %`;
}
