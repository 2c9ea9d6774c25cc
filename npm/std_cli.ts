/**
 * `parseArgs` of `@std/cli`, the part of it that revtun uses, on minimist, which @std's parser was
 * made after: for machines that reach an npm registry only.
 */
import minimist from "minimist";

/** The options of @std's `parseArgs` that are supported here. */
export interface ParseOptions {
  "--"?: boolean;
  alias?: Record<string, string | readonly string[]>;
  boolean?: readonly string[];
  string?: readonly string[];
  /** Repeatable options: their values are arrays, empty ones too. Of others the last value counts. */
  collect?: readonly string[];
  /** Options that `--no-name` sets to false; of others it is an unknown option. */
  negatable?: readonly string[];
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Reads a command line as @std's `parseArgs` does. */
export function parseArgs(args: string[], options: ParseOptions = {}): Record<string, unknown> {
  const { collect = [], negatable = [], unknown = () => true } = options;
  const end = args.indexOf("--");
  const flags = end === -1 ? args : args.slice(0, end);
  // minimist negates every option, @std only those that are named.
  const known = flags.filter((arg) => {
    const negated = /^--no-([^=]+)$/.exec(arg)?.[1];
    if (negated === undefined || negatable.includes(negated)) return true;
    unknown(arg, `no-${negated}`, true);
    return false;
  });
  const parsed: Record<string, unknown> = minimist(
    end === -1 ? known : [...known, ...args.slice(end)],
    {
      "--": options["--"] ?? false,
      alias: options.alias as Record<string, string | string[]>,
      boolean: [...options.boolean ?? []],
      string: [...options.string ?? []],
      unknown: (arg: string) => unknown(arg) !== false,
    },
  );
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "_" || name === "--") continue;
    if (Array.isArray(value) && !collect.includes(name)) parsed[name] = value.at(-1);
    else if (!Array.isArray(value) && collect.includes(name)) parsed[name] = [value];
  }
  for (const name of collect) parsed[name] ??= [];
  return parsed;
}
