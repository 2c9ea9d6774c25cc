/** Cases that are about one thing each: a stalled reader, more tunnel connections, HTTP, raw mode. */
import { alternate, withPeers } from "../bench_run.ts";
import type { BenchRun, Case } from "../bench_run.ts";
import { moveBulk } from "../load/bulk.ts";
import { runChecked } from "../load/checked.ts";
import { HeldConnections } from "../load/idle.ts";
import { revtunSpec } from "../revtun_peer.ts";
import { keepAliveCase, load, measureBeside, warmUp } from "./requests.ts";

/** How long the stalled reader's answer may fill all buffers before the load begins. */
const STALL_MS = 500;

/** 400 connections, one of which asks for 256 MB and never reads. */
export async function measureStalled(run: BenchRun): Promise<void> {
  const one: Case = {
    name: "stalled-400",
    title: "400 connections, one of which never reads",
    measure: async (peer) => {
      using held = new HeldConnections();
      await held.openStalled(peer.endpoint, 256);
      await new Promise((resolve) => setTimeout(resolve, STALL_MS));
      const result = await load(run, peer, { connections: 399, seconds: run.plan.seconds });
      return [
        { unit: "req/s", better: "higher", value: result.requestsPerSecond },
        { suffix: "p99", unit: "ms", better: "lower", value: result.p99Ms },
      ];
    },
  };
  await measureBeside(run, "stalled", [one]);
}

/** 1, 4 and 8 tunnel connections of one agent. */
export async function measureTunnels(run: BenchRun): Promise<void> {
  const specs = [1, 4, 8].map((connections) =>
    revtunSpec(run.bundle, {
      connections,
      name: `${connections} connection${connections === 1 ? "" : "s"}`,
    })
  );
  const bulk: Case = {
    name: "down-8",
    title: "down, 8 streams",
    measure: async (peer) => {
      const minMs = run.plan.isQuick ? 200 : 2000;
      const options = {
        direction: "down",
        streams: 8,
        mb: run.plan.isQuick ? 32 : 256,
        minMs,
      } as const;
      const { bytes, seconds } = await moveBulk(peer.endpoint, options);
      return [{ unit: "MB/s", better: "higher", value: bytes / 1e6 / seconds }];
    },
  };
  const place = { backend: "nginx", isDirect: false } as const;
  await withPeers(run, specs, place, async (peers) => {
    await warmUp(run, peers);
    await alternate(run, "tunnels", [keepAliveCase(run, 50), bulk], peers);
  });
}

/** Requests routed one by one, beside revtun's own frontend that passes bytes. */
export async function measureHttp(run: BenchRun): Promise<void> {
  const specs = [
    revtunSpec(run.bundle, { scheme: "http", name: "revtun http" }),
    revtunSpec(run.bundle, { name: "revtun" }),
    ...run.httpPeers,
  ];
  await withPeers(run, specs, { backend: "nginx" }, async (peers) => {
    await warmUp(run, peers);
    await alternate(run, "http", [keepAliveCase(run, 50)], peers);
  });
}

/** Raw mode: 50 clients over 50 tunnel connections, and whether each gets its own answers. */
export async function measureRaw(run: BenchRun): Promise<void> {
  const connections = 50;
  const raw = revtunSpec(run.bundle, {
    connections,
    mode: "raw",
    scheme: "http",
    name: "revtun raw",
  });
  const specs = [raw, ...run.peers.filter((one) => one.name === "rathole")];
  const checked: Case = {
    name: "wrong-answers",
    title: "wrong answers",
    measure: async (peer) => {
      const result = await runChecked(peer.endpoint, { connections, seconds: run.plan.seconds });
      return [
        { unit: "answers", better: "lower", value: result.wrong },
        { suffix: "of", unit: "answers", better: "higher", value: result.answers },
      ];
    },
  };
  await withPeers(run, specs, { backend: "nginx" }, async (peers) => {
    await warmUp(run, peers);
    await alternate(run, "raw", [keepAliveCase(run, connections), checked], peers);
  });
}
