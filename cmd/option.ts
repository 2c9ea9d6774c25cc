/** What an option of a command is, and its value from text. */
import { parseDuration } from "../lib/duration.ts";
import { parseSize } from "../lib/size.ts";

/** How an option's text is read: durations become ms, sizes bytes, a list is repeatable. */
export type OptionKind = "string" | "boolean" | "number" | "duration" | "size" | "list";

/** One option of a command. */
export interface OptionSpec {
  /** Long name in kebab-case: "log-level" is `--log-level`. */
  name: string;
  /** One letter: "h" is `-h`. */
  short?: string;
  kind: OptionKind;
  /** What stands for the value in the help: "ADDRESS". */
  placeholder?: string;
  /** As a user would write it: "15s", "64KiB", "true"; of a list, comma separated. */
  default?: string;
  /** Shown in the help in place of `default`; the value of an option not set is then undefined. */
  defaultText?: string;
  /** Values that are allowed; all others are errors. */
  choices?: readonly string[];
  /** Smallest and largest value of numbers, durations (ms) and sizes (bytes). */
  min?: number;
  max?: number;
  /** Environment variable; REVTUN_ and the name in upper case if undefined. */
  env?: string;
  /** True for secrets, which must not stand in a command line: no flag, environment only. */
  isEnvOnly?: boolean;
  description: string;
  /** Heading in the help; "Options" if undefined. */
  group?: string;
}

/** The type of one option's value. */
export type OptionValue<S extends OptionSpec> = S["kind"] extends "list" ? readonly string[]
  : S["kind"] extends "boolean" ? S extends { defaultText: string } ? boolean | undefined : boolean
  :
    | (S["kind"] extends "string" ? (S extends { choices: readonly (infer C)[] } ? C : string)
      : number)
    | (S extends { default: string } ? never : undefined);

/** The type of all options' values, by long name. */
export type OptionValues<O extends readonly OptionSpec[]> = {
  readonly [S in O[number] as S["name"]]: OptionValue<S>;
};

/** The environment variable that sets an option. */
export function envNameOf(spec: OptionSpec): string {
  return spec.env ?? `REVTUN_${spec.name.replaceAll("-", "_").toUpperCase()}`;
}

/**
 * Reads the value of one option from text; of a list, one item.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the option's name.
 */
export function parseOptionText(spec: OptionSpec, text: string): string | number | boolean {
  switch (spec.kind) {
    case "boolean":
      return parseBoolean(text);
    case "number":
      return inRange(spec, parseNumber(text), String);
    case "duration":
      return inRange(spec, parseDuration(text), (ms) => `${ms}ms`);
    case "size":
      return inRange(spec, parseSize(text), (bytes) => `${bytes}B`);
    case "string":
    case "list":
      if (spec.choices !== undefined && !spec.choices.includes(text)) {
        throw new RangeError(`"${text}" is none of ${spec.choices.join(", ")}`);
      }
      return text;
  }
}

function parseBoolean(text: string): boolean {
  const lower = text.toLowerCase();
  if (["true", "1", "yes", "on"].includes(lower)) return true;
  if (["false", "0", "no", "off", ""].includes(lower)) return false;
  throw new RangeError(`"${text}" is neither true nor false`);
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (!/^-?\d+(\.\d+)?$/.test(text) || !Number.isFinite(value)) {
    throw new RangeError(`"${text}" is not a number`);
  }
  return value;
}

function inRange(spec: OptionSpec, value: number, format: (value: number) => string): number {
  if (spec.min !== undefined && value < spec.min) {
    throw new RangeError(`${format(value)} is too small, expected at least ${format(spec.min)}`);
  }
  if (spec.max !== undefined && value > spec.max) {
    throw new RangeError(`${format(value)} is too large, expected at most ${format(spec.max)}`);
  }
  return value;
}
