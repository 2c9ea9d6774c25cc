import assert from "node:assert/strict";
import { defineCommand, EXIT } from "../../cmd/command.ts";
import type { Command, ProcessContext } from "../../cmd/command.ts";
import { CONFIG_OPTION, LOG_OPTIONS } from "../../cmd/common_options.ts";
import { runCommand } from "../../cmd/run.ts";
import { ConfigError, DialError } from "../../lib/errors.ts";
import { TextOutput } from "./run_cli.ts";

function surroundings(env: Record<string, string> = {}) {
  const stdout = new TextOutput();
  const stderr = new TextOutput();
  const process: ProcessContext = {
    stdout,
    stderr,
    stdin: new Blob([]).stream(),
    env: (name) => env[name],
    signal: new AbortController().signal,
  };
  return { process, stdout, stderr };
}

const OPTIONS = [
  ...LOG_OPTIONS,
  CONFIG_OPTION,
  { name: "listen", kind: "list", default: ":8080", description: "" },
  { name: "hold", kind: "duration", default: "5s", description: "" },
  { name: "mode", kind: "string", choices: ["auto", "raw"], default: "auto", description: "" },
  { name: "cluster", kind: "string", description: "" },
] as const;

function commandThat(run: Command["run"], more: Partial<Command> = {}): Command {
  return { name: "test", summary: "Test", options: OPTIONS, examples: [], run, ...more };
}

Deno.test("a command's values have the types of its options", async () => {
  const { process } = surroundings();
  const command = defineCommand({
    name: "typed",
    summary: "Typed",
    options: OPTIONS,
    examples: [],
    run({ values }) {
      // These lines are a test by compiling.
      const listen: readonly string[] = values.listen;
      const holdMs: number = values.hold;
      const mode: "auto" | "raw" = values.mode;
      const cluster: string | undefined = values.cluster;
      assert.deepEqual([listen, holdMs, mode, cluster], [[":8080"], 5000, "auto", undefined]);
      return Promise.resolve(EXIT.ok);
    },
  });
  assert.equal(await runCommand(command, [], process), 0);
});

Deno.test("flags go before the environment, that before the file, that before defaults", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/server.yaml`;
  await Deno.writeTextFile(path, 'server:\n  listen: [":1", ":2"]\n  hold: 7s\n');
  const seen: unknown[] = [];
  const command = commandThat(({ values, sourceOf }) => {
    for (const name of ["listen", "hold", "mode"]) seen.push([values[name], sourceOf(name)]);
    return Promise.resolve(EXIT.ok);
  }, { section: "server" });
  const runWith = async (argv: string[], env: Record<string, string>) => {
    seen.length = 0;
    assert.equal(await runCommand(command, argv, surroundings(env).process), 0);
    return [...seen];
  };
  try {
    assert.deepEqual(await runWith([], {}), [
      [[":8080"], "--listen"],
      [5000, "--hold"],
      ["auto", "--mode"],
    ]);
    assert.deepEqual(await runWith(["--config", path], { REVTUN_HOLD: "9s" }), [
      [[":1", ":2"], `${path}:2:11: server.listen`],
      [9000, "REVTUN_HOLD"],
      ["auto", "--mode"],
    ]);
    assert.deepEqual(await runWith(["--hold=1s"], { REVTUN_HOLD: "9s", REVTUN_CONFIG: path }), [
      [[":1", ":2"], `${path}:2:11: server.listen`],
      [1000, "--hold"],
      ["auto", "--mode"],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an error of a command is its line and its code, behind what was logged", async () => {
  const { process, stderr } = surroundings();
  const command = commandThat((context) => {
    context.createRuntime().log.warn("test.happened", "Something happened");
    throw new DialError("cloud:9000", "refused", "connection refused");
  });
  assert.equal(await runCommand(command, [], process), EXIT.failed);
  assert.match(
    stderr.text,
    /^ts=.*event=test\.happened.*\nrevtun: Cannot connect to cloud:9000: connection refused\n$/,
  );
});

Deno.test("the log is as --log-level and --log-format say", async () => {
  const command = commandThat((context) => {
    const { log } = context.createRuntime();
    log.debug("test.debugged", "Small things");
    log.info("test.told", "Things");
    return Promise.resolve(EXIT.ok);
  });
  const json = surroundings();
  assert.equal(
    await runCommand(command, ["--log-level=debug", "--log-format=json"], json.process),
    0,
  );
  const events = json.stderr.text.trim().split("\n").map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ["test.debugged", "test.told"]);
  const quiet = surroundings({ REVTUN_LOG_LEVEL: "error" });
  assert.equal(await runCommand(command, [], quiet.process), 0);
  assert.equal(quiet.stderr.text, "");
});

Deno.test("stacks come with --log-level debug, for errors of every stage", async () => {
  const failing = commandThat(() => Promise.reject(new ConfigError("--listen", "is taken")));
  const { process, stderr } = surroundings();
  assert.equal(await runCommand(failing, ["--log-level", "debug"], process), EXIT.usage);
  assert.match(stderr.text, /^revtun: --listen: is taken\nConfigError: .*\n +at /);
  const early = surroundings();
  assert.equal(
    await runCommand(failing, ["--log-level=debug", "--hold=x"], early.process),
    EXIT.usage,
  );
  assert.match(early.stderr.text, /^revtun: --hold: .*\nConfigError: .*\n +at /);
});

Deno.test("positional arguments are as many as the command takes", async () => {
  const command = commandThat(({ args }) => Promise.resolve(args.length), {
    args: { placeholder: "ADDRESS", min: 1, max: 2 },
  });
  assert.equal(await runCommand(command, ["a", "b"], surroundings().process), 2);
  const none = surroundings();
  assert.equal(await runCommand(command, [], none.process), EXIT.usage);
  assert.equal(none.stderr.text, "revtun: ADDRESS: missing, see revtun test --help\n");
  assert.equal(await runCommand(command, ["a", "b", "c"], surroundings().process), EXIT.usage);
});
