/** The shape that every subcommand has; `cmd/mod.ts` finds it, `cmd/run.ts` runs it. */
import type { ConfigView } from "../lib/admin/common_routes.ts";
import type { LogFormat, LogLevel } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { Right } from "./give_up.ts";
import type { OptionSpec, OptionValues } from "./option.ts";
import type { Settings } from "./settings.ts";

/** How the program ends. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** It did not work out; a probe's failed step too. */
  failed: 1,
  /** Wrong usage or configuration: trying again cannot help. */
  usage: 2,
  /** An agent that the server refused for good. */
  refused: 3,
} as const;

/** Where a command prints: stdout or stderr of the process, or a string in tests. */
export interface Output {
  /** True for a terminal. */
  readonly isTerminal: boolean;
  /** Characters that a line of a terminal holds; undefined for files and pipes. */
  readonly width?: number | undefined;
  /** Lines that a terminal shows; undefined for files and pipes. */
  readonly height?: number | undefined;
  /** True if colours are wanted: a terminal, and no `NO_COLOR`. */
  readonly isColoured: boolean;
  /** Writes all of it. @throws {ClosedError} nobody reads any more (`revtun … | head`). */
  write(chunk: string | Uint8Array): Promise<void>;
}

/** What the process gives to a command, real or made up by a test. */
export interface ProcessContext {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: ReadableStream<Uint8Array>;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
  /** Names of the variables that may be read; absent where that is not known. */
  envNames?(): readonly string[];
  /** Gives up all rights but these, for good; absent where the process is not the command's own. */
  giveUpRights?(kept: readonly Right[]): Promise<void>;
  /** Aborted on the first SIGINT or SIGTERM; the second ends the process at once. */
  readonly signal: AbortSignal;
  /** Calls `run` on each SIGHUP, which ends a process otherwise; the result takes that back. */
  onHangup?(run: () => void): () => void;
}

/** What one run of a command gets. */
export interface Context<V> extends ProcessContext, Settings<V> {
  /** Positional arguments, as many as `Command.args` allows. */
  readonly args: readonly string[];
  /**
   * Makes the runtime with the log that `--log-level` and `--log-format` ask for. Closed by the
   * framework when `run()` has settled, after the log has left.
   */
  createRuntime(): Runtime;
  /** For those who change the log while the command runs. */
  readonly logControl: LogControl;
  /** The settings of now, masked, each with its source; and what became of reloads. */
  settingsView(): ConfigView;
  /**
   * Takes the settings anew from now on, when a file of theirs changes or on SIGHUP; whoever asks
   * closes it.
   */
  followSettings(options: FollowOptions<V>): Following;
}

/** How to take settings anew. */
export interface FollowOptions<V> {
  /** Puts them to use, all of them or none. @throws {RevtunError} what was in use stays so. */
  apply(settings: Settings<V>): Promise<void>;
  /** Options whose files are read for `apply`, and whose change is one of the settings. */
  watched(values: V): readonly string[];
  readonly runtime: Runtime;
}

/** Settings that are followed. */
export interface Following {
  /** Resolves when nothing is read or applied any more. */
  close(): Promise<void>;
}

/** What of a log may change. */
export interface LogControl {
  level: LogLevel;
  format: LogFormat;
}

/** Positional arguments that a command takes. */
export interface ArgsSpec {
  /** For the usage line: "ADDRESS". */
  placeholder: string;
  min: number;
  max: number;
  /** What the first of them may be, for completions. */
  choices?: readonly string[];
  /** The others, or all where there are no choices, are paths of files. */
  areFiles?: boolean;
}

/** A command line to show in the help, with what it does. */
export interface Example {
  line: string;
  description: string;
}

/** A subcommand, its options' values erased; made by {@link defineCommand}. */
export interface Command {
  name: string;
  /** One line for the program's help, without a full stop. */
  summary: string;
  /** More than the summary has room for; paragraphs separated by an empty line. */
  description?: string;
  /** Stands in for the derived usage line. */
  usage?: string;
  args?: ArgsSpec;
  options: readonly OptionSpec[];
  examples: readonly Example[];
  /** Its part of the settings file that `--config` names; none if undefined. */
  section?: string;
  /** Does with settings what `run()` does before it starts anything. @throws {ConfigError} */
  // deno-lint-ignore no-explicit-any
  check?(settings: Settings<any>, runtime: Runtime): Promise<void>;
  /** Resolves to the exit code. Errors of `lib/errors.ts` become one line and their code. */
  // deno-lint-ignore no-explicit-any
  run(context: Context<any>): Promise<number>;
}

/** A subcommand whose `run()` knows the types of its own options. */
export interface TypedCommand<O extends readonly OptionSpec[]> extends Command {
  options: O;
  check?(settings: Settings<OptionValues<O>>, runtime: Runtime): Promise<void>;
  run(context: Context<OptionValues<O>>): Promise<number>;
}

/**
 * Gives `run()` the types of the options:
 * `export const command = defineCommand({ name: "probe", options: [...], ... })`.
 */
export function defineCommand<const O extends readonly OptionSpec[]>(
  command: TypedCommand<O>,
): Command {
  return command;
}
