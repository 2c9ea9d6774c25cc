/** A server with an agent and an admin endpoint, all real, on loopback. */
import { startAdmin } from "../../lib/admin/admin.ts";
import type { AdminOptions } from "../../lib/admin/admin.ts";
import { consoleAsset } from "../../lib/admin/web_console.ts";
import type { AdminSource } from "../../lib/admin/common_routes.ts";
import { EventStreams } from "../../lib/admin/event_stream.ts";
import { SERVER_ROUTES, serverLiveView } from "../../lib/admin/server_routes.ts";
import { ServerHistory } from "../../lib/admin/server_history.ts";
import { Takeover } from "../../lib/admin/takeover.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import { startAgent } from "../../lib/agent/agent.ts";
import type { RunningAgent } from "../../lib/agent/agent.ts";
import { parseTarget } from "../../lib/agent/target.ts";
import type { Address } from "../../lib/address.ts";
import { formatAddress } from "../../lib/address.ts";
import { EventRing, keepingLog } from "../../lib/event_ring.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Secret } from "../../lib/secret.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { serverConfig } from "../../lib/server/config.ts";
import { until as eventually } from "../agent/support.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";

const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** What a test of the admin API works with. */
export interface AdminRig extends AsyncDisposable {
  readonly server: RunningServer;
  readonly runtime: Runtime;
  readonly events: EventRing;
  readonly source: AdminSource;
  /** "http://127.0.0.1:PORT" */
  readonly url: string;
  /** "http://127.0.0.1:PORT" of the frontend. */
  readonly frontendUrl: string;
  /** Of all frontends, in the order of `listen`. */
  readonly frontendPorts: readonly number[];
  /** Starts an agent and waits until it is registered; without a target it has its own page. */
  join(hostName: string, cluster?: string, options?: { target?: string }): Promise<RunningAgent>;
  /** Asks the API; a body makes it a POST. */
  ask(path: string, body?: unknown, init?: RequestInit): Promise<{ status: number; json: Json }>;
  /** Ends the admin endpoint; what it gives starts it again at the same address. */
  stopAdmin(): Promise<() => Promise<void>>;
  /** Resolves when `isTrue`. @throws {Error} it does not come true. */
  until(isTrue: () => boolean): Promise<unknown>;
}

// deno-lint-ignore no-explicit-any -- answers are looked into, field by field
export type Json = any;

/** What differs from one plain HTTP frontend and no token. */
export interface AdminRigOptions {
  readonly token?: Secret;
  readonly listen?: readonly string[];
  /** 0 unless given. */
  readonly holdMs?: number;
  /** Of the admin endpoint's connections. */
  readonly limits?: AdminOptions<unknown>["limits"];
}

/** Starts a server and its admin endpoint. */
export async function adminRig(options: AdminRigOptions = {}): Promise<AdminRig> {
  const events = new EventRing();
  const plain = createRuntime(silentLog);
  const runtime = { ...plain, log: keepingLog(silentLog, events) };
  const server = await startServer(
    serverConfig({
      frontends: (options.listen ?? ["127.0.0.1:0"]).map(parseListenSpec),
      tunnels: [LOOPBACK],
      holdMs: options.holdMs ?? 0,
      drainTimeoutMs: 200,
    }),
    runtime,
    "revtun/test",
  );
  const streams = new EventStreams(runtime);
  const history = new ServerHistory(server, runtime);
  const source = {
    runtime,
    server,
    live: serverLiveView(server, runtime),
    history,
    takeover: new Takeover(server, runtime, () => {}),
    software: "revtun/test",
    startedMs: runtime.nowMs(),
    events,
    streams,
    logLevel: "info" as const,
    configView: () => ({ hold: 0, reload: { reloads: 2, failures: 1, needs_restart: ["admin"] } }),
  };
  const start = async (address: Address) =>
    history.during(
      await startAdmin(address, {
        source,
        routes: SERVER_ROUTES,
        streams,
        runtime,
        token: options.token,
        asset: consoleAsset,
        limits: options.limits ?? {},
      }),
    );
  let admin = await start(LOOPBACK);
  const url = `http://${formatAddress(admin.address)}`;
  const agents: RunningAgent[] = [];
  const until = (isTrue: () => boolean) => eventually("what was waited for", isTrue);
  return {
    server,
    runtime,
    events,
    source,
    url,
    frontendUrl: `http://${formatAddress(server.frontendAddresses[0]!)}`,
    frontendPorts: server.frontendAddresses.map((address) =>
      address.kind === "tcp" ? address.port : 0
    ),
    until,
    async stopAdmin() {
      const { address } = admin;
      await admin.close();
      return async () => {
        admin = await start(address);
      };
    },
    async join(hostName, cluster = "edge-a", { target } = {}) {
      const targets = target === undefined ? [] : [parseTarget(target)];
      const config = agentConfig({
        cluster,
        hostName,
        servers: [server.tunnelAddresses[0]!],
        targets: new Map(targets.map((one) => [one.name, one])),
        connectionNum: 1,
        reconnectBaseMs: 5,
        reconnectMaxMs: 20,
      });
      const agent = await startAgent(config, plain, { software: "revtun/test" });
      agents.push(agent);
      await agent.when(() => agent.connectionCount === 1);
      const hasHost = () =>
        [...server.registry.clusters.get(cluster)?.hosts.values() ?? []]
          .some((host) => host.hostName === hostName);
      await until(hasHost);
      return agent;
    },
    async ask(path, body, init = {}) {
      const post = body === undefined ? {} : {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      };
      const response = await fetch(`${url}${path}`, { ...post, ...init });
      const text = await response.text();
      return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent.abort()));
      await server.close(0);
      await admin.close();
      plain.timers.close();
    },
  };
}
