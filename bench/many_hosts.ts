/**
 * A server with so many hosts, each of which works: what it costs to look at it. The hosts are made
 * up, the server and its admin endpoint are not.
 *
 *     deno run -A bench/many_hosts.ts 500
 */
import { startAdmin } from "../lib/admin/admin.ts";
import { EventStreams } from "../lib/admin/event_stream.ts";
import { SERVER_ROUTES, serverLiveView } from "../lib/admin/server_routes.ts";
import { ServerHistory } from "../lib/admin/server_history.ts";
import { Takeover } from "../lib/admin/takeover.ts";
import { openPermit } from "../lib/auth/permit.ts";
import { EventRing } from "../lib/event_ring.ts";
import { silentLog } from "../lib/log.ts";
import { createRuntime } from "../lib/runtime.ts";
import { serverConfig } from "../lib/server/config.ts";
import type { Host, HostConnection } from "../lib/server/host.ts";
import { startServer } from "../lib/server/server.ts";
import type { RunningServer } from "../lib/server/server.ts";

const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const CONNECTIONS = 2;

const runtime = createRuntime(silentLog);
const server = await startServer(serverConfig({ tunnels: [LOOPBACK] }), runtime, "revtun/bench");
const hosts = Array.from({ length: Number(Deno.args[0] ?? 500) }, (_, at) => addHost(server, at));
const streams = new EventStreams(runtime);
const history = new ServerHistory(server, runtime);
const source = {
  ...{ runtime, server, streams, software: "revtun/bench", startedMs: runtime.nowMs() },
  live: serverLiveView(server, runtime),
  history,
  takeover: new Takeover(server, runtime, () => {}),
  events: new EventRing(),
  logLevel: "info" as const,
  configView: () => ({ reload: null }),
};
const admin = history.during(
  await startAdmin(LOOPBACK, { source, routes: SERVER_ROUTES, streams, runtime }),
);
const { port } = admin.address as Deno.NetAddr & typeof LOOPBACK;
Deno.stderr.writeSync(new TextEncoder().encode(`admin ${port}\n`));
setInterval(() => hosts.forEach(work), 500);

function addHost({ registry }: RunningServer, at: number): Host {
  const hostName = `host-${String(at).padStart(5, "0")}`;
  const host = registry.hostFor({
    info: {
      type: "initInfo",
      clusterName: `edge-${at % 20}`,
      weight: 10,
      hostName,
      credentialPolicy: "",
      credential: "",
      hello: { version: 1, modes: ["mux"], agentId: hostName, connectionId: 1 },
    },
    permit: openPermit(""),
    remoteAddress: `10.0.${at >> 8}.${at & 255}:50000`,
  }, runtime.nowMs());
  for (let count = 0; count < CONNECTIONS; count++) {
    registry.add(host, connection(at * CONNECTIONS + count, `10.0.${at >> 8}.${at & 255}:50000`));
  }
  return host;
}

function connection(id: number, remoteAddress: string): HostConnection {
  return {
    ...{ id, remoteAddress, mode: "mux", inFlight: 0, isAvailable: true, isInDoubt: false },
    ...{ rttMs: 20, receivedBytes: 0, sentBytes: 0 },
    serves: () => true,
    open() {
      throw new Error("Nobody asks for anything here");
    },
    askReplacement() {},
    goAway() {},
    doubt() {},
    closeIdle() {},
    close() {},
  };
}

/** Something of each host changes. */
function work(host: Host): void {
  host.requests += 1 + Math.floor(Math.random() * 100);
  for (const one of host.connections as { -readonly [K in keyof HostConnection]: never }[]) {
    const each = one as unknown as Record<string, number>;
    each["inFlight"] = Math.floor(Math.random() * 4);
    each["rttMs"] = 20 + Math.random();
    each["receivedBytes"]! += Math.floor(Math.random() * 1e6);
    each["sentBytes"]! += Math.floor(Math.random() * 1e5);
  }
}
