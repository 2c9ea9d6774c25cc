/** What a server measures. Labels are few: clusters up to a bound, never hosts or paths. */
import type { Host } from "../server/host.ts";
import type { RunningServer } from "../server/server.ts";
import { stateOf } from "./server_views.ts";
import { COMMON_METRICS } from "./common_metrics.ts";
import type { Metric, Sample } from "./metrics.ts";
import { bounded } from "./metrics.ts";
import type { ServerSource } from "./server_source.ts";

export const SERVER_METRICS: readonly Metric<ServerSource>[] = [
  ...COMMON_METRICS,
  {
    name: "revtun_hosts",
    type: "gauge",
    help: "Connected hosts by state: active, busy, draining, ejected",
    labels: ["state"],
    read: ({ server, runtime }) => hostStates(server, runtime.nowMs()),
  },
  {
    name: "revtun_cluster_hosts",
    type: "gauge",
    help: "Connected hosts of each cluster; beyond 100 clusters the smallest are summed as other",
    labels: ["cluster"],
    read: ({ server }) => byCluster(server, () => 1),
  },
  {
    name: "revtun_cluster_in_flight",
    type: "gauge",
    help: "Requests and connections under way in each cluster",
    labels: ["cluster"],
    read: ({ server }) => byCluster(server, (host) => host.inFlight),
  },
  {
    name: "revtun_hosts_away",
    type: "gauge",
    help: "Hosts that left since the start and are not back",
    read: ({ server }) => server.departures.away().length,
  },
  {
    name: "revtun_tunnel_connections",
    type: "gauge",
    help: "Tunnel connections of all hosts",
    read: ({ server }) => server.gauges.tunnels,
  },
  {
    name: "revtun_handshakes_pending",
    type: "gauge",
    help: "Connections at the tunnel port that have not registered yet",
    read: ({ server }) => server.gauges.handshakes,
  },
  {
    name: "revtun_handshakes_accepted_total",
    type: "counter",
    help: "Tunnel connections that registered",
    read: ({ server }) => server.stats.handshakesAccepted,
  },
  {
    name: "revtun_handshakes_refused_total",
    type: "counter",
    help: "Tunnel connections that were refused, by reason",
    labels: ["reason"],
    read: ({ server }) => counts(server.stats.handshakesRefused),
  },
  {
    name: "revtun_credential_failures_total",
    type: "counter",
    help: "Handshakes refused for their credential, by why it did not do",
    labels: ["failure"],
    read: ({ server }) => counts(server.stats.credentialFailures),
  },
  {
    name: "revtun_permits_ended_total",
    type: "counter",
    help: "Tunnel connections closed because their credential expired or was revoked",
    read: ({ server }) => server.stats.permitsEnded,
  },
  {
    name: "revtun_limits_total",
    type: "counter",
    help: "Times that a limit kept something out, by the limit",
    labels: ["limit"],
    read: ({ server }) => counts(server.stats.limits),
  },
  {
    name: "revtun_tls_handshakes_refused_total",
    type: "counter",
    help: "TLS handshakes of agents and clients that came to nothing, by reason",
    labels: ["reason"],
    read: ({ server }) => counts(server.stats.tlsHandshakesRefused),
  },
  {
    name: "revtun_certificate_reloads_failed_total",
    type: "counter",
    help: "Renewed certificate files that could not be used: the old ones stay",
    read: ({ server }) => server.certificates.failedReloads,
  },
  {
    name: "revtun_http_two_refused_total",
    type: "counter",
    help: "Clients' HTTP/2 connections cut off and malformed requests, by reason",
    labels: ["reason"],
    read: ({ server }) => counts(server.stats.h2Refusals),
  },
  {
    name: "revtun_clients",
    type: "gauge",
    help: "Clients connected to frontends",
    read: ({ server }) => server.gauges.clients,
  },
  {
    name: "revtun_clients_total",
    type: "counter",
    help: "Clients that connected to frontends",
    read: ({ server }) => server.stats.frontendConnections,
  },
  {
    name: "revtun_clients_refused_total",
    type: "counter",
    help: "Clients that were closed for a limit",
    read: ({ server }) => server.stats.frontendRefused,
  },
  {
    name: "revtun_clients_turned_away_total",
    type: "counter",
    help: "Clients refused by what they are or say first, by reason",
    labels: ["reason"],
    read: ({ server }) => counts(server.stats.clientsRefused),
  },
  {
    name: "revtun_datagrams_dropped_total",
    type: "counter",
    help: "Datagrams of udp frontends that had to be dropped",
    read: ({ server }) => server.stats.datagramsDropped,
  },
  {
    name: "revtun_http_requests_total",
    type: "counter",
    help: "HTTP requests by the class of their answer; 0xx where the client left before it",
    labels: ["class"],
    read: ({ server }) => counts(server.stats.answers),
  },
  {
    name: "revtun_http_errors_total",
    type: "counter",
    help: "HTTP answers of revtun's own, by what was wrong (x-revtun-error)",
    labels: ["error"],
    read: ({ server }) => counts(server.stats.ownAnswers),
  },
  {
    name: "revtun_http_first_byte_seconds",
    type: "histogram",
    help: "From an HTTP request's whole head to the first byte of its answer",
    read: ({ server }) => server.stats.firstByte,
  },
  {
    name: "revtun_http_duration_seconds",
    type: "histogram",
    help: "From an HTTP request's whole head to the last byte of a target's answer",
    read: ({ server }) => server.stats.duration,
  },
  {
    name: "revtun_round_trip_seconds",
    type: "histogram",
    help: "Round trips between server and agents, each that was measured",
    read: ({ server }) => server.stats.rtt,
  },
  {
    name: "revtun_access_log_lost_lines_total",
    type: "counter",
    help: "Lines of the access log that could not be written, or not fast enough",
    read: ({ server }) => server.watch.droppedCount,
  },
  {
    name: "revtun_streams_opened_total",
    type: "counter",
    help: "Streams opened to targets",
    read: ({ server }) => server.stats.streamsOpened,
  },
  {
    name: "revtun_streams_reused_total",
    type: "counter",
    help: "Requests that took a stream which another one had used",
    read: ({ server }) => server.stats.streamsReused,
  },
  {
    name: "revtun_opens_failed_total",
    type: "counter",
    help: "Streams whose target could not be reached",
    read: ({ server }) => server.stats.opensFailed,
  },
  {
    name: "revtun_open_seconds",
    type: "histogram",
    help: "From a stream's opening to its agent's answer: tunnel and dial",
    read: ({ server }) => server.stats.open,
  },
  {
    name: "revtun_ejections_total",
    type: "counter",
    help: "Times that a host got no work for a while because its opens failed",
    read: ({ server }) => server.stats.ejections,
  },
  {
    name: "revtun_session_errors_total",
    type: "counter",
    help: "Sessions that were ended because their agent broke the protocol",
    read: ({ server }) => server.stats.sessionErrors,
  },
  {
    name: "revtun_waiting",
    type: "gauge",
    help: "Requests that wait for a host now",
    read: ({ server }) => server.upstreams.waitingCount,
  },
  {
    name: "revtun_holds_total",
    type: "counter",
    help: "Requests that had to wait for a host",
    read: ({ server }) => server.stats.holds,
  },
  {
    name: "revtun_holds_expired_total",
    type: "counter",
    help: "Of those, the ones that waited in vain",
    read: ({ server }) => server.stats.holdsExpired,
  },
  {
    name: "revtun_received_bytes",
    type: "gauge",
    help: "Bytes that the present tunnel connections received from agents",
    read: ({ server }) => sum(server, (connection) => connection.receivedBytes),
  },
  {
    name: "revtun_sent_bytes",
    type: "gauge",
    help: "Bytes that the present tunnel connections sent to agents",
    read: ({ server }) => sum(server, (connection) => connection.sentBytes),
  },
  {
    name: "revtun_rtt_seconds",
    type: "gauge",
    help: "Round trip to the hosts: least, median and most of the present connections",
    labels: ["stat"],
    read: ({ server }) => roundTrips(server),
  },
  {
    name: "revtun_buffered_bytes",
    type: "gauge",
    help: "Bytes received for readers that are too slow",
    read: ({ server }) => server.budget.unreadBytes,
  },
  {
    name: "revtun_window_granted_bytes",
    type: "gauge",
    help: "Credit given to senders beyond the first 256 KiB of each stream",
    read: ({ server }) => server.budget.grantedBytes,
  },
  {
    name: "revtun_memory_budget_bytes",
    type: "gauge",
    help: "What slow readers may pile up at most",
    read: ({ server }) => server.budget.limitBytes,
  },
  {
    name: "revtun_control_ignored_total",
    type: "counter",
    help: "Control messages that made no sense or said what their sender may not say",
    read: ({ server }) => server.stats.controlIgnored + server.stats.gracefulClosesIgnored,
  },
];

