/** The admin API of a server. */
import { formatRouteRule } from "../http/route_rule.ts";
import type { Runtime } from "../runtime.ts";
import type { Host } from "../server/host.ts";
import { formatListenSpec } from "../server/listen_spec.ts";
import type { RunningServer } from "../server/server.ts";
import { disconnect, hostsNamed, setDrained, setWeight } from "../server/steering.ts";
import { nearestMatch } from "../suggest.ts";
import { padded, PAGE_QUERY, pageOf } from "./admin_route.ts";
import type { AdminCall, AdminRoute } from "./admin_route.ts";
import { COMMON_ROUTES } from "./common_routes.ts";
import { EXPLAIN_ROUTE } from "./explain_route.ts";
import { HISTORY_ROUTE } from "./history_route.ts";
import { hostsOf, keyOfHost, order } from "./host_list.ts";
import { LiveView } from "./live.ts";
import { metricsResponse } from "./metrics.ts";
import { Problem } from "./problem.ts";
import { ServerLive } from "./server_live.ts";
import { SERVER_METRICS } from "./server_metrics.ts";
import type { ServerSource } from "./server_source.ts";
import { REQUESTS_ROUTE } from "./requests_route.ts";
import { STREAMS_ROUTE } from "./streams_route.ts";
import { TAKEOVER_ROUTES } from "./takeover.ts";
import { TOKEN_ROUTES } from "./token_routes.ts";
import {
  clusterView,
  connectionView,
  departureView,
  doorView,
  hostView,
  statusView,
} from "./server_views.ts";

/** Makes what a server's endpoint shows as it changes. */
export function serverLiveView(server: RunningServer, runtime: Runtime): LiveView {
  const live = new LiveView(runtime, new ServerLive(server, runtime));
  server.registry.onNews = () => live.wake();
  return live;
}

