/** A record as a line: for people, or as JSON. */
import type { CaptureRecord } from "./capture_input.ts";

const ARROWS = {
  "agent-to-server": "agent>server",
  "server-to-agent": "server>agent",
  "unknown": "-",
} as const;
/** Characters of a payload that a line for people shows. */
const PREVIEW_CHARS = 64;

/** A line for people, without its end. */
export function formatRecord(record: CaptureRecord): string {
  const { connection, timeSeconds, offset, direction, frame, fields, bytes } = record;
  const columns: string[] = [];
  if (connection !== undefined) columns.push(`#${connection}`);
  if (timeSeconds !== undefined) columns.push(clockTime(timeSeconds));
  columns.push(String(offset).padStart(8), ARROWS[direction].padEnd(12), frame);
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined && !isEmptyList(value)) columns.push(...formatField(key, value));
  }
  if (bytes > 0) columns.push(`(${bytes} bytes)`);
  return columns.join("  ");
}

/** A line of JSON, without its end; its schema is docs/decode-frame.schema.json. */
export function formatRecordAsJson(record: CaptureRecord): string {
  const { connection, timeSeconds, offset, direction, layer, bytes, frame, fields } = record;
  return JSON.stringify({
    connection,
    time: timeSeconds,
    offset,
    direction,
    layer,
    bytes,
    frame,
    ...fields,
  });
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function formatField(key: string, value: unknown): string[] {
  if (key === "payload" && typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, entry]) => `${name}=${formatValue(entry)}`);
  }
  // The exact bytes of a payload that was shown as JSON; else they are all there is.
  if (key === "payload_hex" || key === "payload_text") {
    const text = String(value);
    const isCut = text.length > PREVIEW_CHARS;
    return [`${key}=${formatValue(isCut ? `${text.slice(0, PREVIEW_CHARS)}…` : text)}`];
  }
  return [`${key}=${formatValue(value)}`];
}

function formatValue(value: unknown): string {
  if (typeof value === "string") {
    return /^[\w.:/@*-]+$/.test(value) ? value : printable(JSON.stringify(value));
  }
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    return value.map(formatValue).join(",");
  }
  return printable(JSON.stringify(value));
}

/** What a capture says must not move a terminal's cursor, nor turn its text around. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`,
  );
}

function clockTime(timeSeconds: number): string {
  // A damaged file may name any time; a Date holds some of them.
  if (timeSeconds > 8.64e12) return "--:--:--.------";
  const micros = Math.trunc(timeSeconds % 1 * 1e6).toString().padStart(6, "0");
  const day = new Date(Math.floor(timeSeconds) * 1000).toISOString();
  return `${day.slice(11, 19)}.${micros}`;
}
