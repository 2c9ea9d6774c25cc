/** Command line to options; the only file that knows the argument parser. */
import { parseArgs } from "@std/cli";
import { parseSettingText } from "../lib/config/setting.ts";
import { ConfigError } from "../lib/errors.ts";
import { nearestMatch } from "../lib/suggest.ts";
import { envNameOf, hasFlag } from "./option.ts";
import type { OptionSpec } from "./option.ts";
import { textLayer } from "./resolve_options.ts";
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
  const flags = specs.filter(hasFlag);
  const booleans = flags.filter((spec) => spec.kind === "boolean").map((spec) => spec.name);
  const valued = flags.filter((spec) => spec.kind !== "boolean").map((spec) => spec.name);
  const alias: Record<string, string> = { help: "h" };
  for (const spec of flags) {
    if (spec.short !== undefined) alias[spec.name] = spec.short;
  }
  const parsed = parseArgs(checkedArgs(argv, specs), {
    "--": true,
    alias,
    boolean: ["help", ...booleans],
    string: ["_", ...valued],
    collect: valued,
    negatable: booleans,
  }) as Record<string, unknown>;
  const given = givenBooleans(argv, flags);
  return {
    isHelpWanted: parsed.help === true,
    args: [...(parsed._ as string[]), ...(parsed["--"] as string[])],
    layer: textLayer((spec): OptionText | undefined => {
      if (!hasFlag(spec)) return undefined;
      if (spec.kind === "boolean") {
        return given.has(spec.name) ? String(parsed[spec.name]) : undefined;
      }
      const values = parsed[spec.name] as string[] | undefined;
      return values === undefined || values.length === 0 ? undefined : values;
    }, (spec) => `--${spec.name}`),
  };
}

/**
 * Refuses what is unknown and writes `--name value` as `--name=value`, so that a value may start
 * with `-` and a missing one is seen: parsers differ in all three.
 */
function checkedArgs(argv: readonly string[], specs: readonly OptionSpec[]): string[] {
  const checked: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const arg = argv[index] ?? "";
    if (arg === "--") return [...checked, ...argv.slice(index)];
    const [head, inline] = splitFlag(arg);
    const spec = specs.find((candidate) => isFlagOf(head, candidate));
    if (spec === undefined) {
      if (arg.startsWith("-") && arg !== "-" && !HELP_FLAGS.includes(arg)) {
        throw unknownFlag(head, specs);
      }
      checked.push(arg);
    } else if (spec.kind === "boolean") {
      checked.push(inline === undefined ? arg : booleanArg(spec, head, inline));
    } else {
      const value = inline ?? argv[++index];
      if (value === undefined || value === "" || specs.some((other) => isFlagOf(value, other))) {
        throw new ConfigError(head, `needs a value, e.g. ${head} ${spec.placeholder ?? "VALUE"}`);
      }
      checked.push(`--${spec.name}=${value}`);
    }
  }
  return checked;
}

/** `--json=false` is for command lines that a script fills in. */
function booleanArg(spec: OptionSpec, head: string, inline: string): string {
  if (head.startsWith("--no-") && !spec.name.startsWith("no-")) {
    throw new ConfigError(head, "takes no value");
  }
  try {
    return `--${spec.name}=${parseSettingText(spec, inline)}`;
  } catch (error) {
    throw new ConfigError(head, (error as Error).message, { cause: error });
  }
}

const HELP_FLAGS: readonly string[] = ["--help", "-h"];

function isFlagOf(head: string, spec: OptionSpec): boolean {
  if (!hasFlag(spec)) return false;
  return head === `--${spec.name}` || (spec.short !== undefined && head === `-${spec.short}`) ||
    (spec.kind === "boolean" && head === `--no-${spec.name}`);
}

/** The booleans that stand in the line: the parser sets those that do not to false. */
function givenBooleans(argv: readonly string[], flags: readonly OptionSpec[]): Set<string> {
  const end = argv.indexOf("--");
  const heads = argv.slice(0, end === -1 ? undefined : end).map((arg) => splitFlag(arg)[0]);
  return new Set(
    flags.filter((spec) => spec.kind === "boolean" && heads.some((head) => isFlagOf(head, spec)))
      .map((spec) => spec.name),
  );
}

function splitFlag(arg: string): [head: string, inline: string | undefined] {
  const equals = arg.startsWith("-") ? arg.indexOf("=") : -1;
  return equals === -1 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function unknownFlag(head: string, specs: readonly OptionSpec[]): ConfigError {
  const name = head.replace(/^-+/, "");
  const secret = specs.find((spec) => spec.isEnvOnly && spec.name === name);
  if (secret !== undefined) {
    const variable = envNameOf(secret);
    return new ConfigError(head, `is no flag, set ${variable}: every user here sees command lines`);
  }
  const known = specs.filter(hasFlag).flatMap((spec) =>
    spec.kind === "boolean" ? [spec.name, `no-${spec.name}`] : [spec.name]
  );
  const nearest = nearestMatch(name, [...known, "help"]);
  const hint = nearest === undefined ? "see --help" : `did you mean --${nearest}?`;
  return new ConfigError(head, `unknown flag, ${hint}`);
}
