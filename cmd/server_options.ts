/** What `revtun server` can be told. */
import { parseAddress } from "../lib/address.ts";
import type { Address } from "../lib/address.ts";
import { checkName } from "../lib/name.ts";
import { parseListenSpec } from "../lib/server/listen_spec.ts";
import { parseClusterTime } from "../lib/server/slow_start.ts";
import { ACCESS_LOG_OPTIONS } from "./access_log_options.ts";
import { ADMIN_OPTIONS } from "./admin_options.ts";
import { CONFIG_OPTION, LOG_OPTIONS } from "./common_options.ts";
import { CREDENTIAL_OPTIONS } from "./credential_options.ts";
import { HTTP_OPTIONS } from "./http_options.ts";
import { LIMIT_OPTIONS } from "./limit_options.ts";
import type { OptionSpec } from "./option.ts";
import { TLS_SERVER_OPTIONS } from "./tls_options.ts";
import { TRACE_OPTIONS } from "./trace_options.ts";

/** Options of `revtun server`. */
export const SERVER_OPTIONS = [
  {
    name: "listen",
    kind: "list",
    placeholder: "[SCHEME://]ADDRESS[/CLUSTER[/TARGET]]",
    default: ":8080",
    parse: parseListenSpec,
    description:
      "Frontend for clients: http:// (default), https://, tcp://, tls:// (by its name), " +
      "socks5://, connect:// or udp://; :PORT is all addresses",
  },
  {
    name: "tunnel",
    kind: "list",
    placeholder: "ADDRESS",
    default: ":9000",
    parse: parseListenAddress,
    description: "Where agents come in",
  },
  ...HTTP_OPTIONS,
  {
    name: "cluster",
    key: "clusters",
    kind: "list",
    placeholder: "NAME",
    parse: checkName,
    description: "Cluster that agents may register in",
    group: "Agents",
  },
  {
    name: "open-clusters",
    kind: "boolean",
    defaultText: "only while no cluster is declared and no credential is set",
    description: "Let agents register in clusters of any name",
    group: "Agents",
  },
  ...CREDENTIAL_OPTIONS,
  {
    name: "init-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "5s",
    min: 1,
    description: "Deadline of an agent's handshake",
    group: "Limits",
  },
  {
    name: "preread-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "10s",
    min: 1,
    description: "How long a client may take to say where to: ClientHello, SOCKS, PROXY header",
    group: "Limits",
  },
  {
    name: "hold",
    kind: "duration",
    placeholder: "TIME",
    default: "5s",
    description: "How long a request waits for a host of its cluster; 0 for not at all",
    group: "Limits",
  },
  {
    name: "idle-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "5m",
    description: "Close connections on which nothing passes for this long; 0 for never",
    group: "Limits",
  },
  {
    name: "keepalive",
    kind: "duration",
    placeholder: "TIME",
    default: "10s",
    description:
      "Ping an agent after this long without a byte; dead after as long again; 0 for off",
    group: "Limits",
  },
  {
    name: "drain-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "15s",
    description: "What work in flight is given to end when the server stops",
    group: "Limits",
  },
  {
    name: "slow-start",
    kind: "duration",
    placeholder: "TIME",
    default: "0s",
    description: "How long a new host takes to its full share of requests",
    group: "Limits",
  },
  {
    name: "cluster-slow-start",
    kind: "list",
    placeholder: "CLUSTER=TIME",
    parse: parseClusterTime,
    description: "The same for hosts of one cluster",
    group: "Limits",
  },
  ...TLS_SERVER_OPTIONS,
  {
    name: "takeover",
    kind: "boolean",
    isFixed: true,
    description:
      "Take the ports and agents of the server that runs here, found by --admin, which then stops",
    group: "Admin",
  },
  ...LIMIT_OPTIONS,
  ...ADMIN_OPTIONS,
  CONFIG_OPTION,
  ...ACCESS_LOG_OPTIONS,
  ...TRACE_OPTIONS,
  ...LOG_OPTIONS,
] as const satisfies readonly OptionSpec[];

/** Reads an address to listen on: `:PORT` is all addresses. @throws {RangeError} */
export function parseListenAddress(text: string): Address {
  return parseAddress(text, { host: "" });
}
