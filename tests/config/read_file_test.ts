import assert from "node:assert/strict";
import { MAX_FILE_BYTES, readFileText } from "../../lib/config/read_file.ts";
import { runCli } from "../cli/run_cli.ts";
import { runProgram } from "../programs.ts";
import { Scratch } from "./support.ts";

const VALID = 'agent:\n  cluster: edge-a\n  server_list: ["127.0.0.1:1"]\n';

Deno.test("readFileText() refuses what is no plain file of settings", async () => {
  await using scratch = new Scratch();
  const path = scratch.path;
  await scratch.write("open", VALID);
  await Deno.chmod(`${path}/open`, 0o666);
  await scratch.write("large", new Uint8Array(MAX_FILE_BYTES + 1));
  await Deno.symlink("loop", `${path}/loop`);
  const cases: [string, RegExp][] = [
    [path, /: is a directory, expected a file$/],
    [`${path}/none.yaml`, /: is not there$/],
    [`${path}/open`, /: can be written by anyone on this machine, use chmod o-w$/],
    [`${path}/large`, /: has 8388609 bytes, expected at most 8388608$/],
    [`${path}/loop`, /: cannot be read: /],
    ["/dev/null", /: is no plain file$/],
  ];
  for (const [file, message] of cases) await assert.rejects(readFileText(file), message);
  const file = await scratch.write("agent.yaml", VALID);
  await Deno.chmod(path, 0o777);
  await assert.rejects(readFileText(file), /: can be replaced by anyone, use chmod o-w on /);
  // As /tmp is: only its owner may replace a file.
  await Deno.chmod(path, 0o1777);
  assert.equal((await readFileText(file)).text, VALID);
});

Deno.test("a settings file that may not be read is said to be just that", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("agent.yaml", VALID);
  await Deno.chmod(scratch.path, 0o755);
  await Deno.chmod(file, 0o000);
  const module = import.meta.resolve("../../lib/config/read_file.ts");
  const script = `
    const { readFileText } = await import(${JSON.stringify(module)});
    await readFileText(${JSON.stringify(file)}).catch(({ message }) => console.log(message));`;
  // The system's all-powerful user may read everything: somebody else has to ask.
  const user = Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {};
  const evaluate = ["eval", "--no-config", "--no-lock", script];
  const env = { DENO_DIR: `${scratch.path}/cache`, NO_COLOR: "1" };
  const { stdout, stderr } = await runProgram(Deno.execPath(), evaluate, { env, ...user });
  assert.equal(stdout + stderr, `${file}: cannot be read: permission denied\n`);
});

Deno.test("readFileText() waits for a file that is being written", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("agent.yaml", "");
  const parts = ["agent:\n", "  cluster: edge-a\n", '  server_list: ["127.0.0.1:1"]\n'];
  const writing = (async () => {
    for (const part of parts) {
      await Deno.writeTextFile(file, part, { append: true });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  // Whatever it gets is the file as it was at one time: no half of a write.
  const { text } = await readFileText(file);
  assert.ok(VALID.startsWith(text));
  await writing;
  assert.equal((await readFileText(file)).text, VALID);
});

Deno.test("secrets are read from files that only few can write", async () => {
  await using scratch = new Scratch();
  const token = await scratch.write("token", "s3cret\n");
  const file = await scratch.write("agent.yaml", `${VALID}  token_file: token\n`);
  assert.equal((await runCli(["config", "check", file])).code, 0);
  await Deno.chmod(token, 0o602);
  const { code, stdout } = await runCli(["config", "check", file]);
  assert.equal(code, 2);
  assert.equal(
    stdout,
    `${file}:4:15: agent.token_file: ${token} can be written by anyone, use chmod 600\n`,
  );
});
