/** Requests a second and new connections a second, as many as can be. */
import { alternate, peersFor, withPeers } from "../bench_run.ts";
import type { BenchRun, Case, Figure } from "../bench_run.ts";
import { runLoad } from "../load/wrk.ts";
import type { LoadOptions, LoadResult } from "../load/wrk.ts";
import type { Peer } from "../peer.ts";
import { usageOf } from "../proc.ts";
import { revtunSpec } from "../revtun_peer.ts";

/** Connections at once, one case each. */
const CONNECTIONS = [1, 50, 400] as const;

/** A case of HTTP keep-alive load: requests a second, p50 and p99, and CPU time for the tunnels. */
export function keepAliveCase(run: BenchRun, connections: number, name?: string): Case {
  return {
    name: name ?? `keepalive-${connections}`,
    title: `keep-alive, ${connections} connection${connections === 1 ? "" : "s"}`,
    measure: async (peer) => {
      const before = await usageOf(peer.pids);
      const result = await load(run, peer, { connections, seconds: run.plan.seconds });
      const after = await usageOf(peer.pids);
      const cpu = (after.cpuSeconds - before.cpuSeconds) / result.requests * 100_000;
      return [
        { unit: "req/s", better: "higher", value: result.requestsPerSecond },
        { suffix: "p50", unit: "ms", better: "lower", value: result.p50Ms },
        { suffix: "p99", unit: "ms", better: "lower", value: result.p99Ms },
        ...(peer.pids.length === 0 ? [] : [
          { suffix: "CPU for 100k", unit: "s", better: "lower", value: cpu } satisfies Figure,
        ]),
      ];
    },
  };
}

/** Keep-alive at 1, 50 and 400 connections. */
export async function measureRequests(run: BenchRun): Promise<void> {
  const cases = CONNECTIONS.map((connections) => keepAliveCase(run, connections));
  await measureBeside(run, "requests", cases);
}

/** A connection for each request, 50 at once. */
export async function measureConnections(run: BenchRun): Promise<void> {
  const one: Case = {
    name: "new-connections",
    title: "a new connection for each request, 50 at once",
    measure: async (peer) => {
      const { seconds } = run.plan;
      const result = await load(run, peer, { connections: 50, seconds, isClosing: true });
      return [
        { unit: "conn/s", better: "higher", value: result.requestsPerSecond },
        { suffix: "p99", unit: "ms", better: "lower", value: result.p99Ms },
      ];
    },
  };
  await measureBeside(run, "connections", [one]);
}

/** Measures `cases` at revtun and all peers in front of nginx, warmed up. */
export async function measureBeside(
  run: BenchRun,
  section: string,
  cases: readonly Case[],
): Promise<void> {
  const specs = [revtunSpec(run.bundle), ...peersFor(run, section)];
  await withPeers(run, specs, { backend: "nginx" }, async (all) => {
    await warmUp(run, all);
    await alternate(run, section, cases, all);
  });
}

/** A second of load for each, so that none is measured while it compiles or grows. */
export async function warmUp(run: BenchRun, peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) {
    await runLoad(peer.endpoint, { connections: 50, seconds: 1, host: peer.host }, run.signal);
  }
}

/**
 * Loads `peer`.
 *
 * @throws {Error} so many requests failed that the figure would mean nothing.
 */
export async function load(
  run: BenchRun,
  peer: Peer,
  options: LoadOptions,
): Promise<LoadResult> {
  const result = await runLoad(peer.endpoint, { ...options, host: peer.host }, run.signal);
  if (result.failures > result.requests / 1000) {
    throw new Error(`${result.failures} of ${result.requests + result.failures} requests failed`);
  }
  return result;
}
