/**
 * Events of the program, for people and machines.
 *
 * The only file that imports `@std/log`. Its own handlers write to stdout and block while they do;
 * ours formats at once and leaves the writing to a {@link LineQueue}.
 */
import { BaseHandler, Logger } from "@std/log";
import type { LevelName, LogRecord } from "@std/log";
import { formatEvent } from "./log_format.ts";
import type { LogEvent, LogFormat } from "./log_format.ts";
import { LineQueue } from "./line_queue.ts";

export type { LogFormat } from "./log_format.ts";

/** Least important first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What goes with an event: snake_case names, units in the name (`rtt_ms`). */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where events go. `event` is `noun.verb`, `message` a sentence without a full stop. */
export interface Log {
  /** False where debug events go nowhere: skip the work of making them. */
  readonly isDebug: boolean;
  debug(event: string, message: string, fields?: LogFields): void;
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
  /** A log whose events all carry `fields` too. */
  child(fields: LogFields): Log;
}

/** Drops everything. */
export const silentLog: Log = {
  isDebug: false,
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

/** How a log looks and where it goes. */
export interface LogOptions {
  /** Least important events to write. */
  level: LogLevel;
  format: LogFormat;
  /** Writes whole lines; may fail or hang without harm to who logs. */
  write(text: string): void | Promise<void>;
  /** Colours the text format; false by default. */
  isColoured?: boolean;
  /** Lines that may wait to be written, 1024 by default; later ones are dropped and counted. */
  maxWaitingLines?: number;
}

/** A log and the end of its life. */
export interface ClosableLog extends Log {
  /** Lines that were lost: the queue was full, or the write failed. */
  readonly droppedCount: number;
  /** Resolves when everything logged so far is written, or after half a second if it cannot be. */
  flush(): Promise<void>;
  /** Least important events to write; may be changed at any time, for all children too. */
  level: LogLevel;
  /** How lines look; may be changed at any time, for all children too. */
  format: LogFormat;
  /** Flushes, then drops what is logged later. */
  close(): Promise<void>;
}

const LEVEL_NAMES: Readonly<Record<LogLevel, LevelName>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
};

/** Makes a log. */
export function createLog(options: LogOptions): ClosableLog {
  const look = { format: options.format };
  const format = (event: LogEvent) => formatEvent(look.format, event, options.isColoured);
  const queue = new LineQueue({
    write: (text) => options.write(text),
    maxWaitingLines: options.maxWaitingLines ?? 1024,
    dropNotice: (count) =>
      format({
        time: new Date(),
        level: "warn",
        event: "log.dropped",
        message: "Log lines were lost: they could not be written, or not fast enough",
        fields: { lines: count },
      }),
  });
  const logger = new Logger("revtun", LEVEL_NAMES[options.level], {
    // The logger alone decides by level: its level can change, a handler's can not.
    handlers: [new QueueHandler("DEBUG", queue, format)],
  });
  return new StdLog(logger, queue, look, {});
}

/** Formats records of @std/log and queues them. */
class QueueHandler extends BaseHandler {
  readonly #queue: LineQueue;

  constructor(level: LevelName, queue: LineQueue, format: (event: LogEvent) => string) {
    super(level, { formatter: (record) => format(toEvent(record)) });
    this.#queue = queue;
  }

  override log(line: string): void {
    this.#queue.push(line);
  }
}

function toEvent(record: LogRecord): LogEvent {
  const [event, fields] = record.args as [string, LogFields];
  const level = record.levelName.toLowerCase() as LogLevel;
  return { time: record.datetime, level, event, message: record.msg, fields };
}

/** Our `Log` in front of a logger of @std/log: the event's name and fields travel as its arguments. */
class StdLog implements ClosableLog {
  readonly #logger: Logger;
  readonly #queue: LineQueue;
  /** Shared with its children. */
  readonly #look: { format: LogFormat };
  readonly #fields: LogFields;

  constructor(
    logger: Logger,
    queue: LineQueue,
    look: { format: LogFormat },
    fields: LogFields,
  ) {
    this.#logger = logger;
    this.#queue = queue;
    this.#look = look;
    this.#fields = fields;
  }

  get isDebug(): boolean {
    return this.#logger.levelName === "DEBUG";
  }

  get level(): LogLevel {
    return this.#logger.levelName.toLowerCase() as LogLevel;
  }

  set level(level: LogLevel) {
    this.#logger.levelName = LEVEL_NAMES[level];
  }

  get format(): LogFormat {
    return this.#look.format;
  }

  set format(format: LogFormat) {
    this.#look.format = format;
  }

  get droppedCount(): number {
    return this.#queue.droppedCount;
  }

  debug(event: string, message: string, fields?: LogFields): void {
    if (this.isDebug) this.#logger.debug(message, event, { ...this.#fields, ...fields });
  }

  info(event: string, message: string, fields?: LogFields): void {
    this.#logger.info(message, event, { ...this.#fields, ...fields });
  }

  warn(event: string, message: string, fields?: LogFields): void {
    this.#logger.warn(message, event, { ...this.#fields, ...fields });
  }

  error(event: string, message: string, fields?: LogFields): void {
    this.#logger.error(message, event, { ...this.#fields, ...fields });
  }

  child(fields: LogFields): Log {
    return new StdLog(this.#logger, this.#queue, this.#look, { ...this.#fields, ...fields });
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}
