/** The sections of the benchmarks, by the names that the command line knows. */
import { routeFlags } from "../npm/route.ts";
import { record } from "./bench_run.ts";
import type { BenchRun } from "./bench_run.ts";
import { measureBulk, measureLink } from "./cases/bulk.ts";
import { measureH2, measureTls } from "./cases/frontends.ts";
import { measureMemory } from "./cases/memory.ts";
import { measureRates } from "./cases/rates.ts";
import { measureConnections, measureRequests } from "./cases/requests.ts";
import { measureHttp, measureRaw, measureStalled, measureTunnels } from "./cases/special.ts";
import { formatDecodeFrame, measureDecodeFrame } from "./decode_frame.ts";
import { formatDiscovery, measureDiscovery } from "./discovery.ts";
import { formatIdentity, measureIdentity } from "./identity.ts";
import { formatObserve, measureObserve } from "./observe.ts";
import { formatPassthrough, measurePassthrough } from "./passthrough.ts";
import { formatReload, measureReload } from "./reload.ts";
import { formatStartup, measureStartup } from "./startup.ts";

/** A section: measures and records; what it cannot measure it names. */
export type Section = (run: BenchRun) => Promise<void>;

/** All, in the order in which they run: what later ones want to know comes first. */
export const SECTIONS: Readonly<Record<string, Section>> = {
  requests: measureRequests,
  connections: measureConnections,
  rates: measureRates,
  bulk: measureBulk,
  link: measureLink,
  http: measureHttp,
  tls: measureTls,
  h2: measureH2,
  raw: measureRaw,
  tunnels: measureTunnels,
  stalled: measureStalled,
  memory: measureMemory,
  /** How fast the program starts, what it takes while idle. */
  startup: async (run) => {
    const rows = await measureStartup(run);
    run.print(formatStartup(rows).trimEnd());
    for (const { name, what, unit, value } of rows) {
      record(run, "startup", { name, title: what }, "revtun", [{ unit, better: "lower", value }]);
    }
  },
  /** The whole command on captures of a gigabyte. */
  "decode-frame": async (run) => {
    const rows = await measureDecodeFrame(run.folder, run.signal);
    run.print(formatDecodeFrame(rows).trimEnd());
    for (const { name, what, mbPerSecond, peakMb } of rows) {
      record(run, "decode-frame", { name, title: what }, "revtun", [
        { unit: "MB/s", better: "higher", value: mbPerSecond },
        { suffix: "peak RSS", unit: "MB", better: "lower", value: peakMb },
      ]);
    }
  },
  /** What reading the ClientHello adds to a connection. */
  passthrough: async (run) => {
    const result = await measurePassthrough(run);
    run.print(formatPassthrough(result).trimEnd());
    const { tcpUs, tlsUs, ratio } = result;
    const row = (name: string, title: string, unit: "µs" | "%", value: number) =>
      record(run, "passthrough", { name, title }, "revtun", [{ unit, better: "lower", value }]);
    row("tcp-CPU", "CPU of the server, tcp://", "µs", tcpUs);
    row("tls-CPU", "CPU of the server, tls://", "µs", tlsUs);
    row("extra-CPU", "of tls:// over tcp://", "%", (ratio - 1) * 100);
  },
  /** What it costs to be seen. */
  observe: async (run) => {
    const result = await measureObserve(run);
    run.print(formatObserve(result).trimEnd());
    const row = (name: string, title: string, unit: "µs" | "%" | "ms", value: number) =>
      record(run, "observe", { name, title }, "revtun", [{ unit, better: "lower", value }]);
    const { us, ratios } = result.requests;
    row("off", "CPU of the server for a request, no access log", "µs", us.off);
    row("on", "the same, access log and metrics", "µs", us.common);
    row("extra", "of the second over the first", "%", (ratios.common - 1) * 100);
    row("json", "the same for lines of JSON", "%", (ratios.json - 1) * 100);
    row("watched", "CPU of 20 who watch 500 hosts", "%", result.watchedPercent);
    row("list", "2,000 hosts by the admin API", "ms", result.listMs);
  },
  /** What a reload of many settings does to requests under way. */
  reload: async (run) => {
    const result = await measureReload(run);
    run.print(formatReload(result).trimEnd());
    const row = (name: string, title: string, value: number) =>
      record(run, "reload", { name, title }, "revtun", [{ unit: "ms", better: "lower", value }]);
    row("quiet-p99", "p99 without a reload, 2,000 req/s", result.quietP99Ms);
    row("reload-p99", "p99 with 1,000 routes and 1,000 tokens changed", result.reloadP99Ms);
    row("reload-max", "longest request of all reloads", result.worstMs);
  },
  /** What idle agents take for learning of servers. */
  discovery: async (run) => {
    const rows = await measureDiscovery(run);
    run.print(formatDiscovery(rows).trimEnd());
    for (const { lister, cpuMs } of rows) {
      const name = lister.replaceAll(/\W+/g, "-");
      const title = `CPU of an idle agent in 20 s: ${lister}`;
      record(run, "discovery", { name, title }, "revtun", [
        { unit: "ms", better: "lower", value: cpuMs },
      ]);
    }
  },
  /** What it costs to know and to bound agents. */
  identity: async (run) => {
    const result = await measureIdentity(run);
    run.print(formatIdentity(result).trimEnd());
    const row = (name: string, title: string, unit: "µs" | "%" | "ms" | "MB", value: number) =>
      record(run, "identity", { name, title }, "revtun", [{ unit, better: "lower", value }]);
    row("off", "CPU of the server for an agent's connection, no credential", "µs", result.offUs);
    row("on", "the same, 10,000 tokens and all limits", "µs", result.onUs);
    row("extra", "of the second over the first", "%", (result.ratio - 1) * 100);
    row("throttled", "the same, bandwidths bounded", "%", (result.throttledRatio - 1) * 100);
    row("load", "10,000 tokens: load", "ms", result.loadMs);
    row("held", "10,000 tokens: memory", "MB", result.heldMb);
  },
  /** Codecs and machines without sockets, by `deno bench`. */
  micro: async (run) => {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["bench", "-A", "-q", "--no-check", ...routeFlags(), "bench/"],
      signal: run.signal,
      stdin: "null",
    }).spawn().status;
    if (!success) throw new Error("deno bench failed");
  },
};

/** Those that need no tunnel, and so no backend. */
export const STANDALONE: readonly string[] = [
  ...[
    "startup",
    "decode-frame",
    "passthrough",
    "observe",
    "reload",
    "discovery",
    "identity",
    "micro",
  ],
];
