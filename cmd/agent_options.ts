/** What `revtun agent` can be told. */
import * as v from "valibot";
import { parseAllowRule } from "../lib/agent/allow.ts";
import { parseExposeRequest } from "../lib/agent/expose_request.ts";
import { parseProxy } from "../lib/agent/proxy.ts";
import { parseRequestRule } from "../lib/agent/request_rule.ts";
import { parseTarget } from "../lib/agent/target.ts";
import {
  LISTER_FILE_KEYS,
  LISTER_SCHEMA,
  parseLister,
} from "../lib/agent/listers/lister_config.ts";
import { parseServerAddress } from "../lib/agent/server_address.ts";
import { checkName } from "../lib/name.ts";
import type { OptionSpec } from "./option.ts";
import { TLS_CLIENT_OPTIONS } from "./tls_options.ts";

/** Options that `probe` shares with `agent`: who it is. */
export const IDENTITY_OPTIONS = [
  {
    name: "credential",
    key: "credential_policy",
    kind: "string",
    placeholder: "POLICY",
    description: "How the server checks who this is (default token where there is one)",
    group: "Identity",
  },
  {
    name: "token-file",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "File that holds the credential",
    group: "Identity",
  },
  {
    name: "token",
    key: "credential",
    kind: "string",
    isEnvOnly: true,
    description: "The credential itself; no flag, since command lines are there for all to see",
    group: "Identity",
  },
] as const satisfies readonly OptionSpec[];

/** Options that `probe` shares with `agent`: by whom servers are reached. */
export const PROXY_OPTIONS = [
  {
    name: "proxy",
    kind: "string",
    placeholder: "URL",
    parse: parseProxy,
    description: "Proxy to reach the servers by, which resolves their names: " +
      "http://[USER@]HOST:PORT or socks5://…; a password by REVTUN_PROXY or a file",
    group: "Connection",
  },
  {
    name: "proxy-file",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "File that holds the proxy's URL, for one with a password",
    group: "Connection",
  },
] as const satisfies readonly OptionSpec[];

