/**
 * The part of `@std/log` that revtun uses, on loglevel: for machines that reach an npm registry
 * only. loglevel decides by level, the rest is @std's shape.
 */
import loglevel from "loglevel";

const LEVELS = { NOTSET: 0, DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, CRITICAL: 50 } as const;
const LOGLEVEL_NAMES = {
  NOTSET: "trace",
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  ERROR: "error",
  CRITICAL: "silent",
} as const;

/** Names of levels, as @std has them. */
export type LevelName = keyof typeof LEVELS;
/** Numbers of levels, as @std has them. */
export type LogLevel = typeof LEVELS[LevelName];
/** Makes a line of a record. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** What a record is made of. */
export interface LogRecordOptions {
  msg: string;
  args: unknown[];
  level: LogLevel;
  loggerName: string;
}

/** One logged event. */
export class LogRecord {
  readonly msg: string;
  readonly args: unknown[];
  readonly level: LogLevel;
  readonly levelName: LevelName;
  readonly loggerName: string;
  readonly datetime: Date = new Date();

  constructor(options: LogRecordOptions) {
    this.msg = options.msg;
    this.args = options.args;
    this.level = options.level;
    this.levelName = nameOf(options.level);
    this.loggerName = options.loggerName;
  }
}

/** Where records go; made to be extended. */
export class BaseHandler {
  readonly levelName: LevelName;
  readonly level: LogLevel;
  formatter: FormatterFunction;

  constructor(levelName: LevelName, options: { formatter?: FormatterFunction } = {}) {
    this.levelName = levelName;
    this.level = LEVELS[levelName];
    this.formatter = options.formatter ?? ((record) => `${record.levelName} ${record.msg}`);
  }

  handle(record: LogRecord): void {
    if (record.level >= this.level) this.log(this.formatter(record));
  }

  log(_msg: string): void {}
  setup(): void {}
  destroy(): void {}
}

/** Hands records of its level and above to its handlers. */
export class Logger {
  readonly loggerName: string;
  readonly handlers: BaseHandler[];
  readonly #log: loglevel.Logger;
  #levelName: LevelName;

  constructor(
    loggerName: string,
    levelName: LevelName,
    options: { handlers?: BaseHandler[] } = {},
  ) {
    this.loggerName = loggerName;
    this.#levelName = levelName;
    this.handlers = options.handlers ?? [];
    // A symbol, since loglevel gives one logger to all who ask by the same name.
    this.#log = loglevel.getLogger(Symbol(loggerName));
    this.#log.methodFactory = (method) => {
      const level = LEVELS[method.toUpperCase() as LevelName];
      return (msg: string, ...args: unknown[]) => {
        const record = new LogRecord({ msg, args, level, loggerName });
        for (const handler of this.handlers) handler.handle(record);
      };
    };
    this.#log.setLevel(LOGLEVEL_NAMES[levelName], false);
  }

  get level(): LogLevel {
    return LEVELS[this.#levelName];
  }

  get levelName(): LevelName {
    return this.#levelName;
  }

  set levelName(levelName: LevelName) {
    this.#levelName = levelName;
    this.#log.setLevel(LOGLEVEL_NAMES[levelName], false);
  }

  debug(msg: string, ...args: unknown[]): string {
    this.#log.debug(msg, ...args);
    return msg;
  }

  info(msg: string, ...args: unknown[]): string {
    this.#log.info(msg, ...args);
    return msg;
  }

  warn(msg: string, ...args: unknown[]): string {
    this.#log.warn(msg, ...args);
    return msg;
  }

  error(msg: string, ...args: unknown[]): string {
    this.#log.error(msg, ...args);
    return msg;
  }
}

function nameOf(level: LogLevel): LevelName {
  return (Object.keys(LEVELS) as LevelName[]).find((name) => LEVELS[name] === level) ?? "NOTSET";
}
