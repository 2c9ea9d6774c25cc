/** What the admin API says of clusters; the only place that knows its JSON keys. */
import type { Host, HostConnection } from "../server/host.ts";
import type { Registry } from "../server/registry.ts";

/** What the admin endpoint looks at. */
export interface AdminSource {
  readonly registry: Registry;
  readonly startedMs: number;
}

/** The answer of `/api/v1/clusters`. */
export function clustersView(source: AdminSource): unknown {
  return {
    clusters: [...source.registry.clusters.values()].map((cluster) => ({
      name: cluster.name,
      declared: cluster.isDeclared,
      hosts: [...cluster.hosts.values()].map(hostView),
    })),
  };
}

function hostView(host: Host): unknown {
  return {
    id: host.id,
    name: host.hostName,
    weight: host.weight,
    draining: host.isDraining,
    "in_flight": host.inFlight,
    connections: host.connections.map(connectionView),
  };
}

function connectionView(connection: HostConnection): unknown {
  return {
    id: connection.id,
    mode: connection.mode,
    remote: connection.remoteAddress,
    "in_flight": connection.inFlight,
    "rtt_ms": Math.round(connection.rttMs * 1000) / 1000,
    "received_bytes": connection.receivedBytes,
    "sent_bytes": connection.sentBytes,
  };
}
