/** The program as it is shipped: one script, with its permissions and no others. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { RUN_FLAGS } from "../../npm/run_flags.mjs";
import { routeFlags } from "../../npm/route.ts";
import { runProgram } from "../programs.ts";
import type { Outcome } from "../programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

function deno(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runProgram(Deno.execPath(), args, {
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
  });
}

function compile(folder: string, flags: readonly string[], env: Record<string, string> = {}) {
  const run = ["run", "-A", "-q", "--no-check", ...routeFlags(), "npm/compile.ts"];
  return deno([...run, `--out=${folder}`, ...flags], env);
}

/** What a server logs until it is up. */
async function startedServer(
  program: readonly string[],
  env: Record<string, string>,
): Promise<string> {
  const admin = ["--admin", "127.0.0.1:0"];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...program, "server", "--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0", ...admin],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    // The last that it says at its start.
    if (/event=admin\.listening/.test(text)) child.kill("SIGTERM");
  }
  await child.status;
  return text;
}

Deno.test("the bundled program runs with its permissions alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "revtun-compile-" });
  try {
    const compiled = await compile(folder, ["--bundle-only"]);
    assert.deepEqual([compiled.code, compiled.stdout], [0, ""], compiled.stderr);
    const program = ["run", "--no-config", "--no-lock", "--no-remote", "--no-npm"];
    program.push(...RUN_FLAGS, `${folder}/revtun.js`);

    const version = await deno([...program, "--version"]);
    assert.match(version.stdout, /^revtun \d/);
    assert.deepEqual([version.code, version.stderr], [0, ""]);

    // What starts it tells how many files may be open, as its rights do not let it look.
    const files = await startedServer(program, { REVTUN_OPEN_FILES: "1000" });
    assert.match(files, /event=server\.limited/);
    assert.doesNotMatch(files, /limit_unknown/);
    const unknown = await startedServer(program, { REVTUN_OPEN_FILES: "" });
    assert.match(unknown, /event=server\.limit_unknown msg=".*set REVTUN_OPEN_FILES/);
    assert.doesNotMatch(unknown, /event=server\.limited/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a base binary that was asked for by DENORT_BIN is used or nothing is made", async () => {
  const folder = await Deno.makeTempDir({ prefix: "revtun-compile-" });
  try {
    const { code, stdout } = await compile(folder, [], { DENORT_BIN: `${folder}/no-such-denort` });
    assert.equal(code, 1);
    assert.match(stdout, /^Cannot compile:/);
    const names = [];
    for await (const entry of Deno.readDir(folder)) names.push(entry.name);
    assert.deepEqual(names, ["revtun.js"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
