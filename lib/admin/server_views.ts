/** What the admin API says of a server's clusters and hosts: the only place that knows these keys. */
import { formatAddress } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import type { Departure } from "../server/departures.ts";
import type { Host, HostConnection } from "../server/host.ts";
import type { Cluster, Registry } from "../server/registry.ts";
import type { RunningServer } from "../server/server.ts";

/** Turns times of the process's clock into ISO texts of the wall clock. */
export function wallClock(runtime: Runtime): (ms: number) => string {
  const offsetMs = Date.now() - runtime.nowMs();
  return (ms) => new Date(offsetMs + ms).toISOString();
}

/** A cluster with its hosts' sums. */
export function clusterView(cluster: Cluster): Record<string, unknown> {
  let usable = 0;
  let inFlight = 0;
  for (const host of cluster.hosts.values()) {
    if (host.isUsable) usable += 1;
    inFlight += host.inFlight;
  }
  return {
    name: cluster.name,
    declared: cluster.isDeclared,
    hosts: cluster.hosts.size,
    "usable_hosts": usable,
    "in_flight": inFlight,
  };
}

/** Fields of a host that change seldom, each by itself: who follows a host compares them. */
export const HOST_STATE: Readonly<
  Record<string, (host: Host, server: RunningServer, nowMs: number) => unknown>
> = {
  identity: ({ identity }) => identity === "" ? null : identity,
  state: (host, _, nowMs) => stateOf(host, nowMs),
  weight: ({ weight }) => weight,
  "effective_weight": (host, _, nowMs) => rounded(host.weightAt(nowMs)),
  "weight_by_operator": ({ override }) => override.weight ?? null,
  "drained_by_operator": ({ override }) => override.isDrained === true,
  "times_left": (host, { departures }) => departures.timesOf(host.cluster, host.hostName),
};

/** A host with its connections. */
export function hostView(
  host: Host,
  server: RunningServer,
  runtime: Runtime,
): Record<string, unknown> {
  const nowMs = runtime.nowMs();
  const state = Object.entries(HOST_STATE).map(([name, read]) => [name, read(host, server, nowMs)]);
  return {
    cluster: host.cluster,
    name: host.hostName,
    id: host.id,
    ...Object.fromEntries(state),
    "in_flight": host.inFlight,
    requests: host.requests,
    "received_bytes": sum(host, (connection) => connection.receivedBytes),
    "sent_bytes": sum(host, (connection) => connection.sentBytes),
    "rtt_ms": rttOf(host),
    since: wallClock(runtime)(host.joinedMs),
    connections: host.connections.map(connectionView),
  };
}

/** How the balancer sees a host now. */
export function stateOf(host: Host, nowMs: number): "active" | "draining" | "ejected" | "busy" {
  if (host.isDraining || host.weight === 0) return "draining";
  if (host.isEjected(nowMs)) return "ejected";
  return host.isUsable ? "active" : "busy";
}

/** One tunnel connection. */
export function connectionView(connection: HostConnection): Record<string, unknown> {
  return {
    id: connection.id,
    mode: connection.mode,
    remote: connection.remoteAddress,
    "in_flight": connection.inFlight,
    "rtt_ms": rounded(connection.rttMs),
    "received_bytes": connection.receivedBytes,
    "sent_bytes": connection.sentBytes,
  };
}

/** A host that is away. */
export function departureView(
  departure: Departure,
  { overrides }: Registry,
): Record<string, unknown> {
  const override = overrides.of(departure.cluster, departure.hostName);
  return {
    cluster: departure.cluster,
    name: departure.hostName,
    remote: departure.remoteAddress,
    "last_seen": new Date(departure.lastSeenMs).toISOString(),
    reason: departure.reason,
    "times_left": departure.times,
    "weight_by_operator": override.weight ?? null,
    "drained_by_operator": override.isDrained === true,
  };
}

/** Where agents come in, and what they have to bring. */
export function doorView({ config, tunnelAddresses }: RunningServer): Record<string, unknown> {
  return {
    addresses: tunnelAddresses.map(formatAddress),
    tls: config.tunnelTls !== undefined,
    credential: config.credentialPolicy.names[0],
  };
}

/** Counts of a whole server. */
export function statusView(server: RunningServer, runtime: Runtime): Record<string, unknown> {
  const { stats, gauges, config } = server;
  return {
    "server_id": config.serverId,
    started: wallClock(runtime)(server.startedMs),
    "uptime_ms": Math.round(runtime.nowMs() - server.startedMs),
    draining: server.isClosing,
    clusters: server.registry.clusters.size,
    hosts: server.registry.hostCount,
    away: server.departures.away().length,
    connections: gauges.tunnels,
    clients: gauges.clients,
    waiting: server.upstreams.waitingCount,
    requests: stats.requests,
    "streams_opened": stats.streamsOpened,
    "streams_reused": stats.streamsReused,
    "opens_failed": stats.opensFailed,
    "handshakes_accepted": stats.handshakesAccepted,
    "handshakes_refused": { ...stats.handshakesRefused },
    "tls_handshakes_refused": { ...stats.tlsHandshakesRefused },
    "h2_refused": { ...stats.h2Refusals },
    "clients_refused": stats.frontendRefused,
    ejections: stats.ejections,
    holds: stats.holds,
    "holds_expired": stats.holdsExpired,
  };
}

/** The fastest of its connections; null while none was measured. */
function rttOf(host: Host): number | null {
  let best = Infinity;
  for (const { rttMs } of host.connections) if (rttMs > 0 && rttMs < best) best = rttMs;
  return best === Infinity ? null : rounded(best);
}

function sum(host: Host, of: (connection: HostConnection) => number): number {
  let total = 0;
  for (const connection of host.connections) total += of(connection);
  return total;
}

/** To three digits behind the point. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
