/** argv -> command -> exit code. Ends no process and throws nothing: main.ts does the first. */
import { LOG_OPTIONS } from "./common_options.ts";
import { EXIT } from "./command.ts";
import { checkVariables } from "./check_variables.ts";
import { COMMAND_RIGHTS } from "./command_rights.ts";
import type { Command, Context, ProcessContext } from "./command.ts";
import { reportError } from "./report_error.ts";
import { LiveSettings } from "./live_settings.ts";
import { COMMANDS } from "./mod.ts";
import { parseOptions } from "./parse_options.ts";
import { environmentLayer } from "./resolve_options.ts";
import { RuntimeOwner } from "./runtime_owner.ts";
import { SettingsSource } from "./settings.ts";
import { ConfigError } from "../lib/errors.ts";
import { nearestMatch } from "../lib/suggest.ts";

/** Runs the command that `argv` (without the program's name) asks for; resolves to its exit code. */
export function run(argv: readonly string[], process: ProcessContext): Promise<number> {
  return guarded(argv, process, (runtimes) => dispatch(argv, process, runtimes));
}

/** Runs one command with its own arguments, as `run()` does. */
export function runCommand(
  command: Command,
  argv: readonly string[],
  process: ProcessContext,
): Promise<number> {
  return guarded(argv, process, (runtimes) => execute(command, argv, process, runtimes));
}

async function guarded(
  argv: readonly string[],
  process: ProcessContext,
  body: (runtimes: RuntimeOwner) => Promise<number>,
): Promise<number> {
  const runtimes = new RuntimeOwner(process.stderr);
  try {
    return await body(runtimes);
  } catch (error) {
    await runtimes.flush();
    return await reportError(error, process.stderr, {
      isStackWanted: runtimes.isDebug || isDebugAsked(argv, process),
    });
  } finally {
    await runtimes.close();
  }
}

/** @throws {ConfigError} no command of this name; says which one is near. */
export async function findCommand(name: string): Promise<Command> {
  const load = COMMANDS[name];
  if (load !== undefined && Object.hasOwn(COMMANDS, name)) return (await load()).command;
  const nearest = nearestMatch(name, Object.keys(COMMANDS));
  const hint = nearest === undefined ? "see revtun --help" : `did you mean ${nearest}?`;
  throw new ConfigError(name, `unknown command, ${hint}`);
}

/** For errors that come before the options are understood. */
function isDebugAsked(argv: readonly string[], process: ProcessContext): boolean {
  return process.env("REVTUN_LOG_LEVEL") === "debug" ||
    /--log-level[= ]debug\b/.test(argv.join(" "));
}

async function dispatch(
  argv: readonly string[],
  process: ProcessContext,
  runtimes: RuntimeOwner,
): Promise<number> {
  const [first, ...rest] = argv;
  switch (first) {
    case undefined:
    case "--help":
    case "-h": {
      const { programHelp } = await import("./help.ts");
      // Nothing asked for is wrong usage; the answer is the same.
      await (first === undefined ? process.stderr : process.stdout).write(await programHelp());
      return first === undefined ? EXIT.usage : EXIT.ok;
    }
    case "--version":
    case "-V":
      return await execute(await findCommand("version"), rest, process, runtimes);
    default:
      if (first.startsWith("-")) {
        throw new ConfigError(first, "a command comes first, see revtun --help");
      }
      return await execute(await findCommand(first), rest, process, runtimes);
  }
}

async function execute(
  command: Command,
  argv: readonly string[],
  process: ProcessContext,
  runtimes: RuntimeOwner,
): Promise<number> {
  const line = parseOptions(argv, command.options);
  if (line.isHelpWanted) {
    const { commandHelp } = await import("./help.ts");
    await process.stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  checkArgs(command, line.args);
  await checkVariables(process.envNames?.() ?? [], command);
  const env = remembered(process.env);
  const source = new SettingsSource(command, [line.layer, environmentLayer(env)]);
  const loaded = await source.load();
  const { values, sourceOf } = loaded;
  runtimes.configure({
    level: String(values["log-level"] ?? LOG_OPTIONS[0].default),
    format: String(values["log-format"] ?? LOG_OPTIONS[1].default),
  });
  const rights = COMMAND_RIGHTS[command.name]?.kept(values, line.args) ?? [];
  await process.giveUpRights?.(rights);
  const live = new LiveSettings(loaded, { command, source, process, log: runtimes });
  const context: Context<Record<string, unknown>> = {
    stdout: process.stdout,
    stderr: process.stderr,
    // Opened only by commands that read it.
    get stdin() {
      return process.stdin;
    },
    signal: process.signal,
    env: (name) => process.env(name),
    ...(process.onHangup && { onHangup: process.onHangup }),
    giveUpRights: async (kept) => await process.giveUpRights?.(kept),
    values,
    args: line.args,
    sourceOf,
    createRuntime: () => runtimes.createRuntime(),
    logControl: runtimes,
    settingsView: () => live.view(),
    followSettings: (options) => live.follow(options),
  };
  return await command.run(context);
}

function checkArgs(command: Command, args: readonly string[]): void {
  const { min = 0, max = 0, placeholder = "" } = command.args ?? {};
  const surplus = args[max];
  if (surplus !== undefined) {
    throw new ConfigError(
      surplus,
      `unexpected argument, see revtun ${command.name} --help`,
    );
  }
  if (args.length < min) {
    throw new ConfigError(placeholder, `missing, see revtun ${command.name} --help`);
  }
}

/** Variables as they are when they are first looked at: later there may be no right to. */
function remembered(env: (name: string) => string | undefined): typeof env {
  const values = new Map<string, string | undefined>();
  return (name) => {
    if (!values.has(name)) values.set(name, env(name));
    return values.get(name);
  };
}