function counts(record: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(record).map(([name, value]) => [value, name]);
}

function* hosts(server: RunningServer): Iterable<Host> {
  for (const cluster of server.registry.clusters.values()) yield* cluster.hosts.values();
}

function hostStates(server: RunningServer, nowMs: number): Sample[] {
  const states = { active: 0, busy: 0, draining: 0, ejected: 0 };
  for (const host of hosts(server)) states[stateOf(host, nowMs)] += 1;
  return counts(states);
}

function byCluster(server: RunningServer, of: (host: Host) => number): Sample[] {
  return bounded(
    [...server.registry.clusters.values()].map((cluster): Sample => {
      let total = 0;
      for (const host of cluster.hosts.values()) total += of(host);
      return [total, cluster.name];
    }),
  );
}

function sum(
  server: RunningServer,
  of: (connection: Host["connections"][number]) => number,
): number {
  let total = 0;
  for (const host of hosts(server)) {
    for (const connection of host.connections) total += of(connection);
  }
  return total;
}

function roundTrips(server: RunningServer): Sample[] {
  const all: number[] = [];
  for (const host of hosts(server)) {
    for (const { rttMs } of host.connections) if (rttMs > 0) all.push(rttMs / 1000);
  }
  if (all.length === 0) return [];
  all.sort((a, b) => a - b);
  const at = (share: number) => all[Math.round(share * (all.length - 1))]!;
  return [[at(0), "min"], [at(0.5), "median"], [at(1), "max"]];
}