export const SERVER_ROUTES: readonly AdminRoute<ServerSource>[] = [
  ...COMMON_ROUTES,
  {
    method: "GET",
    path: "/readyz",
    summary: "200 while new clients and agents are taken, 503 from the moment the server stops",
    handle(_, { server }) {
      if (server.isClosing) throw new Problem(503, "The server is stopping");
      return { status: "ready", hosts: server.registry.hostCount };
    },
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "Metrics in Prometheus' text format",
    handle: (_, source) => metricsResponse(SERVER_METRICS, source),
  },
  {
    method: "GET",
    path: "/api/v1/status",
    summary: "Counts of the whole server",
    handle: (_, { server, runtime, software }) => ({
      software,
      tunnel: doorView(server),
      ...statusView(server, runtime),
    }),
  },
  {
    method: "GET",
    path: "/api/v1/clusters",
    summary: "Clusters, each with the sums of its hosts; paged",
    query: PAGE_QUERY,
    handle({ query }, { server }) {
      const clusters = [...server.registry.clusters.values()].sort((a, b) => order(a.name, b.name));
      return pageOf(query, clusters, (cluster) => cluster.name, clusterView);
    },
  },
  {
    method: "GET",
    path: "/api/v1/hosts",
    summary: "Hosts with their connections, of one cluster with `?cluster=`; paged",
    query: ["cluster", ...PAGE_QUERY],
    handle({ query }, { server, runtime }) {
      const hosts = hostsOf(server, query.get("cluster"));
      return pageOf(query, hosts, keyOfHost, (host) => hostView(host, server, runtime));
    },
  },
  {
    method: "GET",
    path: "/api/v1/hosts/{cluster}/{host}",
    summary: "One host, by name or id; agents that share a name are several",
    handle: (call, { server, runtime }) => ({
      items: findHosts(call, server).map((host) => hostView(host, server, runtime)),
    }),
  },
  {
    method: "GET",
    path: "/api/v1/hosts/{cluster}/{host}/history",
    summary: "What passed through one host in the last ten minutes, a moment each 5 s; of the " +
      "first 250 hosts",
    handle: (call, { server, history }) => ({
      items: findHosts(call, server).map((host) => history.hostView(host)),
    }),
  },
  {
    method: "GET",
    path: "/api/v1/exposures",
    summary: "Frontends that agents asked for; paged",
    query: PAGE_QUERY,
    handle({ query }, { server }) {
      const exposures = [...server.exposures.list].sort((a, b) => order(a.url, b.url));
      return pageOf(query, exposures, (exposure) => exposure.url, (exposure) => ({
        frontend: exposure.url,
        address: exposure.address,
        cluster: exposure.cluster,
        target: exposure.target === "" ? "default" : exposure.target,
        hosts: [...exposure.hosts].map((host) => host.hostName),
      }));
    },
  },
  {
    method: "GET",
    path: "/api/v1/connections",
    summary: "Tunnel connections of all hosts; paged",
    query: PAGE_QUERY,
    handle({ query }, { server }) {
      const all = hostsOf(server, null).flatMap((host) =>
        host.connections.map((connection) => ({ host, connection }))
      ).sort((a, b) => a.connection.id - b.connection.id);
      return pageOf(query, all, ({ connection }) => padded(connection.id), (entry) => ({
        cluster: entry.host.cluster,
        host: entry.host.hostName,
        ...connectionView(entry.connection),
      }));
    },
  },
  STREAMS_ROUTE,
  REQUESTS_ROUTE,
  {
    method: "GET",
    path: "/api/v1/away",
    summary: "Hosts that left and are not back: when, why, how often; paged",
    query: PAGE_QUERY,
    handle({ query }, { server }) {
      return pageOf(
        query,
        server.departures.away(),
        // The latest is the first: who leaves between two pages moves nobody to another one.
        ({ number }) => padded(Number.MAX_SAFE_INTEGER - number),
        (departure) => departureView(departure, server.registry),
      );
    },
  },
  {
    method: "GET",
    path: "/api/v1/frontends",
    summary: "Where clients come in, in the order of their coming",
    handle: (_, { server }) => ({
      items: server.frontends.frontends.map((frontend) => ({
        frontend: formatListenSpec({ ...frontend.spec, address: frontend.address }),
        clients: frontend.clientCount,
      })),
    }),
  },
  {
    method: "GET",
    path: "/api/v1/routes",
    summary: "Routes of HTTP frontends, the first that matches counts",
    handle: (_, { server }) => ({ items: server.frontends.routing.rules.map(formatRouteRule) }),
  },
  EXPLAIN_ROUTE,
  {
    method: "GET",
    path: "/api/v1/live",
    summary: "Status, hosts with their rates, and those that are away, once a second and when " +
      "hosts come, leave or are steered, as server-sent events; with `?changes=true` what has changed, once the first picture is told",
    query: ["changes"],
    handle({ query }, { live, streams }) {
      const changes = query.get("changes") ?? "false";
      if (changes !== "true" && changes !== "false") {
        throw new Problem(400, `changes is "${changes.slice(0, 50)}", expected true or false`);
      }
      return live.respond(streams, changes === "true" ? "changes" : "pictures");
    },
  },
  HISTORY_ROUTE,
  {
    method: "POST",
    path: "/api/v1/hosts/{cluster}/{host}/drain",
    summary: "Gives a host no new work, also when its agent comes back; work under way goes on",
    handle: (call, source) => drain(call, source, true),
  },
  {
    method: "POST",
    path: "/api/v1/hosts/{cluster}/{host}/undrain",
    summary: "Takes a drain back",
    handle: (call, source) => drain(call, source, false),
  },
  {
    method: "POST",
    path: "/api/v1/hosts/{cluster}/{host}/weight",
    summary: "Sets a host's weight, 0 to 10,000, in place of its agent's; null gives it back",
    body: { weight: "number or null" },
    handle(call, source) {
      const weight = call.body["weight"] as number | null;
      if (weight !== null && (!Number.isInteger(weight) || weight < 0 || weight > 10_000)) {
        throw new Problem(422, `weight is ${weight}, expected a whole number from 0 to 10000`);
      }
      const { cluster, hostName } = findNamed(call, source.server);
      setWeight(source.server.registry, cluster, hostName, weight ?? undefined);
      return changed(call, source, "host.weighed", "An operator set a host's weight", { weight });
    },
  },
  {
    method: "POST",
    path: "/api/v1/hosts/{cluster}/{host}/disconnect",
    summary: "Closes a host's connections at once, work under way too; its agent dials again",
    handle(call, { server, runtime }) {
      const hosts = findHosts(call, server);
      let connections = 0;
      for (const host of hosts) {
        connections += host.connections.length;
        disconnect(host);
      }
      runtime.log.warn("host.disconnected", "An operator cut a host off", {
        cluster: hosts[0]!.cluster,
        host: hosts[0]!.hostName,
        connections,
      });
      return { "closed_connections": connections };
    },
  },
  ...TOKEN_ROUTES,
  ...TAKEOVER_ROUTES,
];

