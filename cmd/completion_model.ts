/** What shells have to know of the commands, from the definitions that `--help` is made of. */
import type { Command } from "./command.ts";
import { COMMANDS } from "./mod.ts";
import { HOST_PLACEHOLDER } from "./host_argument.ts";
import { hasFlag } from "./option.ts";
import type { OptionSpec } from "./option.ts";

/** What may stand somewhere in a command line: one of these words, a file's name, or anything. */
export type Completable = readonly string[] | "file" | "free";

/** A flag as a shell sees it. */
export interface CompletableFlag {
  /** With its dashes: "--listen". */
  readonly name: string;
  /** "-V". */
  readonly short?: string;
  readonly description: string;
  /** What its value may be; undefined for a flag that takes none. */
  readonly value?: Completable;
  readonly placeholder: string;
}

/** A command as a shell sees it. */
export interface CompletableCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletableFlag[];
  /** Its first argument, where that is one of a few words; else empty. */
  readonly words: readonly string[];
  /** All other arguments; "hosts" for one host of a running server, as CLUSTER/HOST. */
  readonly rest: "file" | "free" | "hosts";
}

/** Every command, in the order of the help. */
export async function completableCommands(): Promise<CompletableCommand[]> {
  const modules = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return modules.map(({ command }) => completable(command));
}

function completable({ name, summary, args, options }: Command): CompletableCommand {
  return {
    name,
    summary,
    flags: [...options.filter(hasFlag).flatMap(flagsOf), HELP],
    words: args?.choices ?? [],
    rest: args?.areFiles === true
      ? "file"
      : args?.placeholder === HOST_PLACEHOLDER
      ? "hosts"
      : "free",
  };
}

const HELP: CompletableFlag = {
  name: "--help",
  short: "-h",
  description: "Show options and examples",
  placeholder: "",
};

function flagsOf(spec: OptionSpec): CompletableFlag[] {
  const { kind, description, placeholder = "VALUE", short } = spec;
  const flag: CompletableFlag = {
    name: `--${spec.name}`,
    ...(short !== undefined && { short: `-${short}` }),
    description,
    placeholder,
    ...(kind !== "boolean" && { value: valueOf(spec) }),
  };
  // Taking back is of use only for what is on by itself.
  const isOn = kind === "boolean" && (spec.default === "true" || spec.defaultText !== undefined);
  return isOn ? [flag, { ...flag, name: `--no-${spec.name}` }] : [flag];
}

function valueOf({ choices, isFile, placeholder = "" }: OptionSpec): Completable {
  if (choices !== undefined) return choices;
  return isFile === true || /\b(FILE|DIR)\b/.test(placeholder) ? "file" : "free";
}
