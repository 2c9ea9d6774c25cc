/** Limits of a server: what peers that try may take of it. */
import type { ServerConfig } from "../lib/server/config.ts";
import type { OptionSpec, OptionValues } from "./option.ts";

/** Options of `revtun server`. */
export const LIMIT_OPTIONS = [
  {
    name: "max-tunnels",
    kind: "number",
    placeholder: "N",
    default: "20000",
    min: 1,
    description: "Agents' connections in all",
    group: "Limits",
  },
  {
    name: "max-connections-per-agent",
    kind: "number",
    placeholder: "N",
    default: "128",
    min: 1,
    description: "Connections of one agent",
    group: "Limits",
  },
  {
    name: "max-streams",
    kind: "number",
    placeholder: "N",
    default: "8192",
    min: 1,
    description: "Streams on one of an agent's connections at once; more go to others, or wait",
    group: "Limits",
  },
  {
    name: "max-handshakes",
    kind: "number",
    placeholder: "N",
    default: "4096",
    min: 1,
    description: "Connections that have not registered yet",
    group: "Limits",
  },
  {
    name: "max-handshakes-per-address",
    kind: "number",
    placeholder: "N",
    default: "1024",
    min: 1,
    description: "The same from one address",
    group: "Limits",
  },
  {
    name: "handshake-rate",
    kind: "number",
    placeholder: "N",
    default: "500",
    min: 1,
    description: "Connections of agents a second from one address; twice as many at once",
    group: "Limits",
  },
  {
    name: "free-credential-failures",
    kind: "number",
    placeholder: "N",
    default: "30",
    min: 0,
    description: "Wrong credentials from one address before their answers are held back",
    group: "Limits",
  },
  {
    name: "max-clients",
    kind: "number",
    placeholder: "N",
    default: "50000",
    min: 1,
    description: "Clients connected to frontends",
    group: "Limits",
  },
  {
    name: "max-clients-per-address",
    kind: "number",
    placeholder: "N",
    default: "16384",
    min: 1,
    description: "The same from one address",
    group: "Limits",
  },
  {
    name: "agent-bandwidth",
    kind: "size",
    placeholder: "SIZE",
    default: "0",
    description: "Bytes a second of each agent, both ways together; from 64KiB, 0 for any",
    group: "Limits",
  },
  {
    name: "frontend-bandwidth",
    kind: "size",
    placeholder: "SIZE",
    default: "0",
    description: "Bytes a second of each frontend, both ways together; from 64KiB, 0 for any",
    group: "Limits",
  },
  {
    name: "memory-budget",
    kind: "size",
    placeholder: "SIZE",
    default: "512MiB",
    min: 16 << 20,
    description: "Bytes that slow readers may leave unread; the slowest is cut off beyond",
    group: "Limits",
  },
  {
    name: "probe-throughput",
    kind: "string",
    placeholder: "WHO",
    choices: ["on", "loopback", "off"],
    default: "loopback",
    description: "Who may send a second of bytes each way by revtun probe --throughput: on for " +
      "all with a credential",
    group: "Limits",
  },
] as const satisfies readonly OptionSpec[];

/** The limits as the configuration has them. */
export function limitConfigOf(
  values: OptionValues<typeof LIMIT_OPTIONS>,
): Partial<ServerConfig> {
  return {
    maxTunnels: values["max-tunnels"],
    maxConnectionsPerAgent: values["max-connections-per-agent"],
    maxStreamsPerSession: values["max-streams"],
    maxHandshakes: values["max-handshakes"],
    maxHandshakesPerAddress: values["max-handshakes-per-address"],
    handshakesPerSecond: values["handshake-rate"],
    freeCredentialFailures: values["free-credential-failures"],
    maxFrontendConnections: values["max-clients"],
    maxFrontendConnectionsPerAddress: values["max-clients-per-address"],
    agentBytesPerSecond: bandwidth(values["agent-bandwidth"]),
    frontendBytesPerSecond: bandwidth(values["frontend-bandwidth"]),
    memoryBudgetBytes: values["memory-budget"],
    throughput: values["probe-throughput"],
  };
}

/** Less than one read of a socket a second would stop it for longer than it may be silent. */
const MIN_BANDWIDTH_BYTES = 64 << 10;

function bandwidth(bytesPerSecond: number): number {
  return bytesPerSecond === 0 ? 0 : Math.max(MIN_BANDWIDTH_BYTES, bytesPerSecond);
}
