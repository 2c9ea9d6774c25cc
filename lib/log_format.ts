/** An event of the log as one line of text. */
import type { LogFields, LogLevel } from "./log.ts";
import { escapeControls } from "./printable.ts";

/** `text` is logfmt, for people and grep; `json` one object a line. */
export type LogFormat = "text" | "json";

/** What one line says. */
export interface LogEvent {
  time: Date;
  level: LogLevel;
  /** `noun.verb` */
  event: string;
  message: string;
  fields: LogFields;
}

/** Characters of one text: a peer's word of 64 KB in each line would fill a disk. */
const MAX_TEXT = 4096;

/** The start of a text that is too long for a log. */
export function shortened(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** The same for every text among the fields of an event. */
export function shortenedFields(fields: LogFields): LogFields {
  let short: Record<string, LogFields[string]> | undefined;
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "string" && value.length > MAX_TEXT) {
      short ??= { ...fields };
      short[name] = shortened(value);
    }
  }
  return short ?? fields;
}

const COLOURS: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[90m",
  info: "\x1b[36m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/** Formats an event; the line ends in a line feed and holds no other control character. */
export function formatEvent(format: LogFormat, event: LogEvent, isColoured = false): string {
  return format === "json" ? formatJson(event) : formatText(event, isColoured);
}

function formatJson(event: LogEvent): string {
  return `${
    escapeControls(JSON.stringify({
      ts: event.time.toISOString(),
      level: event.level,
      event: event.event,
      msg: shortened(event.message),
      ...shortenedFields(event.fields),
    }))
  }\n`;
}

function formatText(event: LogEvent, isColoured: boolean): string {
  const level = isColoured ? `${COLOURS[event.level]}${event.level}${PLAIN}` : event.level;
  const key = (name: string) => isColoured ? `${DIM}${name}=${PLAIN}` : `${name}=`;
  let line = `${key("ts")}${event.time.toISOString()} ${key("level")}${level} ` +
    `${key("event")}${event.event} ${key("msg")}${quote(shortened(event.message))}`;
  for (const [name, value] of Object.entries(event.fields)) {
    if (value !== undefined) line += ` ${key(name)}${quote(shortened(String(value)))}`;
  }
  return `${line}\n`;
}

/** Bare if a reader of logfmt takes it as it is, else as a JSON string. */
function quote(text: string): string {
  return /^[\w.:/@%+,*#[\]()~-]+$/.test(text) ? text : escapeControls(JSON.stringify(text));
}
