/** Prepares a run, goes through its sections, and leaves nothing behind. */
import { cpus, release, totalmem } from "node:os";
import type { BenchArguments } from "./arguments.ts";
import { startBackends } from "./backend.ts";
import type { Backends } from "./backend.ts";
import { leaveOut } from "./bench_run.ts";
import type { BenchRun } from "./bench_run.ts";
import { installPeer, versionOf } from "./install_peer.ts";
import { readResults, Recorder } from "./measurement.ts";
import type { Machine, Results } from "./measurement.ts";
import { parsePeers } from "./peer_spec.ts";
import type { PeerSpec } from "./peer_spec.ts";
import { ProcessGroups } from "./process_group.ts";
import { isProgram, searchPath } from "./programs.ts";
import { bundleRevtun } from "./revtun_peer.ts";
import { SECTIONS, STANDALONE } from "./sections.ts";

const PEERS = "bench/peers.yaml";
const FULL = { isQuick: false, rounds: 2, seconds: 4 };
const QUICK = { isQuick: true, rounds: 1, seconds: 1 };

/**
 * Measures what `args` ask for; `save` gets what there is after each section, so that an interrupt
 * costs but one.
 *
 * @throws {Error} nothing can be measured at all, or `signal` was aborted.
 */
export async function runBench(
  args: BenchArguments,
  signal: AbortSignal,
  print: (line: string) => void,
  save: (results: Results) => Promise<void>,
): Promise<Results> {
  const known = parsePeers(await Deno.readTextFile(PEERS), PEERS);
  const stranger = args.peers?.find((name) => !known.some((one) => one.name === name));
  if (stranger !== undefined) throw new Error(`No peer "${stranger}" in ${PEERS}`);
  const plan = args.isQuick ? QUICK : FULL;
  const recorder = new Recorder(args.into === undefined ? newResults() : await resume(args.into));
  recorder.forget(args.sections);
  const startMs = performance.now();
  const groups = new ProcessGroups();
  const folder = await Deno.makeTempDir({ prefix: "revtun-bench-" });
  const interrupted = Promise.withResolvers<never>();
  const interrupt = () => {
    void groups.end();
    interrupted.reject(new Error("Interrupted"));
  };
  signal.addEventListener("abort", interrupt);
  try {
    const run = {
      plan: { ...plan, rounds: args.rounds ?? plan.rounds },
      recorder,
      groups,
      signal,
      print,
      backends: { nginx: 0, sink: 0 } as Backends,
      bundle: await bundleRevtun(folder),
      peers: [] as PeerSpec[],
      httpPeers: [] as PeerSpec[],
    };
    let names = args.sections;
    if (names.some((name) => !STANDALONE.includes(name))) {
      const usable = await usablePeers(run, known.filter((one) => isWanted(one, args)));
      run.peers = usable.filter((one) => one.routing === "tcp");
      run.httpPeers = usable.filter((one) => one.routing === "http");
      try {
        run.backends = await startBackends(groups.create(), folder);
      } catch (error) {
        signal.throwIfAborted();
        leaveOut(run, "all that needs a backend", error);
        names = names.filter((name) => STANDALONE.includes(name));
      }
    }
    for (const name of names) {
      const minutes = (performance.now() - startMs) / 60_000;
      print(`--- ${name}, after ${minutes.toFixed(1)} min`);
      try {
        await Promise.race([SECTIONS[name]!(run), interrupted.promise]);
      } catch (error) {
        signal.throwIfAborted();
        leaveOut(run, name, error);
      }
      await save(recorder.results);
    }
    return recorder.results;
  } finally {
    signal.removeEventListener("abort", interrupt);
    interrupted.promise.catch(() => {});
    await groups.end();
    await Deno.remove(folder, { recursive: true });
  }
}

function isWanted(spec: PeerSpec, { peers }: BenchArguments): boolean {
  return peers === undefined || peers.includes(spec.name);
}

/** Those that are there, after building what can be built; the others are named. */
async function usablePeers(run: BenchRun, specs: readonly PeerSpec[]): Promise<PeerSpec[]> {
  const usable: PeerSpec[] = [];
  for (const spec of specs) {
    const program = /^\S+/.exec(spec.server)![0];
    try {
      if (!run.plan.isQuick) await installPeer(spec, run.print, run.signal);
      if (!await isProgram(program)) {
        const how = spec.install === undefined ? "" : "; npm run bench without --quick builds it";
        throw new Error(`${program} is not there${how}`);
      }
      run.recorder.takesPart({ name: spec.name, version: await versionOf(spec, searchPath()) });
      usable.push(spec);
    } catch (error) {
      run.signal.throwIfAborted();
      leaveOut(run, spec.name, error);
    }
  }
  return usable;
}

async function resume(path: string): Promise<Results> {
  const there = await Deno.stat(path).catch(() => undefined);
  if (there === undefined) return newResults();
  const results = await readResults(path);
  return { ...newResults(), peers: results.peers, measurements: results.measurements };
}

function newResults(): Results {
  return {
    format: 1,
    startedAt: new Date().toISOString(),
    command: ["npm run bench", ...(Deno.args.length > 0 ? ["--", ...Deno.args] : [])].join(" "),
    machine: thisMachine(),
    peers: [],
    missing: [],
    measurements: [],
  };
}

function thisMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() || "unknown CPU",
    cores: all.length,
    memoryGb: Math.round(totalmem() / 1e9),
    os: `${Deno.build.os} ${release()}`,
    deno: Deno.version.deno,
  };
}
