/** What each command can do once its options are read: its work, and nothing else. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { COMMAND_RIGHTS } from "../../cmd/command_rights.ts";
import { COMMANDS } from "../../cmd/mod.ts";
import { routeFlags } from "../../npm/route.ts";
import { adminRig } from "../admin/rig.ts";
import { Scratch } from "../config/support.ts";
import { runProgram } from "../programs.ts";
import { RIGHTS_FLAGS } from "./fixtures/rights_flags.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a command to its end; what it could do after it gave up rights, and how it ended. */
async function tried(argv: readonly string[], stdin = "") {
  await using scratch = new Scratch();
  const path = await scratch.write("tried", "");
  const { code, stdout, stderr } = await runProgram(Deno.execPath(), [
    ...["run", ...RIGHTS_FLAGS, "--quiet", "--no-check", ...routeFlags()],
    ...["tests/cli/fixtures/tried_rights.ts", path, ...argv],
  ], { cwd: ROOT, env: { NO_COLOR: "1", REVTUN_TRIED: "1" }, stdin });
  const text = await Deno.readTextFile(path);
  assert.doesNotMatch(stderr, /NotCapable|Requires .* access/);
  const results = JSON.parse(text.slice(0, text.indexOf("}") + 1)) as Record<string, string>;
  const able = Object.keys(results).filter((name) => results[name] === "done").sort();
  return { able, code, stdout, stderr };
}

const FRAME = '{"frame":"ConnectionInitResponse","payload":{"status":1}}\n';
const NET = ["listen", "net"];

Deno.test("every command has its rights, and docs/security.md says them", async () => {
  assert.deepEqual(Object.keys(COMMAND_RIGHTS), Object.keys(COMMANDS));
  const page = await Deno.readTextFile(`${ROOT}docs/security.md`);
  const squeezed = page.replaceAll(/ +/g, " ");
  for (const [name, { words }] of Object.entries(COMMAND_RIGHTS)) {
    const row = squeezed.split("\n").find((line) =>
      line.includes(`\`${name}\``) && line.endsWith(`| ${words} |`)
    );
    assert.ok(row !== undefined, `docs/security.md has no row "| \`${name}\` | ${words} |"`);
  }
});

Deno.test("commands that print and compute can do nothing else", async () => {
  for (const argv of [["version"], ["help", "server"], ["completion", "bash"]]) {
    const { able, code, stdout, stderr } = await tried(argv);
    assert.deepEqual([able, code], [[], 0], `${argv}: ${stderr}`);
    assert.notEqual(stdout, "");
  }
  const hash = await tried(["hash-password", "alice", "--rounds", "1000"], "s3cret\n");
  assert.deepEqual([hash.able, hash.code], [[], 0], hash.stderr);
  const frame = await tried(["encode-frame"], FRAME);
  assert.deepEqual([frame.able, frame.code], [[], 0], frame.stderr);
  const none = await tried(["decode-frame"], "");
  assert.deepEqual(none.able, []);
});

Deno.test("commands about files can reach no other machine", async () => {
  await using scratch = new Scratch();
  const capture = await scratch.write("frames.json", FRAME);
  const frame = await tried(["encode-frame", capture]);
  assert.deepEqual([frame.able, frame.code], [["read"], 0], frame.stderr);
  const decoded = await tried(["decode-frame", capture]);
  assert.deepEqual(decoded.able, ["read"]);

  const tokens = `${scratch.path}/tokens`;
  const made = await tried(["token", "new", "till-7", "--token-file", tokens]);
  assert.deepEqual([made.able, made.code], [["read", "write"], 0], made.stderr);
  const listed = await tried(["token", "list", "--token-file", tokens]);
  assert.deepEqual([listed.able, listed.code], [["read"], 0], listed.stderr);
  assert.match(listed.stdout, /till-7/);

  const service = await tried(["service", "install", "agent", "--dry-run"]);
  assert.deepEqual([service.able, service.code], [["env", "read", "write"], 0], service.stderr);
});

Deno.test("commands about settings write nothing", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write(
    "revtun.yaml",
    'agent:\n  cluster: edge-a\n  server_list: ["127.0.0.1:9"]\n',
  );
  for (const argv of [["check", file], ["show", file], ["schema"]]) {
    const { able, code, stderr } = await tried(["config", ...argv]);
    assert.deepEqual([able, code], [["env", ...NET, "read", "sys"], 0], `${argv}: ${stderr}`);
  }
  const doctor = await tried(["doctor", "--config", file]);
  assert.ok(!doctor.able.includes("run") && !doctor.able.includes("ffi"));
});

Deno.test("commands that ask an admin endpoint connect to it, and touch no file", async () => {
  await using rig = await adminRig();
  await rig.join("till-7");
  const admin = ["--admin", rig.url.slice("http://".length)];
  const commands = [
    ["status"],
    ["top"],
    ["events"],
    ["explain", "http://edge-a/"],
    ["drain", "edge-a/till-7"],
    ["undrain", "edge-a/till-7"],
    ["weight", "edge-a/till-7", "3"],
    ["disconnect", "edge-a/till-7"],
  ];
  for (const argv of commands) {
    const { able, code, stderr } = await tried([...argv, ...admin]);
    assert.deepEqual([able, code], [NET, 0], `${argv[0]}: ${stderr}`);
  }
  const revoke = await tried(["token", "revoke", "till-7", ...admin]);
  assert.deepEqual(revoke.able, [...NET, "read"]);
});

Deno.test("a probe and the demo reach others, and change no file", async () => {
  await using rig = await adminRig();
  const { host, port } = rig.server.tunnelAddresses[0] as { host: string; port: number };
  const probe = await tried(["probe", `${host}:${port}`, "--pings", "1"]);
  assert.deepEqual([probe.able, probe.code], [[...NET, "read"], 0], probe.stderr);
  const demo = await tried(["demo", "--once"]);
  assert.deepEqual([demo.able, demo.code], [[...NET, "read"], 0], demo.stderr);
});
