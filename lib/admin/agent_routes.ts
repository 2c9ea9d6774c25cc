/** The admin API of an agent. */
import { formatAddress } from "../address.ts";
import type { RunningAgent } from "../agent/agent.ts";
import type { AgentPeer } from "../agent/agent_peer.ts";
import { formatTarget } from "../agent/target.ts";
import type { AdminRoute } from "./admin_route.ts";
import { AGENT_METRICS } from "./agent_metrics.ts";
import type { AgentSource } from "./agent_source.ts";
import { COMMON_ROUTES } from "./common_routes.ts";
import { metricsResponse } from "./metrics.ts";
import { Problem } from "./problem.ts";

export const AGENT_ROUTES: readonly AdminRoute<AgentSource>[] = [
  ...COMMON_ROUTES,
  {
    method: "GET",
    path: "/readyz",
    summary: "200 while at least one connection is registered, 503 otherwise",
    handle(_, { agent }) {
      const connections = agent.connectionCount;
      if (connections === 0) throw new Problem(503, "No connection to any server is registered");
      return { status: "ready", connections };
    },
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "Metrics in Prometheus' text format",
    handle: (_, source) => metricsResponse(AGENT_METRICS, source),
  },
  {
    method: "GET",
    path: "/api/v1/status",
    summary: "Counts of the whole agent",
    handle: (_, { agent, runtime, software }) => ({
      software,
      "agent_id": agent.agentId,
      cluster: agent.config.cluster,
      host: agent.config.hostName,
      weight: agent.config.weight,
      "uptime_ms": Math.round(runtime.nowMs() - agent.startedMs),
      connections: agent.connectionCount,
      "in_flight": agent.workCount,
      discovery: discoveryView(agent),
    }),
  },
  {
    method: "GET",
    path: "/api/v1/peers",
    summary: "Servers, by address, with the connections to each",
    handle: (_, { agent }) => ({ items: [...agent.peers].map(peerView) }),
  },
  {
    method: "GET",
    path: "/api/v1/targets",
    summary: "What the agent forwards to",
    handle: (_, { agent }) => ({
      items: [...agent.config.targets.values()].map((target) => ({
        name: target.name,
        address: formatTarget(target),
      })),
    }),
  },
  {
    method: "POST",
    path: "/api/v1/weight",
    summary: "Changes the host's share at every server, 0 (no new work) to 10,000",
    body: { weight: "number" },
    handle({ body }, { agent, runtime }) {
      const weight = body["weight"] as number;
      if (!Number.isInteger(weight) || weight < 0 || weight > 10_000) {
        throw new Problem(422, `weight is ${weight}, expected a whole number from 0 to 10000`);
      }
      agent.setWeight(weight);
      runtime.log.info("agent.weighed", "The weight was changed", { weight });
      return { weight };
    },
  },
];

function peerView(peer: AgentPeer): Record<string, unknown> {
  return {
    server: formatAddress(peer.address),
    refused: peer.isRefused,
    "given_up": peer.isGivenUp,
    "last_error": peer.lastError?.message ?? null,
    connections: [...peer.connections].map((connection) => ({
      mode: connection.mode,
      "server_id": connection.server.serverId ?? null,
      software: connection.server.software ?? connection.server.kind,
      local: formatAddress(connection.local),
      "in_flight": connection.workCount,
      "rtt_ms": Math.round(connection.rttMs * 1000) / 1000,
    })),
  };
}

/** How it goes with learning of servers; null where that is not asked for. */
function discoveryView({ discovery }: RunningAgent): unknown {
  if (discovery === undefined) return null;
  const { lister, servers, failures, failingSince, lastError } = discovery;
  return {
    lister,
    servers,
    failures,
    "failing_since": failingSince?.toISOString() ?? null,
    "last_error": lastError ?? null,
  };
}
