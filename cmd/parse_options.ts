/** Command line to options; the only file that knows the argument parser. */
import { parseArgs } from "@std/cli";
import { ConfigError } from "../lib/errors.ts";
import { nearestMatch } from "../lib/suggest.ts";
import type { OptionSpec } from "./option.ts";
import type { OptionText, SettingsLayer } from "./resolve_options.ts";

/** A command line that was understood. */
export interface ParsedLine {
  isHelpWanted: boolean;
  /** Positional arguments, those after `--` too. */
  args: string[];
  layer: SettingsLayer;
}

/**
 * Reads flags and positional arguments: `--name value`, `--name=value`, `--no-name` of booleans,
 * `-n`, `--` before arguments that look like flags.
 *
 * @throws {ConfigError} an unknown flag (with the nearest known one), or one without its value.
 */
export function parseOptions(argv: readonly string[], specs: readonly OptionSpec[]): ParsedLine {
  const flags = specs.filter((spec) => !spec.isEnvOnly);
  const booleans = flags.filter((spec) => spec.kind === "boolean").map((spec) => spec.name);
  const valued = flags.filter((spec) => spec.kind !== "boolean").map((spec) => spec.name);
  const alias: Record<string, string> = { help: "h" };
  for (const spec of flags) {
    if (spec.short !== undefined) alias[spec.name] = spec.short;
  }
  const parsed = parseArgs(joinValues(argv, flags), {
    "--": true,
    alias,
    boolean: ["help", ...booleans],
    string: ["_", ...valued],
    collect: valued,
    negatable: booleans,
    unknown: (arg) => {
      if (arg.startsWith("-") && arg !== "-") throw unknownFlag(arg, flags);
      return true;
    },
  }) as Record<string, unknown>;
  const given = givenBooleans(argv, flags);
  return {
    isHelpWanted: parsed.help === true,
    args: [...(parsed._ as string[]), ...(parsed["--"] as string[])],
    layer: {
      textOf: (spec): OptionText | undefined => {
        if (spec.kind === "boolean") {
          return given.has(spec.name) ? String(parsed[spec.name]) : undefined;
        }
        const values = parsed[spec.name] as string[] | undefined;
        return values === undefined || values.length === 0 ? undefined : values;
      },
      nameOf: (spec) => `--${spec.name}`,
    },
  };
}

/**
 * Writes `--name value` as `--name=value`, so that a value may start with `-` and a missing one is
 * seen: parsers differ in both.
 */
function joinValues(argv: readonly string[], flags: readonly OptionSpec[]): string[] {
  const joined: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const arg = argv[index] ?? "";
    if (arg === "--") return [...joined, ...argv.slice(index)];
    const [head, inline] = splitFlag(arg);
    const spec = flags.find((flag) => `--${flag.name}` === head || `-${flag.short}` === head);
    if (spec === undefined || spec.kind === "boolean") {
      joined.push(arg);
      continue;
    }
    const value = inline ?? argv[++index];
    if (value === undefined || value === "" || isFlagOf(value, flags)) {
      throw new ConfigError(head, `needs a value, e.g. ${head} ${spec.placeholder ?? "VALUE"}`);
    }
    joined.push(`--${spec.name}=${value}`);
  }
  return joined;
}

/** The booleans that stand in the line: the parser sets those that do not to false. */
function givenBooleans(argv: readonly string[], flags: readonly OptionSpec[]): Set<string> {
  const end = argv.indexOf("--");
  const heads = new Set(
    argv.slice(0, end === -1 ? undefined : end).map((arg) => splitFlag(arg)[0]),
  );
  return new Set(
    flags.filter(({ kind, name, short }) =>
      kind === "boolean" &&
      (heads.has(`--${name}`) || heads.has(`--no-${name}`) || heads.has(`-${short}`))
    ).map(({ name }) => name),
  );
}

function isFlagOf(text: string, flags: readonly OptionSpec[]): boolean {
  const [head] = splitFlag(text);
  return head === "--help" || flags.some((flag) => `--${flag.name}` === head);
}

function splitFlag(arg: string): [head: string, inline: string | undefined] {
  const equals = arg.startsWith("-") ? arg.indexOf("=") : -1;
  return equals === -1 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function unknownFlag(arg: string, flags: readonly OptionSpec[]): ConfigError {
  const [head] = splitFlag(arg);
  const name = head.replace(/^-+/, "");
  const known = flags.flatMap((flag) =>
    flag.kind === "boolean" ? [flag.name, `no-${flag.name}`] : [flag.name]
  );
  const nearest = nearestMatch(name, [...known, "help"]);
  const hint = nearest === undefined ? "see --help" : `did you mean --${nearest}?`;
  return new ConfigError(head, `unknown flag, ${hint}`);
}
