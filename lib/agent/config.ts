/** What an agent can be told, and what it assumes where it is told nothing. */
import type { Address } from "../address.ts";
import type { ExposeRequest } from "../codec/message.ts";
import { ConfigError } from "../errors.ts";
import type { KeepaliveOptions } from "../mux/keepalive.ts";
import { DEFAULT_KEEPALIVE } from "../mux/keepalive.ts";
import type { Secret } from "../secret.ts";
import type { DialProxy } from "../transport/dial.ts";
import type { TlsClientSettings } from "../transport/tls_client_files.ts";
import type { AllowRule } from "./allow.ts";
import { NO_EDGE_RULES } from "./edge_policy.ts";
import type { EdgeRules } from "./edge_policy.ts";
import { NAME_PATTERN } from "../name.ts";
import { nearestMatch } from "../suggest.ts";
import type { ServerListerConfig } from "./listers/lister_config.ts";
import type { Target } from "./target.ts";

/** How a tunnel connection is used: see docs/protocol.md, "Negotiating the session". */
export type AgentMode = "auto" | "mux" | "raw";

/** Settings of an agent; MOSN's name of a field stands at the start of its comment. */
export type AgentConfig = Readonly<{
  /** `enable`: false makes an agent that does nothing. Default true. */
  isEnabled: boolean;
  /** `cluster`: the cluster to register in. Required; 1 to 253 of letters, digits, `.`, `_`, `-`. */
  cluster: string;
  /** `server_list`: tunnel servers. A name stands for each address that it resolves to. */
  servers: readonly Address[];
  /** `tls_context`: TLS on the connections to all servers; in the clear if undefined. */
  tls: TlsClientSettings | undefined;
  /** By whom all servers are reached, and their names resolved; dialled straight if undefined. */
  proxy: DialProxy | undefined;
  /** `dynamic_server_list_config`: where more servers are learnt from. Default: nowhere. */
  serverLister: ServerListerConfig | undefined;
  /** `connection_num`: connections kept up to each server. Default 2, at most 64. */
  connectionNum: number;
  /** `connect_retry_times`: failures in a row before giving up, -1 for never. Default -1. */
  connectRetryTimes: number;
  /** `reconnect_base_duration`: ceiling of the first wait in ms, doubled each time. Default 1 s. */
  reconnectBaseMs: number;
  /** Ceiling of every wait in ms. Default 30 s; MOSN has none. */
  reconnectMaxMs: number;
  /** `connect_timeout_duration`: dial and handshake together, in ms. Default 15 s. */
  connectTimeoutMs: number;
  /** `credential_policy`: how the server checks `credential`; "" for none. Default "". */
  credentialPolicy: string;
  credential: Secret | undefined;
  /** `graceful_close_max_wait_duration`: what work in flight is given to end, ms. Default 15 s. */
  drainTimeoutMs: number;
  /** `hosting_listener`: in MOSN what serves the connection; here a name for the default target. */
  hostingListener: string;
  /** How the server shows this agent; agents of one name are one host. Default: the machine's. */
  hostName: string;
  /** Share of the cluster's requests; 0 takes no new work. Default 10, at most 10,000. */
  weight: number;
  /** By name; "" is the default target. None: a page of the agent's own answers. */
  targets: ReadonlyMap<string, Target>;
  /** Frontends that servers are asked for, each leading to a target. Default: none. */
  expose: readonly ExposeRequest[];
  /** What the cloud side may reach beyond the targets. Default: nothing. */
  allow: readonly AllowRule[];
  /** What this side allows, whatever the cloud side asks for. Default: everything. */
  edgeRules: EdgeRules;
  /** Folder where the count of a day's bytes is kept over restarts; nowhere if undefined. */
  stateDir: string | undefined;
  /** Default auto: mux where the server can. */
  mode: AgentMode;
  keepalive: KeepaliveOptions;
  /** Longest wait for a target's connection, ms. Default 5 s. */
  dialTimeoutMs: number;
  /** A stream without a byte for this long is closed, ms; 0 for never. Default 5 min. */
  idleTimeoutMs: number;
  /** Dials to targets under way at once; more wait for their turn. Default 256. */
  maxPendingDials: number;
  /** How often server names are resolved anew, ms. Default 30 s. */
  resolveIntervalMs: number;
}>;

