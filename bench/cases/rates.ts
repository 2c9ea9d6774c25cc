/** Latency at fixed rates. */
import { alternate, peersFor, withPeers } from "../bench_run.ts";
import type { BenchRun, Case } from "../bench_run.ts";
import { runFixedRate } from "../load/fixed_rate.ts";
import type { Peer } from "../peer.ts";
import { revtunSpec } from "../revtun_peer.ts";
import { median, percentile } from "../stats.ts";
import { load, warmUp } from "./requests.ts";

const CONNECTIONS = 50;
const LOW_RATE = 2000;
/** Share of what the slowest tunnel can do at most. */
const HIGH_SHARE = 0.6;
const PERCENTILES = [["p50", 0.5], ["p99", 0.99], ["p99.9", 0.999]] as const;

/** At 2,000 a second and at 60 % of the slowest tunnel's maximum. */
export async function measureRates(run: BenchRun): Promise<void> {
  await withPeers(
    run,
    [revtunSpec(run.bundle), ...peersFor(run, "rates")],
    { backend: "nginx" },
    async (all) => {
      await warmUp(run, all);
      const highRate = Math.round(HIGH_SHARE * await slowest(run, all) / 100) * 100;
      run.print(`60 % of the slowest tunnel's maximum: ${highRate}/s`);
      const cases = [rateCase(run, LOW_RATE, "low"), rateCase(run, highRate, "high")];
      await alternate(run, "rates", cases, all);
    },
  );
}

function rateCase(run: BenchRun, perSecond: number, name: string): Case {
  return {
    name: `rate-${name}`,
    title: name === "high" ? "60 % of the slowest tunnel's maximum" : `${perSecond} requests/s`,
    measure: async (peer) => {
      const sorted = await runFixedRate(peer.endpoint, {
        perSecond,
        connections: CONNECTIONS,
        seconds: run.plan.seconds,
      });
      return PERCENTILES.map(([suffix, share]) => ({
        suffix,
        unit: "ms",
        better: "lower",
        value: percentile(sorted, share),
      }));
    },
  };
}

/** Requests a second of the slowest tunnel, as measured before or now. */
async function slowest(run: BenchRun, peers: readonly Peer[]): Promise<number> {
  const rates: number[] = [];
  for (const peer of peers.filter((one) => one.pids.length > 0)) {
    const known = run.recorder.find("requests", "keepalive-50", peer.name);
    rates.push(
      known === undefined
        ? (await load(run, peer, { connections: 50, seconds: 1 })).requestsPerSecond
        : median(known.values),
    );
  }
  return Math.min(...rates);
}
