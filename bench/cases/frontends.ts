/** What TLS on the tunnel and HTTP/2 at the frontend cost, beside the same without. */
import { makeCertificate } from "../../lib/transport/make_certificate.ts";
import { alternate, withPeers } from "../bench_run.ts";
import type { BenchRun, Case, Figure } from "../bench_run.ts";
import { runH2Load } from "../load/h2load.ts";
import type { Peer } from "../peer.ts";
import { usageOf } from "../proc.ts";
import { revtunSpec } from "../revtun_peer.ts";
import { bulkCase } from "./bulk.ts";
import { keepAliveCase, warmUp } from "./requests.ts";

const DAY_MS = 86_400_000;

/** Requests, and bulk both ways, through a tunnel in the clear and one inside TLS. */
export async function measureTls(run: BenchRun): Promise<void> {
  const specs = [
    revtunSpec(run.bundle, { tls: await certificate(), name: "revtun tls" }),
    revtunSpec(run.bundle),
  ];
  const { isQuick, seconds } = run.plan;
  const bulk = (direction: "down" | "up") =>
    bulkCase({ direction, streams: 1, mb: 256, minMs: isQuick ? 200 : seconds * 500 }, "");
  await withPeers(run, specs, { backend: "nginx", isDirect: false }, async (peers) => {
    await warmUp(run, peers);
    await alternate(run, "tls", [keepAliveCase(run, 50), bulk("down")], peers);
  });
  await withPeers(run, specs, { backend: "sink", isDirect: false }, async (peers) => {
    await alternate(run, "tls", [bulk("up")], peers);
  });
}

async function certificate(): Promise<{ ca: string; cert: string; key: string }> {
  const names = ["127.0.0.1", "127.0.0.2"];
  const notBefore = new Date(Date.now() - DAY_MS);
  const valid = { notBefore, notAfter: new Date(Date.now() + DAY_MS) };
  const issuer = await makeCertificate({ commonName: "bench CA", names: [], isCa: true, ...valid });
  const pair = await makeCertificate({ commonName: "bench", names, issuer, ...valid });
  return { ca: issuer.cert, ...pair };
}

/** 50 requests at once to a target of HTTP/1, asked for by either version. */
export async function measureH2(run: BenchRun): Promise<void> {
  const spec = revtunSpec(run.bundle, { scheme: "http" });
  await withPeers(run, [spec], { backend: "nginx", isDirect: false }, async (peers) => {
    await warmUp(run, peers);
    const clients = peers.flatMap((peer) =>
      ["HTTP/2", "HTTP/1"].map((name): Peer => ({ ...peer, name }))
    );
    await alternate(run, "h2", [h2Case(run)], clients);
  });
}

function h2Case(run: BenchRun): Case {
  return {
    name: "requests-50",
    title: "50 requests at once",
    measure: async (peer) => {
      const options = peer.name === "HTTP/2"
        ? { protocol: "HTTP/2", connections: 5, streams: 10 } as const
        : { protocol: "HTTP/1", connections: 50, streams: 1 } as const;
      const before = await usageOf(peer.pids);
      const { seconds } = run.plan;
      const result = await runH2Load(peer.endpoint, { ...options, seconds }, run.signal);
      const after = await usageOf(peer.pids);
      if (result.failures > result.requests / 1000) {
        throw new Error(`${result.failures} of ${result.requests} requests failed`);
      }
      const cpu = (after.cpuSeconds - before.cpuSeconds) / result.requests * 100_000;
      return [
        { unit: "req/s", better: "higher", value: result.requestsPerSecond },
        { suffix: "CPU for 100k", unit: "s", better: "lower", value: cpu },
      ] satisfies Figure[];
    },
  };
}
