import assert from "node:assert/strict";
import { COMMANDS } from "../../cmd/mod.ts";
import { VERSION } from "../../cmd/software.ts";
import { runCli } from "./run_cli.ts";

Deno.test("revtun --help lists every command and the two that make a tunnel", async () => {
  for (const argv of [["--help"], ["-h"], ["help"]]) {
    const { code, stdout, stderr } = await runCli(argv);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    for (const name of Object.keys(COMMANDS)) {
      assert.match(stdout, new RegExp(`^  ${name} +\\w`, "m"));
    }
    assert.match(stdout, /revtun server --listen :8080 --tunnel :9000/);
    assert.match(stdout, /revtun agent --server cloud:9000 --cluster edge-a --target 127/);
  }
});

Deno.test("revtun alone shows the help on stderr and is wrong usage", async () => {
  const { code, stdout, stderr } = await runCli([]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /Usage: revtun COMMAND/);
});

Deno.test("every command has a help of its own that fits a terminal", async () => {
  for (const name of Object.keys(COMMANDS)) {
    const { code, stdout } = await runCli([name, "--help"]);
    assert.equal(code, 0, name);
    assert.match(stdout, new RegExp(`Usage: revtun ${name}`));
    for (const line of stdout.split("\n")) assert.ok(line.length <= 110, `${name}: ${line}`);
    assert.equal((await runCli(["help", name])).stdout, stdout);
  }
});

Deno.test("every command's help has an example that its own options understand", async () => {
  for (const [name, load] of Object.entries(COMMANDS)) {
    const { command } = await load();
    assert.equal(command.name, name);
    assert.ok(command.examples.length > 0, `${name} has no example`);
    const names = new Set(["help", "version", ...command.options.map((spec) => spec.name)]);
    const { stdout } = await runCli([name, "--help"]);
    const variable = /also by environment: --(\S+) is REVTUN_/.exec(stdout)?.[1];
    assert.ok(variable === undefined || names.has(variable), `${name} has no --${variable}`);
    for (const { line } of command.examples) {
      for (const [, flag = ""] of line.split(" -- ")[0]!.matchAll(/ --(?:no-)?([a-z][\w-]*)/g)) {
        assert.ok(names.has(flag), `${name}: --${flag} of its example is no option`);
      }
    }
  }
});

Deno.test("options of a command do not collide", async () => {
  for (const [name, load] of Object.entries(COMMANDS)) {
    const { command } = await load();
    const flags = command.options.flatMap((spec) => [spec.name, ...spec.short ? [spec.short] : []]);
    assert.deepEqual(flags, [...new Set(flags)], name);
    for (const flag of flags) assert.match(flag, /^[a-z0-9][a-z0-9-]*$/);
    for (const spec of command.options) assert.doesNotMatch(spec.description, /\.$/, spec.name);
  }
});

Deno.test("revtun --version is one line, and the version of the package", async () => {
  const { stdout } = await runCli(["--version"]);
  assert.equal(stdout, (await runCli(["version"])).stdout);
  assert.match(stdout, /^revtun \d+\.\d+\.\d+ \(deno .+\)\n$/);
  const json = JSON.parse((await runCli(["version", "--json"])).stdout);
  assert.equal(json.revtun, VERSION);
  for (const file of ["package.json", "deno.json"]) {
    const text = await Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
    assert.equal(JSON.parse(text).version, VERSION, file);
  }
});

Deno.test("wrong usage is one line that says what to do, and exit 2", async () => {
  const cases: [string[], string][] = [
    [["sevrer"], "revtun: sevrer: unknown command, did you mean server?\n"],
    [["kubernetes"], "revtun: kubernetes: unknown command, see revtun --help\n"],
    [["toString"], "revtun: toString: unknown command, see revtun --help\n"],
    [["help", "agnet"], "revtun: agnet: unknown command, did you mean agent?\n"],
    [["--verison"], "revtun: --verison: a command comes first, see revtun --help\n"],
    [["version", "--jsn"], "revtun: --jsn: unknown flag, did you mean --json?\n"],
    [["version", "now"], "revtun: now: unexpected argument, see revtun version --help\n"],
  ];
  for (const [argv, message] of cases) {
    assert.deepEqual(await runCli(argv), { code: 2, stdout: "", stderr: message });
  }
});
