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
const FULL = { isQuick: false, rounds: 2, seconds: 3 };
const QUICK = { isQuick: true, rounds: 1, seconds: 1 };
/**
 * A run that is still at it after this many minutes does one round of what is left: the sections
 * about revtun alone, at the end, take seven.
 */
const LATE_MINUTES = 18;

/**
 * Measures what `args` ask for; `save` gets what there is after each section, so that an interrupt
 * costs but one; `onProgress` is told which section begins, and which part of them is done.
 *
 * @throws {Error} nothing can be measured at all, or `signal` was aborted.
 */
export async function runBench(
  args: BenchArguments,
  signal: AbortSignal,
  print: (line: string) => void,
  save: (results: Results) => Promise<void>,
  onProgress: (part: number, section: string) => void = () => {},
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
  // It may come while nobody waits for it.
  interrupted.promise.catch(() => {});
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
      folder,
      bundle: await bundleRevtun(folder, signal),
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
    for (const [index, name] of names.entries()) {
      onProgress(index / names.length, name);
      const minutes = (performance.now() - startMs) / 60_000;
      print(`--- ${name}, after ${minutes.toFixed(1)} min`);
      if (args.rounds === undefined && minutes > LATE_MINUTES && run.plan.rounds > 1) {
        print("It is late: one round of each case from here on");
        run.plan = { ...run.plan, rounds: 1 };
      }
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
    await groups.end();
    await Deno.remove(folder, { recursive: true });
  }
}

function isWanted(spec: PeerSpec, { peers, isQuick }: BenchArguments): boolean {
  if (peers !== undefined) return peers.includes(spec.name);
  return !isQuick || spec.skip?.includes("quick") !== true;
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
