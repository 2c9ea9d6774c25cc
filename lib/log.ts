/** Events of the program, for people and machines; written to stderr by the handler of `createLog`. */

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
