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
      msg: event.message,
      ...event.fields,
    }))
  }\n`;
}

function formatText(event: LogEvent, isColoured: boolean): string {
  const level = isColoured ? `${COLOURS[event.level]}${event.level}${PLAIN}` : event.level;
  const key = (name: string) => isColoured ? `${DIM}${name}=${PLAIN}` : `${name}=`;
  let line = `${key("ts")}${event.time.toISOString()} ${key("level")}${level} ` +
    `${key("event")}${event.event} ${key("msg")}${quote(event.message)}`;
  for (const [name, value] of Object.entries(event.fields)) {
    if (value !== undefined) line += ` ${key(name)}${quote(String(value))}`;
  }
  return `${line}\n`;
}

/** Bare if a reader of logfmt takes it as it is, else as a JSON string. */
function quote(text: string): string {
  return /^[\w.:/@%+,*#[\]()~-]+$/.test(text) ? text : escapeControls(JSON.stringify(text));
}
