/** Resident memory: idle, for each idle client, for each idle tunnel connection. */
import { leaveOut, peersFor, record, withPeers } from "../bench_run.ts";
import type { BenchRun } from "../bench_run.ts";
import { HeldConnections } from "../load/idle.ts";
import type { Peer } from "../peer.ts";
import { usageOf } from "../proc.ts";
import { revtunSpec } from "../revtun_peer.ts";
import { formatQuantity } from "../table.ts";

const SECTION = "memory";
/** Rest before a look, so that what was only needed for the start is gone. */
const SETTLE_MS = { full: 3000, quick: 1000 };
/** An agent has at most 64 connections to one address. */
const ADDRESSES = 16;
const CONNECTIONS_EACH = [1, 61] as const;

/** Each tunnel is started for itself: what one round left behind would count for the next. */
export async function measureMemory(run: BenchRun): Promise<void> {
  const clients = run.plan.isQuick ? 2000 : 8000;
  const rounds = run.plan.rounds;
  // A first start compiles and holds what that took; later ones find the code in deno's cache.
  await withPeers(
    run,
    [revtunSpec(run.bundle)],
    { backend: "nginx", isDirect: false },
    async () => {},
  );
  for (let round = 1; round <= rounds; round++) {
    for (const spec of [revtunSpec(run.bundle), ...peersFor(run, SECTION)]) {
      await withPeers(run, [spec], { backend: "nginx", isDirect: false }, async (peers) => {
        for (const peer of peers) {
          run.signal.throwIfAborted();
          await measureClients(run, peer, clients).catch((error) => {
            leaveOut(run, `${peer.name}, memory`, error);
          });
        }
      });
    }
    await measureTunnels(run);
  }
}

async function measureClients(run: BenchRun, peer: Peer, clients: number): Promise<void> {
  const [server, agent] = await rssOf(run, peer);
  using held = new HeldConnections();
  await held.openIdle(peer.endpoint, clients);
  const [busyServer, busyAgent] = await rssOf(run, peer);
  const each = (busyServer + busyAgent - server - agent) / clients;
  const rows = [
    { name: "idle-server", title: "idle server", unit: "MB", value: server / 1e6 },
    { name: "idle-agent", title: "idle agent", unit: "MB", value: agent / 1e6 },
    {
      name: "idle-client",
      title: "each idle frontend connection, both ends",
      unit: "KiB",
      value: each / 1024,
    },
  ] as const;
  for (const row of rows) {
    record(run, SECTION, row, peer.name, [{ unit: row.unit, better: "lower", value: row.value }]);
  }
  run.print(
    `${peer.name}: ${
      rows.map(({ title, value, unit }) => `${title} ${formatQuantity(value)} ${unit}`).join(", ")
    }`,
  );
}

/** Tunnel connections are a notion of revtun's: the others have no such thing at rest. */
async function measureTunnels(run: BenchRun): Promise<void> {
  const rss: number[] = [];
  for (const connections of CONNECTIONS_EACH) {
    const spec = revtunSpec(run.bundle, { connections, addresses: ADDRESSES });
    await withPeers(run, [spec], { backend: "nginx", isDirect: false }, async ([peer]) => {
      if (peer !== undefined) rss.push((await rssOf(run, peer))[0]);
    });
  }
  if (rss.length < 2) return;
  const count = ADDRESSES * (CONNECTIONS_EACH[1] - CONNECTIONS_EACH[0]);
  const value = (rss[1]! - rss[0]!) / count / 1024;
  const of = { name: "idle-tunnel", title: "each idle tunnel connection, server" };
  record(run, SECTION, of, "revtun", [{ unit: "KiB", better: "lower", value }]);
  run.print(`revtun: ${of.title} ${formatQuantity(value)} KiB`);
}

async function rssOf(run: BenchRun, peer: Peer): Promise<[server: number, agent: number]> {
  await new Promise((resolve) =>
    setTimeout(resolve, SETTLE_MS[run.plan.isQuick ? "quick" : "full"])
  );
  const usages = await Promise.all(peer.pids.map((pid) => usageOf([pid])));
  return [usages[0]?.rssBytes ?? NaN, usages[1]?.rssBytes ?? NaN];
}