/** Options of `revtun agent`. */
export const AGENT_OPTIONS = [
  {
    name: "server",
    key: "server_list",
    parse: parseServerAddress,
    kind: "list",
    placeholder: "HOST:PORT",
    description: "Tunnel server to dial, tls://HOST:PORT inside TLS; a name stands for every " +
      "address it resolves to",
  },
  {
    name: "discover",
    key: "server_lister",
    kind: "string",
    placeholder: "WHERE",
    parse: parseLister,
    description: "Where more servers are learnt from: dns:NAME[:PORT], srv:NAME, file:PATH, " +
      "https://… with a list",
  },
  {
    name: "server-list-config",
    key: "dynamic_server_list_config",
    aliases: ["DynamicServerListConfig"],
    kind: "value",
    schema: LISTER_SCHEMA,
    fileKeys: LISTER_FILE_KEYS,
    description: "Where more servers are learnt from, with all settings of it: docs/discovery.md",
  },
  {
    name: "cluster",
    parse: checkName,
    kind: "string",
    placeholder: "NAME",
    description: "Cluster to register in",
  },
  {
    name: "target",
    key: "targets",
    parse: parseTarget,
    kind: "list",
    placeholder: "[NAME=]ADDRESS",
    description: "What to forward to: host:port, unix:/path, h2c://host:port; the one without a " +
      "name is the default; none: the agent answers by itself",
  },
  {
    name: "expose",
    parse: parseExposeRequest,
    kind: "list",
    placeholder: "URL[=TARGET]",
    description: "Frontend to ask servers for, and its target: tcp://:PORT=TARGET, " +
      "udp://:PORT=TARGET or http://HOST=TARGET; there while this agent is, where --allow-expose lets it",
  },
  {
    name: "allow-request",
    parse: parseRequestRule,
    kind: "list",
    placeholder: "[TARGET=]METHODS:PATH",
    description: "HTTP requests that a target may get, e.g. GET,HEAD:/api/*; all unless one is " +
      "listed for it",
    group: "This side's rules",
  },
  {
    name: "max-request-rate",
    kind: "number",
    placeholder: "N",
    default: "0",
    min: 0,
    description: "HTTP requests a second to all targets; 0 for any",
    group: "This side's rules",
  },
  {
    name: "max-target-streams",
    kind: "number",
    placeholder: "N",
    default: "0",
    min: 0,
    description: "Streams to targets at once; 0 for any",
    group: "This side's rules",
  },
  {
    name: "max-bandwidth",
    kind: "size",
    placeholder: "SIZE",
    default: "0",
    description: "Bytes a second to and from all targets; 0 for any",
    group: "This side's rules",
  },
  {
    name: "max-daily-bytes",
    kind: "size",
    placeholder: "SIZE",
    default: "0",
    description: "Bytes a day (UTC) to and from all targets; 0 for any",
    group: "This side's rules",
  },
  {
    name: "state-dir",
    isFile: true,
    kind: "string",
    placeholder: "DIR",
    description:
      "Folder where the bytes of a day are noted, so that a restart does not give them " +
      "anew; nowhere unless given",
    group: "This side's rules",
  },
  {
    name: "allow",
    parse: parseAllowRule,
    kind: "list",
    placeholder: "CIDR:PORTS",
    description: "Destinations that the cloud side may name itself; nothing unless listed",
  },
  {
    name: "hosting-listener",
    kind: "string",
    placeholder: "NAME",
    parse: checkName,
    description: "Name of the target that is the default one too, where none is without a name",
  },
  {
    name: "enable",
    kind: "boolean",
    default: "true",
    description: "False for an agent that does nothing, and ends",
  },
  {
    name: "host-name",
    parse: checkName,
    kind: "string",
    placeholder: "NAME",
    description: "How the server shows this agent; agents of one name are one host",
    defaultText: "the machine's name",
  },
  {
    name: "weight",
    kind: "number",
    placeholder: "N",
    default: "10",
    min: 0,
    max: 10_000,
    description: "Share of the cluster's requests; 0 takes no new work",
  },
  {
    name: "mode",
    kind: "string",
    placeholder: "MODE",
    default: "auto",
    choices: ["auto", "mux", "raw"],
    description: "Many streams a connection, one exchange a connection (MOSN's), or what fits",
  },
  {
    name: "connections",
    key: "connection_num",
    kind: "number",
    placeholder: "N",
    default: "2",
    min: 1,
    max: 64,
    description: "Connections to each server (connection_num)",
    group: "Connection",
  },
  {
    name: "connect-timeout",
    key: "connect_timeout_duration",
    kind: "duration",
    placeholder: "TIME",
    default: "15s",
    min: 1,
    description: "Longest dial and handshake",
    group: "Connection",
  },
  {
    name: "connect-retry-times",
    kind: "number",
    placeholder: "N",
    default: "-1",
    min: -1,
    description: "Failures in a row before giving up, -1 for never",
    group: "Connection",
  },
  {
    name: "reconnect-base",
    key: "reconnect_base_duration",
    kind: "duration",
    placeholder: "TIME",
    default: "1s",
    min: 1,
    description: "Longest first wait before dialling again; doubles with each failure",
    group: "Connection",
  },
  {
    name: "reconnect-max",
    key: "reconnect_max_duration",
    kind: "duration",
    placeholder: "TIME",
    default: "30s",
    min: 1,
    description: "Longest wait before dialling again",
    group: "Connection",
  },
  {
    name: "keepalive",
    kind: "duration",
    placeholder: "TIME",
    default: "10s",
    description: "Silence after which the server is asked for life; dead after as long again",
    group: "Connection",
  },
  {
    name: "dial-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "5s",
    min: 1,
    description: "Longest wait for a target's connection",
    group: "Connection",
  },
  {
    name: "idle-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "5m",
    description: "A stream without a byte for this long is closed; 0 for never",
    group: "Connection",
  },
  {
    name: "drain-timeout",
    key: "graceful_close_max_wait_duration",
    kind: "duration",
    placeholder: "TIME",
    default: "15s",
    description: "What work in flight is given to end when the agent stops",
    group: "Connection",
  },
  ...PROXY_OPTIONS,
  ...IDENTITY_OPTIONS,
  ...TLS_CLIENT_OPTIONS,
  {
    name: "tls-context",
    kind: "value",
    schema: v.record(v.string(), v.unknown()),
    description: "MOSN's TLS settings, in place of those above",
    group: "TLS",
  },
] as const satisfies readonly OptionSpec[];
