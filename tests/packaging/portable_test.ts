/** The portable form with a stand-in for deno that says how it was called: the real one is large. */
import assert from "node:assert/strict";
import { makePortable } from "../../npm/portable.ts";
import { runProgram } from "../programs.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const FAKE_DENO = `#!/bin/sh
for word in "$@"; do shift; case $word in */revtun.js) break ;; esac; done
trap 'echo ended by TERM; exit 7' TERM
case $1 in
  exit) exit "$2" ;;
  wait) echo waiting; while :; do sleep 0.05; done ;;
  *) for word in "$@"; do echo "<$word>"; done ;;
esac
`;

interface Portable extends AsyncDisposable {
  path: string;
  cache: string;
  run(args: string[], env?: Record<string, string>): Promise<Result>;
}

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

async function portable(): Promise<Portable> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-portable-" });
  const path = `${folder}/revtun`;
  const chunks = await makePortable({
    deno: encoder.encode(FAKE_DENO),
    bundle: encoder.encode("// the program\n"),
    runFlags: ["--allow-net", "--allow-env=REVTUN_*"],
  });
  await Deno.writeFile(path, new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()));
  await Deno.chmod(path, 0o755);
  const cache = `${folder}/cache`;
  return {
    path,
    cache,
    run: (args, env = {}) => runProgram(path, args, { env: { REVTUN_CACHE_DIR: cache, ...env } }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function filesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) {
      for (const name of await filesIn(`${folder}/${entry.name}`)) names.push(`*/${name}`);
      if (names.length === 0) names.push(`${entry.name}/`);
    } else names.push(entry.name);
  }
  return names.sort();
}

const onPosix = { ignore: Deno.build.os === "windows" };

Deno.test("the portable form passes arguments and exit codes on", onPosix, async () => {
  await using program = await portable();
  const odd = ["a b", "", "*", `"'$HOME`, "--version"];
  const { code, stdout, stderr } = await program.run(odd);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.equal(stdout, odd.map((word) => `<${word}>\n`).join(""));
  assert.equal((await program.run(["exit", "3"])).code, 3);
});

Deno.test("the portable form's first runs may be many at once", onPosix, async () => {
  await using program = await portable();
  const results = await Promise.all(Array.from({ length: 8 }, (_, i) => program.run([`${i}`])));
  for (const [index, result] of results.entries()) {
    assert.deepEqual(result, { code: 0, stdout: `<${index}>\n`, stderr: "" });
  }
  assert.deepEqual(await filesIn(program.cache), ["*/deno", "*/revtun.js"]);
});

Deno.test("a signal to the portable form reaches the program", onPosix, async () => {
  await using program = await portable();
  const child = new Deno.Command(program.path, {
    args: ["wait"],
    env: { REVTUN_CACHE_DIR: program.cache },
    stdout: "piped",
  }).spawn();
  let text = "";
  for await (const chunk of child.stdout) {
    if (text === "") child.kill("SIGTERM");
    text += decoder.decode(chunk);
  }
  assert.equal(text, "waiting\nended by TERM\n");
  assert.equal((await child.status).code, 7);
});

Deno.test("the portable form says where it cannot unpack", onPosix, async () => {
  await using program = await portable();
  const file = `${program.cache}-file`;
  await Deno.writeTextFile(file, "");
  const { code, stderr } = await program.run([], { REVTUN_CACHE_DIR: `${file}/below` });
  assert.equal(code, 1);
  assert.match(stderr, /revtun: Cannot make .*set REVTUN_CACHE_DIR/);
});

Deno.test("a portable form that was cut runs nothing and leaves nothing", onPosix, async () => {
  await using program = await portable();
  await Deno.truncate(program.path, (await Deno.stat(program.path)).size - 40);
  const { code, stderr } = await program.run([]);
  assert.equal(code, 1);
  assert.match(stderr, /revtun: Cannot unpack/);
  assert.deepEqual((await filesIn(program.cache)).filter((name) => name.includes("deno")), []);
});
