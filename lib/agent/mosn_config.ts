/** MOSN's `tunnel_agent` settings (AgentBootstrapConfig) as an agent's configuration. */
import { parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { parseDuration } from "../duration.ts";
import { ConfigError } from "../errors.ts";
import { Secret } from "../secret.ts";
import { nearestMatch } from "../suggest.ts";
import { parseAllowRule } from "./allow.ts";
import { agentConfig } from "./config.ts";
import type { AgentConfig, AgentConfigInit, AgentMode, ServerListerConfig } from "./config.ts";
import { parseTargets } from "./target.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Durations by MOSN's names; each may also be spelled with `_ms` and a number. */
const DURATIONS = {
  "reconnect_base_duration": "reconnectBaseMs",
  "reconnect_max_duration": "reconnectMaxMs",
  "connect_timeout_duration": "connectTimeoutMs",
  "graceful_close_max_wait_duration": "drainTimeoutMs",
} as const;

const KNOWN = [
  "enable",
  "connection_num",
  "cluster",
  "hosting_listener",
  "server_list",
  "dynamic_server_list_config",
  // What the Go struct has no tag for is spelled as its field.
  "DynamicServerListConfig",
  "connect_retry_times",
  "credential_policy",
  "credential",
  "tls_context",
  "host_name",
  "weight",
  "targets",
  "allow",
  "mode",
  ...Object.keys(DURATIONS).flatMap((name) => [name, `${name}_ms`]),
];

/**
 * Reads the `config` of a MOSN `tunnel_agent` extend, as parsed from JSON or YAML, and our own
 * fields beside MOSN's (`host_name`, `weight`, `targets`, `allow`, `mode`, `credential`).
 *
 * As in Go, 0 and "" stand for a field that is not set.
 *
 * @param path where `value` stands, for messages: "agent", "extends[0].config".
 * @throws {ConfigError} the first field that is unknown, of the wrong type or out of range.
 */
export function agentConfigFromMosn(value: unknown, path = "tunnel_agent"): AgentConfig {
  const fields = fieldsOf(value, path);
  for (const key of Object.keys(fields)) {
    if (KNOWN.includes(key)) continue;
    const nearest = nearestMatch(key, KNOWN);
    throw new ConfigError(
      `${path}.${key}`,
      nearest === undefined ? "unknown key" : `unknown key, did you mean ${nearest}?`,
    );
  }
  refuseTls(fields, path);
  const init: { -readonly [K in keyof AgentConfigInit]: AgentConfigInit[K] } = {
    cluster: textOf(fields, "cluster", path) ?? "",
    servers: serversOf(fields, path),
  };
  assign(init, "isEnabled", booleanOf(fields, "enable", path));
  assign(init, "connectionNum", numberOf(fields, "connection_num", path));
  assign(init, "connectRetryTimes", numberOf(fields, "connect_retry_times", path));
  assign(init, "credentialPolicy", textOf(fields, "credential_policy", path));
  assign(init, "hostingListener", textOf(fields, "hosting_listener", path));
  assign(init, "hostName", textOf(fields, "host_name", path));
  assign(init, "serverLister", listerOf(fields, path));
  assign(init, "mode", modeOf(fields, path));
  const credential = textOf(fields, "credential", path);
  if (credential !== undefined) init.credential = new Secret(credential);
  for (const [name, field] of Object.entries(DURATIONS)) {
    assign(init, field, durationOf(fields, name, path));
  }
  // 0 is a weight of its own: no new work.
  if (fields["weight"] === 0) init.weight = 0;
  else assign(init, "weight", numberOf(fields, "weight", path));
  const targets = textsOf(fields, "targets", path);
  const allow = textsOf(fields, "allow", path);
  if (targets.length > 0) init.targets = read(`${path}.targets`, () => parseTargets(targets));
  if (allow.length > 0) init.allow = read(`${path}.allow`, () => allow.map(parseAllowRule));
  try {
    return agentConfig(init);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const detail = error.message.slice(error.path.length + 2);
    throw new ConfigError(`${path}.${error.path}`, detail, { cause: error });
  }
}

function assign<K extends keyof AgentConfigInit>(
  init: { -readonly [P in keyof AgentConfigInit]: AgentConfigInit[P] },
  key: K,
  value: AgentConfigInit[K] | undefined,
): void {
  if (value !== undefined) init[key] = value;
}

function fieldsOf(value: unknown, path: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new ConfigError(path, `${describe(value)} where an object was expected`);
}

function textOf(fields: Fields, key: string, path: string): string | undefined {
  const value = fields[key];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw new ConfigError(`${path}.${key}`, `${describe(value)} where text was expected`);
}

function textsOf(fields: Fields, key: string, path: string): string[] {
  const value = fields[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new ConfigError(`${path}.${key}`, `${describe(value)} where a list of texts was expected`);
}

function numberOf(fields: Fields, key: string, path: string): number | undefined {
  const value = fields[key];
  if (value === undefined || value === null || value === 0) return undefined;
  if (typeof value === "number") return value;
  throw new ConfigError(`${path}.${key}`, `${describe(value)} where a number was expected`);
}

function booleanOf(fields: Fields, key: string, path: string): boolean | undefined {
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw new ConfigError(`${path}.${key}`, `${describe(value)} where true or false was expected`);
}

function durationOf(fields: Fields, key: string, path: string): number | undefined {
  const ms = numberOf(fields, `${key}_ms`, path);
  const value = fields[key];
  if (value === undefined || value === null || value === "" || value === 0) return ms;
  if (ms !== undefined) {
    throw new ConfigError(`${path}.${key}`, `given twice, also as ${key}_ms`);
  }
  if (typeof value !== "string") {
    throw new ConfigError(
      `${path}.${key}`,
      `${describe(value)} has no unit, write e.g. 15s, or use ${key}_ms`,
    );
  }
  return read(`${path}.${key}`, () => parseDuration(value));
}

function serversOf(fields: Fields, path: string): Address[] {
  return textsOf(fields, "server_list", path).map((text, index) =>
    read(`${path}.server_list[${index}]`, () => parseAddress(text))
  );
}

function listerOf(fields: Fields, path: string): ServerListerConfig | undefined {
  const key = "dynamic_server_list_config" in fields
    ? "dynamic_server_list_config"
    : "DynamicServerListConfig";
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  const config = fieldsOf(value, `${path}.${key}`);
  const kind = textOf(config, "dynamic_server_lister", `${path}.${key}`);
  if (kind === undefined) return undefined;
  const { dynamic_server_lister: _kind, ...options } = config;
  return { kind, options };
}

function modeOf(fields: Fields, path: string): AgentMode | undefined {
  const mode = textOf(fields, "mode", path);
  if (mode === undefined || mode === "auto" || mode === "mux" || mode === "raw") return mode;
  throw new ConfigError(`${path}.mode`, `"${mode}" is none of auto, mux, raw`);
}

// Silently going on in the clear would send the credential to anyone on the way.
function refuseTls(fields: Fields, path: string): void {
  const value = fields["tls_context"];
  if (value === undefined || value === null) return;
  if (fieldsOf(value, `${path}.tls_context`)["status"] !== true) return;
  throw new ConfigError(`${path}.tls_context`, "TLS on the tunnel is not supported yet");
}

function read<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(path, error.message, { cause: error });
  }
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? `"${value}"` : String(value);
}
