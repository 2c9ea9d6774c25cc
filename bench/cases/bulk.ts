/** Bytes in bulk, on the machine and over a long link. */
import { alternate, peersFor, withPeers } from "../bench_run.ts";
import type { BenchRun, Case } from "../bench_run.ts";
import { moveBulk } from "../load/bulk.ts";
import type { BulkOptions } from "../load/bulk.ts";
import { usageOf } from "../proc.ts";
import { revtunSpec } from "../revtun_peer.ts";

/** The link: rate of each direction. */
const LINK_BITS_PER_SECOND = 400e6;
const RTTS_MS = [50, 200] as const;
const DIRECTIONS = [
  { direction: "down", backend: "nginx" },
  { direction: "up", backend: "sink" },
] as const;

/** Down and up, one stream and eight, with the CPU time that a GB takes. */
export async function measureBulk(run: BenchRun): Promise<void> {
  const { isQuick, seconds } = run.plan;
  for (const { direction, backend } of DIRECTIONS) {
    const cases = [1, 8].map((streams) =>
      bulkCase({
        direction,
        streams,
        mb: isQuick && streams > 1 ? 32 : 256,
        minMs: isQuick ? 200 : seconds * 500,
      }, "")
    );
    await withPeers(
      run,
      [revtunSpec(run.bundle), ...peersFor(run, "bulk")],
      { backend },
      (peers) => alternate(run, "bulk", cases, peers),
    );
  }
}

/** The same over a link of 400 Mbit/s, a whole transfer each, its start included. */
export async function measureLink(run: BenchRun): Promise<void> {
  const { isQuick } = run.plan;
  for (const rttMs of RTTS_MS) {
    const link = { bitsPerSecond: LINK_BITS_PER_SECOND, rttMs };
    for (const { direction, backend } of DIRECTIONS) {
      const cases = (isQuick ? [1] : [1, 8]).map((streams) =>
        bulkCase(
          { direction, streams, mb: isQuick || streams > 1 ? 32 : 256, minMs: 0 },
          `${rttMs}`,
        )
      );
      await withPeers(
        run,
        [revtunSpec(run.bundle), ...peersFor(run, "link")],
        { backend, link },
        (peers) => alternate(run, "link", cases, peers),
      );
    }
  }
}

/** @param rtt of the link in ms; "" without one. */
export function bulkCase(options: BulkOptions, rtt: string): Case {
  const { direction, streams } = options;
  const where = rtt === "" ? "" : `${rtt} ms, `;
  return {
    name: `${rtt === "" ? "" : `rtt${rtt}-`}${direction}-${streams}`,
    title: `${where}${direction}, ${streams === 1 ? "one stream" : `${streams} streams`}`,
    measure: async (peer) => {
      const before = await usageOf(peer.pids);
      const { bytes, seconds } = await moveBulk(peer.endpoint, options);
      const after = await usageOf(peer.pids);
      const rate = { unit: "MB/s", better: "higher", value: bytes / 1e6 / seconds } as const;
      if (peer.pids.length === 0 || rtt !== "") return [rate];
      const cpu = (after.cpuSeconds - before.cpuSeconds) / bytes * 1e9;
      return [rate, { suffix: "CPU for a GB", unit: "s", better: "lower", value: cpu }];
    },
  };
}
