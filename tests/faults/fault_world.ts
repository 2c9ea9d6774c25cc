/** Server, agent and backend in this process, a bad network between server and agent. */
import assert from "node:assert/strict";
import type { Address } from "../../lib/address.ts";
import type { RunningAgent } from "../../lib/agent/agent.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { agentFor } from "../agent/agent_for.ts";
import { Backend, EventLog, testRuntime, until } from "../agent/support.ts";
import { FaultProxy } from "./fault_proxy.ts";

/** Silence is noticed within twice this; a busy machine's own pauses are to be shorter. */
const KEEPALIVE_MS = 600;

/**
 * Open files that the runtime may keep for itself: it loses a connection whose dial is given up just
 * as it is there (lib/transport/dial.ts). What is left by each connection or stream shows all the same.
 */
const STRAY_FILES = 2;

/** The world; its end checks that nothing is left of it. */
export interface FaultWorld extends AsyncDisposable {
  readonly server: RunningServer;
  readonly agent: RunningAgent;
  readonly proxy: FaultProxy;
  readonly log: EventLog;
  /** "http://127.0.0.1:PORT" */
  readonly url: string;
  readonly port: number;
  /** Connections that the backend has had. */
  readonly backendConnections: readonly Connection[];
  /** Resolves once the agent is registered with all its connections and nothing is under way. */
  atRest(): Promise<void>;
}

/** Makes one; `serve` is called for each connection that the agent makes to the backend. */
export async function faultWorld(
  serve: (connection: Connection) => void,
  options: { server?: Partial<ServerConfig>; connectionNum?: number; keepaliveMs?: number } = {},
): Promise<FaultWorld> {
  const filesBefore = openFiles();
  const log = new EventLog();
  const runtime = testRuntime(log);
  const { connectionNum = 2, keepaliveMs = KEEPALIVE_MS } = options;
  const keepalive = { intervalMs: keepaliveMs, timeoutMs: keepaliveMs };
  const backend = new Backend(runtime, serve);
  const server = await startServer(
    serverConfig({
      frontends: [parseListenSpec("127.0.0.1:0/edge-a")],
      tunnels: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
      keepalive,
      holdMs: 300,
      firstByteTimeoutMs: 10_000,
      ...options.server,
    }),
    runtime,
    "revtun/test",
  );
  const tunnel = server.tunnelAddresses[0] as Address & { kind: "tcp" };
  const [front] = server.frontendAddresses as (Address & { kind: "tcp" })[];
  const proxy = await FaultProxy.start({ host: "127.0.0.1", port: tunnel.port });
  const agent = await agentFor(
    runtime,
    [{ kind: "tcp", host: "127.0.0.1", port: proxy.port }],
    {
      targets: parseTargets([backend.text]),
      connectionNum,
      keepalive,
    },
  );
  const atRest = async () => {
    await until("all at rest", () => {
      const { tunnels, handshakes, clients } = server.gauges;
      return agent.connectionCount === connectionNum && tunnels === connectionNum &&
        handshakes + clients === 0 && server.registry.hostCount === 1 &&
        proxy.linkCount === connectionNum;
    });
    // Streams at rest in the pool are work for the agent: they are let go.
    for (const cluster of server.registry.clusters.values()) {
      for (const host of cluster.hosts.values()) {
        for (const connection of host.connections) connection.closeIdle();
      }
    }
    await until("no stream", () => agent.workCount === 0);
    assert.equal(server.upstreams.waitingCount, 0);
    assert.equal(server.budget.unreadBytes, 0);
  };
  await atRest();
  return {
    server,
    agent,
    proxy,
    log,
    url: `http://127.0.0.1:${front!.port}`,
    port: front!.port,
    backendConnections: backend.connections,
    atRest,
    [Symbol.asyncDispose]: async () => {
      await agent.abort();
      await server.close(0);
      await proxy[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      assert.equal(runtime.timers.size, 0, "timers are left");
      runtime[Symbol.dispose]();
      if (filesBefore === undefined) return;
      await until("the open files of before", () => openFiles()! <= filesBefore + STRAY_FILES);
    },
  };
}

/** Open files of this process; undefined where the system does not tell. */
function openFiles(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