/** Everything that has a default. */
export const AGENT_DEFAULTS = {
  isEnabled: true,
  serverLister: undefined,
  tls: undefined,
  proxy: undefined,
  connectionNum: 2,
  connectRetryTimes: -1,
  reconnectBaseMs: 1000,
  reconnectMaxMs: 30_000,
  connectTimeoutMs: 15_000,
  credentialPolicy: "",
  credential: undefined,
  drainTimeoutMs: 15_000,
  hostingListener: "",
  hostName: "",
  weight: 10,
  targets: new Map(),
  expose: [],
  allow: [],
  edgeRules: NO_EDGE_RULES,
  stateDir: undefined,
  mode: "auto",
  keepalive: DEFAULT_KEEPALIVE,
  dialTimeoutMs: 5000,
  idleTimeoutMs: 300_000,
  maxPendingDials: 256,
  resolveIntervalMs: 30_000,
} as const satisfies Omit<AgentConfig, "cluster" | "servers">;

/** Settings that have no default, and any of the others. */
export type AgentConfigInit =
  & Pick<AgentConfig, "cluster" | "servers">
  & Partial<AgentConfig>;

/**
 * Fills in the defaults and checks what every source of settings must keep to.
 *
 * @throws {ConfigError} naming the field by MOSN's name, or ours where MOSN has none.
 */
export function agentConfig(init: AgentConfigInit): AgentConfig {
  const given: AgentConfig = { ...AGENT_DEFAULTS, ...init };
  const config = { ...given, targets: withHostingListener(given) };
  checkName("cluster", config.cluster);
  if (config.hostName !== "") checkName("host_name", config.hostName);
  checkInteger("connection_num", config.connectionNum, 1, 64);
  checkInteger("connect_retry_times", config.connectRetryTimes, -1, Number.MAX_SAFE_INTEGER);
  checkInteger("weight", config.weight, 0, 10_000);
  checkInteger("reconnect_base_duration", config.reconnectBaseMs, 1, 3_600_000);
  checkInteger("reconnect_max_duration", config.reconnectMaxMs, config.reconnectBaseMs, 86_400_000);
  checkInteger("connect_timeout_duration", config.connectTimeoutMs, 1, 3_600_000);
  checkInteger("graceful_close_max_wait_duration", config.drainTimeoutMs, 0, 86_400_000);
  checkExpose(config);
  if (config.isEnabled && config.servers.length === 0 && config.serverLister === undefined) {
    throw new ConfigError("server_list", "names no server, give at least one host:port");
  }
  return config;
}

/** The hosting listener's target is the default one too, unless there is a default. */
function withHostingListener(config: AgentConfig): AgentConfig["targets"] {
  const { hostingListener, targets } = config;
  if (hostingListener === "" || targets.size === 0 || targets.has("")) return targets;
  const target = targets.get(hostingListener);
  if (target === undefined) {
    const nearest = nearestMatch(hostingListener, targets.keys());
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    throw new ConfigError("hosting_listener", `there is no target ${hostingListener}${hint}`);
  }
  return new Map([...targets, ["", target]]);
}

function checkExpose({ expose, targets }: AgentConfig): void {
  const urls = new Set<string>();
  for (const { url, target } of expose) {
    if (target !== "" && !targets.has(target)) {
      throw new ConfigError("expose", `${url} leads to target "${target}", which is not there`);
    }
    if (urls.has(url)) throw new ConfigError("expose", `${url} is asked for twice`);
    urls.add(url);
  }
}

function checkName(path: string, name: string): void {
  if (NAME_PATTERN.test(name)) return;
  throw new ConfigError(
    path,
    name === ""
      ? "missing, name the cluster to register in"
      : `"${name}" is not a name, use 1 to 253 of letters, digits, ".", "_" and "-"`,
  );
}

function checkInteger(path: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new ConfigError(path, `${value} is out of range, expected ${min} to ${max}`);
}
