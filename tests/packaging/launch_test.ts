/** The npm launcher under Node, with a stand-in for deno. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openFileLimit } from "../../lib/transport/file_limit.ts";
import { hasProgram } from "../programs.ts";

const LAUNCHER = fileURLToPath(new URL("../../npm/launch.mjs", import.meta.url));
const decoder = new TextDecoder();

const hasNode = await hasProgram("node");
const withNode = { ignore: !hasNode || Deno.build.os === "windows" };

const FAKE_DENO = `#!/bin/sh
for word in "$@"; do shift; case $word in */main.ts) break ;; esac; done
trap 'echo ended by TERM; exit 7' TERM
case $1 in
  exit) exit "$2" ;;
  files) echo "$REVTUN_OPEN_FILES" ;;
  kill) kill -KILL $$ ;;
  wait) echo waiting; while :; do sleep 0.05; done ;;
  *) cat; for word in "$@"; do echo "<$word>"; done ;;
esac
`;

interface Launcher extends AsyncDisposable {
  start(args: string[]): Deno.ChildProcess;
}

async function launcher(): Promise<Launcher> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-launch-" });
  const deno = `${folder}/deno`;
  await Deno.writeTextFile(deno, FAKE_DENO);
  await Deno.chmod(deno, 0o755);
  return {
    start: (args) =>
      new Deno.Command("node", {
        args: [LAUNCHER, ...args],
        env: { REVTUN_DENO: deno },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function endOf(child: Deno.ChildProcess): Promise<[number, string, string]> {
  const { code, stdout, stderr } = await child.output();
  return [code, decoder.decode(stdout), decoder.decode(stderr)];
}

Deno.test(
  "the launcher tells how many files may be open, which deno does not (needs node)",
  { ignore: !hasNode || Deno.build.os !== "linux" },
  async () => {
    await using launch = await launcher();
    const child = launch.start(["files"]);
    await child.stdin.close();
    const [code, stdout] = await endOf(child);
    assert.equal(code, 0);
    assert.match(stdout, /^(\d+)?\n$/);
    assert.equal(stdout.trim(), String(openFileLimit() ?? ""));
  },
);

Deno.test(
  "the launcher passes arguments, stdin and exit codes on (needs node)",
  withNode,
  async () => {
    await using launch = await launcher();
    const child = launch.start(["a b", "", `"'$HOME`]);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("from stdin\n"));
    await writer.close();
    assert.deepEqual(await endOf(child), [0, `from stdin\n<a b>\n<>\n<"'$HOME>\n`, ""]);
    for (const code of [1, 2, 3]) {
      const failing = launch.start(["exit", String(code)]);
      await failing.stdin.close();
      assert.equal((await endOf(failing))[0], code);
    }
  },
);

Deno.test("the launcher starts where the user has no home (needs node)", withNode, async () => {
  const PATH = Deno.env.get("PATH")!;
  const { code, stdout, stderr } = await new Deno.Command("node", {
    args: [LAUNCHER, "version"],
    env: { PATH, REVTUN_DENO: Deno.execPath() },
    clearEnv: true,
  }).output();
  assert.equal(code, 0, decoder.decode(stderr));
  assert.match(decoder.decode(stdout), /^revtun \d/);
});

Deno.test("the launcher passes signals on, both ways (needs node)", withNode, async () => {
  await using launch = await launcher();
  const child = launch.start(["wait"]);
  await child.stdin.close();
  let text = "";
  for await (const chunk of child.stdout) {
    if (text === "") child.kill("SIGTERM");
    text += decoder.decode(chunk);
  }
  assert.equal(text, "waiting\nended by TERM\n");
  assert.equal((await child.status).code, 7);
  await child.stderr.cancel();

  const killed = launch.start(["kill"]);
  await killed.stdin.close();
  const { signal } = await killed.output();
  assert.equal(signal, "SIGKILL");
});

Deno.test(
  "the launcher says what to do where deno has no binary (needs node)",
  withNode,
  async () => {
    const cases: [platform: string, arch: string, message: RegExp][] = [
      ["sunos", "x64", /has no binary for sunos-x64; set REVTUN_DENO to a deno/],
      ["linux", "riscv64", /has no binary for linux-riscv64/],
      ["darwin", "x64", /@deno\/darwin-x64 is not installed: run npm install/],
    ];
    for (const [platform, arch, message] of cases) {
      const script = `Object.defineProperty(process, "platform", { value: "${platform}" });
      Object.defineProperty(process, "arch", { value: "${arch}" });
      await import(${JSON.stringify(`file://${LAUNCHER}`)});`;
      const child = new Deno.Command("node", {
        args: ["--input-type=module", "--eval", script],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const [code, stdout, stderr] = await endOf(child);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    }
  },
);
