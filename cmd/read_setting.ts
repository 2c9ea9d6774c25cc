/** Errors of a setting under the name that its user gave it by. */
import { ConfigError } from "../lib/errors.ts";

/** Runs a parser that throws RangeErrors. @throws {ConfigError} under the setting's name. */
export function readSetting<T>(source: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(source, error.message, { cause: error });
  }
}
