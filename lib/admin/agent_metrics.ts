/** What an agent measures. */
import { COMMON_METRICS } from "./common_metrics.ts";
import type { Metric } from "./metrics.ts";
import type { AgentSource } from "./agent_source.ts";

export const AGENT_METRICS: readonly Metric<AgentSource>[] = [
  ...COMMON_METRICS,
  {
    name: "revtun_agent_servers",
    type: "gauge",
    help: "Server addresses by state: connected, dialling, refused, given_up",
    labels: ["state"],
    read({ agent }) {
      const states = { connected: 0, dialling: 0, refused: 0, "given_up": 0 };
      for (const peer of agent.peers) {
        if (peer.connections.size > 0) states.connected += 1;
        else if (peer.isRefused) states.refused += 1;
        else if (peer.isGivenUp) states.given_up += 1;
        else states.dialling += 1;
      }
      return Object.entries(states).map(([state, count]) => [count, state]);
    },
  },
  {
    name: "revtun_agent_connections",
    type: "gauge",
    help: "Registered tunnel connections to all servers",
    read: ({ agent }) => agent.connectionCount,
  },
  {
    name: "revtun_agent_in_flight",
    type: "gauge",
    help: "Streams and exchanges under way",
    read: ({ agent }) => agent.workCount,
  },
  {
    name: "revtun_agent_session_errors_total",
    type: "counter",
    help: "Sessions that were ended because their server broke the protocol",
    read: ({ agent }) => agent.sessionErrors,
  },
  {
    name: "revtun_agent_weight",
    type: "gauge",
    help: "Share of the cluster's requests that the agent asks for",
    read: ({ agent }) => agent.config.weight,
  },
];
