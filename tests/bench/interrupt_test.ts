/** Ctrl-C in a run of the benchmarks: nothing that it has started goes on. */
import assert from "node:assert/strict";
import { treeOf } from "../../bench/proc.ts";
import { startScript } from "../../bench/program.ts";
import { routeFlags } from "../../npm/route.ts";
import { until } from "../agent/support.ts";
import { isAlive } from "./support.ts";

const isLinux = Deno.build.os === "linux";
/** The server, and one agent of those that the section starts one by one. */
const PROGRAMS = 2;
const TIMEOUT_MS = 60_000;

Deno.test({
  name: "an interrupted run of the benchmarks leaves no process and no file",
  ignore: !isLinux,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const bench = ["bench/main.ts", "discovery", `--into=${folder}/results.json`];
    const run = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", "--no-check", ...routeFlags(), ...bench],
      env: { NO_COLOR: "1", TMPDIR: folder },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let printed = "";
    const reading = (async () => {
      for await (const text of run.stdout.pipeThrough(new TextDecoderStream())) printed += text;
    })();
    let started: number[] = [];
    try {
      await until("the section begins", () => printed.includes("--- discovery"), TIMEOUT_MS);
      await until("its programs run", async () => {
        started = [...(await treeOf([run.pid])).keys()].filter((pid) => pid !== run.pid);
        return started.length >= PROGRAMS;
      }, TIMEOUT_MS);
      run.kill("SIGINT");
      assert.equal((await run.status).code, 130);
      await reading;
      assert.match(printed, /^--- discovery.*\nInterrupted\n$/s);
      await until("they have ended", () => !started.some(isAlive));
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    } finally {
      for (const pid of [run.pid, ...started].filter(isAlive)) Deno.kill(pid, "SIGKILL");
      await Promise.all([run.status, reading]);
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("startScript() starts what an interrupt ends, and nothing after that", async () => {
  const abort = new AbortController();
  const script = startScript("bench/many_hosts.ts", ["1"], abort.signal);
  try {
    await script.printed(/admin (\d+)/);
    abort.abort(new Error("Interrupted"));
    await assert.rejects(script.printed(/never/), /It ended before/);
    assert.throws(() => startScript("bench/many_hosts.ts", ["1"], abort.signal), /Interrupted/);
  } finally {
    await script.end();
  }
});
