/** One run of the benchmarks: what sections share, and how tunnels take turns. */
import type { Backends } from "./backend.ts";
import type { LinkSettings } from "./link/link_pacer.ts";
import type { Measurement, Recorder } from "./measurement.ts";
import { startDirect, startPeer } from "./peer.ts";
import type { Peer } from "./peer.ts";
import type { PeerSpec } from "./peer_spec.ts";
import type { ProcessGroups } from "./process_group.ts";
import { formatQuantity } from "./table.ts";

/** How much is measured. */
export interface Plan {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Length of a load. */
  readonly seconds: number;
}

/** What a section has at hand. */
export interface BenchRun {
  /** Has fewer rounds once the run is late. */
  plan: Plan;
  readonly recorder: Recorder;
  readonly groups: ProcessGroups;
  readonly backends: Backends;
  /** The run's own, removed at its end. */
  readonly folder: string;
  /** revtun, bundled. */
  readonly bundle: string;
  /** Tunnels beside revtun that can be started here and pass bytes. */
  readonly peers: readonly PeerSpec[];
  /** Those that route requests by their `Host`. */
  readonly httpPeers: readonly PeerSpec[];
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  print(line: string): void;
}

/** A case: how to get its figures through one tunnel. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** Measures once; the first figure is the one that is printed on the way. */
  measure(peer: Peer): Promise<readonly Figure[]>;
}

/** One value of a case, with what tells it from the case's others. */
export interface Figure {
  /** Added to the case's name and title: "p99". */
  readonly suffix?: string;
  readonly unit: Measurement["unit"];
  readonly better: Measurement["better"];
  readonly value: number;
}

/** Where tunnels of a section lead to. */
export interface Place {
  readonly backend: keyof Backends;
  readonly link?: LinkSettings;
}

/** Tunnels beside revtun that take part in `section`. */
export function peersFor(run: BenchRun, section: string): PeerSpec[] {
  return run.peers.filter(({ skip }) => skip?.includes(section) !== true);
}

/** Rest between two loads. */
const REST_MS = 200;

/**
 * Starts all of `specs` and, unless `isDirect` is false, the direct connection, and gives them to
 * `work`; those that do not come up are named and left out.
 */
export async function withPeers(
  run: BenchRun,
  specs: readonly PeerSpec[],
  { backend, link, isDirect = true }: Place & { isDirect?: boolean },
  work: (peers: readonly Peer[]) => Promise<void>,
): Promise<void> {
  const place = { backendPort: run.backends[backend], folder: run.folder, link };
  const peers: Peer[] = [];
  try {
    if (isDirect) peers.push(await startDirect(place, run.groups));
    for (const spec of specs) {
      try {
        peers.push(await startPeer(spec, place, run.groups));
      } catch (error) {
        run.signal.throwIfAborted();
        leaveOut(run, spec.name, error);
      }
    }
    await work(peers);
  } finally {
    for (const peer of peers.toReversed()) await peer.end();
  }
}

/** Measures each case through each tunnel, tunnel by tunnel, case by case, round by round. */
export async function alternate(
  run: BenchRun,
  section: string,
  cases: readonly Case[],
  peers: readonly Peer[],
): Promise<void> {
  const failed = new Set<string>();
  for (let round = 1; round <= run.plan.rounds; round++) {
    for (const one of cases) {
      const told: string[] = [];
      for (const peer of peers) {
        run.signal.throwIfAborted();
        if (failed.has(`${one.name} ${peer.name}`)) continue;
        try {
          const figures = await one.measure(peer);
          record(run, section, one, peer.name, figures);
          const first = figures[0];
          if (first !== undefined) told.push(`${peer.name} ${formatQuantity(first.value)}`);
        } catch (error) {
          run.signal.throwIfAborted();
          failed.add(`${one.name} ${peer.name}`);
          leaveOut(run, `${peer.name}, ${one.title}`, error);
        }
        await new Promise((resolve) => setTimeout(resolve, REST_MS));
      }
      run.print(`${one.title} (${round}/${run.plan.rounds}): ${told.join(", ")}`);
    }
  }
}

/** Keeps the figures of one measurement. */
export function record(
  run: BenchRun,
  section: string,
  of: { readonly name: string; readonly title: string },
  peer: string,
  figures: readonly Figure[],
): void {
  for (const { suffix, unit, better, value } of figures) {
    const name = suffix === undefined ? of.name : `${of.name}-${suffix.replaceAll(" ", "-")}`;
    const title = suffix === undefined ? of.title : `${of.title}: ${suffix}`;
    run.recorder.add({ section, case: name, title, unit, better, peer }, value);
  }
}

/** Says in one line what is left out and why, there and in the results. */
export function leaveOut(run: BenchRun, what: string, error: unknown): void {
  const why = (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
  run.print(`Left out: ${what}: ${why}`);
  run.recorder.miss(what, why);
}