/** Done already is done: who asks again may not know that the answer was lost. */
function drain(call: AdminCall, source: ServerSource, isDrained: boolean): unknown {
  const { registry } = source.server;
  const { cluster, hostName, hosts } = findNamed(call, source.server);
  const wasDrained = registry.overrides.of(cluster, hostName).isDrained === true;
  if (isDrained === wasDrained) {
    if (!isDrained && hosts.some((host) => host.isDraining)) {
      throw new Problem(
        409,
        `Host "${hostName}" is not drained by an operator: it is its agent that drains`,
      );
    }
    return itemsOf(hosts, source);
  }
  setDrained(registry, cluster, hostName, isDrained);
  return isDrained
    ? changed(call, source, "host.drained", "An operator drained a host")
    : changed(call, source, "host.undrained", "An operator took a host's drain back");
}

function changed(
  call: AdminCall,
  source: ServerSource,
  event: string,
  message: string,
  fields: { weight?: number | null } = {},
): unknown {
  const { cluster, hostName, hosts } = findNamed(call, source.server);
  const weight = fields.weight === undefined ? {} : { weight: fields.weight ?? "agent's own" };
  source.runtime.log.info(event, message, { cluster, host: hostName, ...weight });
  return itemsOf(hosts, source);
}

function itemsOf(hosts: readonly Host[], { server, runtime }: ServerSource): unknown {
  return { items: hosts.map((host) => hostView(host, server, runtime)) };
}

/** What a path names: one host, of agents that share the name several, of one that is away none. */
interface Named {
  readonly cluster: string;
  readonly hostName: string;
  readonly hosts: readonly Host[];
}

/** A host that is here, or was, or is expected: what is set for it counts on its return. @throws {Problem} 404 */
function findNamed(call: AdminCall, server: RunningServer): Named {
  const { cluster = "", host = "" } = call.params;
  const isKnown = server.departures.of(cluster, host) !== undefined ||
    Object.keys(server.registry.overrides.of(cluster, host)).length > 0;
  if (isKnown && hostsNamed(server.registry, cluster, host).length === 0) {
    return { cluster, hostName: host, hosts: [] };
  }
  const hosts = findHosts(call, server);
  return { cluster: hosts[0].cluster, hostName: hosts[0].hostName, hosts };
}

/** @throws {Problem} 404 */
function findHosts({ params }: AdminCall, server: RunningServer): [Host, ...Host[]] {
  const { cluster = "", host = "" } = params;
  const [first, ...more] = hostsNamed(server.registry, cluster, host);
  if (first !== undefined) return [first, ...more];
  const { clusters } = server.registry;
  const hosts = clusters.get(cluster)?.hosts.values();
  if (hosts === undefined) {
    const nearest = nearestMatch(cluster.slice(0, 253), clusters.keys());
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    throw new Problem(404, `There is no cluster "${cluster.slice(0, 253)}"${hint}`);
  }
  const away = server.departures.of(cluster, host);
  if (away !== undefined) throw new Problem(404, `Host "${host}" of cluster "${cluster}" is away`);
  const gone = server.departures.away().filter((departure) => departure.cluster === cluster);
  const nearest = nearestMatch(
    host.slice(0, 253),
    [...hosts, ...gone].map(({ hostName }) => hostName),
  );
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  throw new Problem(
    404,
    `Cluster "${cluster}" has no host "${host.slice(0, 253)}" connected now${hint}`,
  );
}
