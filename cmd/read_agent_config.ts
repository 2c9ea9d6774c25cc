/** An agent's configuration, of its options. */
import type { Address } from "../lib/address.ts";
import { parseAllowRule } from "../lib/agent/allow.ts";
import { parseExposeRequest } from "../lib/agent/expose_request.ts";
import { parseRequestRule } from "../lib/agent/request_rule.ts";
import { AGENT_DEFAULTS, agentConfig } from "../lib/agent/config.ts";
import type { AgentConfig } from "../lib/agent/config.ts";
import { parseTargets } from "../lib/agent/target.ts";
import { parseLister } from "../lib/agent/listers/lister_config.ts";
import type { ServerListerConfig } from "../lib/agent/listers/lister_config.ts";
import { parseServerAddress } from "../lib/agent/server_address.ts";
import { ConfigError } from "../lib/errors.ts";
import type { Secret } from "../lib/secret.ts";
import type { DialProxy } from "../lib/transport/dial.ts";
import type { TlsClientSettings } from "../lib/transport/tls_client_files.ts";
import type { OptionValues } from "./option.ts";
import { readSetting } from "./read_setting.ts";
import type { Settings } from "./settings.ts";
import type { AGENT_OPTIONS, IDENTITY_OPTIONS } from "./agent_options.ts";

const TLS_SCHEME = "tls://";

/** What the options leave open. */
export interface AgentSurroundings {
  /** The machine's name. */
  readonly machineName: string;
  /** The credential, already read. */
  readonly credential: Secret | undefined;
  /** By whom they are reached. */
  readonly proxy: DialProxy | undefined;
  /** TLS to the servers, its files already looked at. */
  readonly tls: TlsClientSettings | undefined;
}

/**
 * Makes the configuration.
 *
 * @throws {ConfigError} naming the setting as its user wrote it.
 */
export function agentConfigOf(
  { values, sourceOf }: Settings<OptionValues<typeof AGENT_OPTIONS>>,
  surroundings: AgentSurroundings,
): AgentConfig {
  const serverLister = listerOf(values, sourceOf);
  if (values.server.length === 0 && serverLister === undefined && values.enable) {
    throw new ConfigError("--server", "missing, give the tunnel server's host:port");
  }
  if (values.cluster === undefined) {
    throw new ConfigError("--cluster", "missing, name the cluster to register in");
  }
  const servers = readSetting(
    sourceOf("server"),
    () => parseServers(values.server, values.tls),
  );
  const targets = readSetting(sourceOf("target"), () => parseTargets(values.target));
  for (const { target } of values["allow-request"].map(parseRequestRule)) {
    if (target === "" || targets.has(target)) continue;
    const detail = `is about target "${target}", which --target does not declare`;
    throw new ConfigError(sourceOf("allow-request"), detail);
  }
  try {
    return agentConfig({
      cluster: values.cluster,
      isEnabled: values.enable,
      servers,
      serverLister,
      targets,
      hostingListener: values["hosting-listener"] ?? AGENT_DEFAULTS.hostingListener,
      expose: values.expose.map(parseExposeRequest),
      allow: values.allow.map(parseAllowRule),
      hostName: values["host-name"] ?? asName(surroundings.machineName),
      weight: values.weight,
      mode: values.mode,
      connectionNum: values.connections,
      connectTimeoutMs: values["connect-timeout"],
      connectRetryTimes: values["connect-retry-times"],
      reconnectBaseMs: values["reconnect-base"],
      reconnectMaxMs: Math.max(values["reconnect-max"], values["reconnect-base"]),
      keepalive: { intervalMs: values.keepalive, timeoutMs: values.keepalive },
      edgeRules: {
        requests: values["allow-request"].map(parseRequestRule),
        requestsPerSecond: values["max-request-rate"],
        maxStreams: values["max-target-streams"],
        bytesPerSecond: values["max-bandwidth"],
        bytesPerDay: values["max-daily-bytes"],
      },
      stateDir: values["state-dir"],
      dialTimeoutMs: values["dial-timeout"],
      idleTimeoutMs: values["idle-timeout"],
      drainTimeoutMs: values["drain-timeout"],
      tls: surroundings.tls,
      proxy: surroundings.proxy,
      credential: surroundings.credential,
      credentialPolicy: policyOf(values, surroundings.credential),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const option = OPTION_OF_FIELD[error.path] ?? error.path;
    throw new ConfigError(sourceOf(option), error.message.slice(error.path.length + 2), {
      cause: error,
    });
  }
}

/** True where one of the servers is to be dialled inside TLS. */
export function isTlsAsked(servers: readonly string[]): boolean {
  return servers.some((text) => text.startsWith(TLS_SCHEME));
}

/** Reads the servers' addresses. @throws {RangeError} also where some are in the clear and some not */
export function parseServers(texts: readonly string[], isTls: boolean): Address[] {
  return texts.map((text) => {
    const address = parseServerAddress(text);
    if (isTls || !isTlsAsked(texts) || text.startsWith(TLS_SCHEME)) return address;
    throw new RangeError(
      `"${text}" is in the clear and others are not: give --tls, or tls://${text}`,
    );
  });
}

function listerOf(
  values: OptionValues<typeof AGENT_OPTIONS>,
  sourceOf: (option: string) => string,
): ServerListerConfig | undefined {
  const { discover } = values;
  if (discover === undefined) return values["server-list-config"];
  if (values["server-list-config"] === undefined) return parseLister(discover);
  const detail = `${sourceOf("server-list-config")} is set too, expected one of the two`;
  throw new ConfigError(sourceOf("discover"), detail);
}

/** Which policy is named in the handshake. */
export function policyOf(
  values: Pick<OptionValues<typeof IDENTITY_OPTIONS>, "credential">,
  credential: Secret | undefined,
): string {
  return values.credential ??
    (credential === undefined ? AGENT_DEFAULTS.credentialPolicy : "token");
}

const OPTION_OF_FIELD: Readonly<Record<string, string>> = {
  "expose": "expose",
  "cluster": "cluster",
  "host_name": "host-name",
  "server_list": "server",
  "hosting_listener": "hosting-listener",
  "connection_num": "connections",
  "connect_retry_times": "connect-retry-times",
  "weight": "weight",
  "reconnect_base_duration": "reconnect-base",
  "reconnect_max_duration": "reconnect-max",
  "connect_timeout_duration": "connect-timeout",
  "graceful_close_max_wait_duration": "drain-timeout",
};

/** A machine's name as a host name: what does not fit is left out. */
function asName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._-]/g, "").slice(0, 253) || "agent";
}
