/** MOSN's `tls_context` (TLSConfig) of a client as settings of ours. */
import { ConfigError } from "../errors.ts";
import { nearestMatch } from "../suggest.ts";
import type { TlsClientSettings } from "../transport/tls_client_files.ts";

const TEXTS = ["ca_cert", "cert_chain", "private_key", "server_name"] as const;
/** What is about servers, or has no meaning here that could differ: taken and left aside. */
const LEFT_ASIDE = ["require_client_cert", "verify_client", "alpn", "type", "fall_back"] as const;
/** What would be weaker or other than asked for if it were left aside. */
const REFUSED = ["cipher_suites", "ecdh_curves", "extend_verify", "sds_source"] as const;
/** TLS 1.2 and 1.3 are spoken, whatever MOSN calls them. */
const VERSIONS = ["TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"] as const;

/**
 * Reads a client's `tls_context`; undefined where `status` is not true.
 *
 * As in MOSN certificates are files, or PEM text.
 *
 * @param path where `value` stands, for messages.
 * @throws {ConfigError} the first field that is unknown, of the wrong type or not to be had here.
 */
export function mosnTls(value: unknown, path: string): TlsClientSettings | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new ConfigError(path, "an object was expected");
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const known = [
    ...["status", "insecure_skip", "min_version", "max_version"],
    ...[...TEXTS, ...LEFT_ASIDE, ...REFUSED],
  ];
  for (const key of Object.keys(fields)) {
    if (known.includes(key)) continue;
    const nearest = nearestMatch(key, known);
    const detail = nearest === undefined ? "unknown key" : `unknown key, did you mean ${nearest}?`;
    throw new ConfigError(`${path}.${key}`, detail);
  }
  if (!flag(fields, "status", path)) return undefined;
  for (const key of REFUSED) {
    if (isUnset(fields[key])) continue;
    throw new ConfigError(`${path}.${key}`, "cannot be set here: leave it out");
  }
  const highest = text(fields, "max_version", path) ?? "TLS_AUTO";
  text(fields, "min_version", path);
  for (const key of ["min_version", "max_version"]) {
    const version = fields[key];
    if (isUnset(version) || (VERSIONS as readonly unknown[]).includes(version)) continue;
    throw new ConfigError(`${path}.${key}`, `"${version}" is none of ${VERSIONS.join(", ")}`);
  }
  if (highest === "TLSv1_0" || highest === "TLSv1_1") {
    throw new ConfigError(`${path}.max_version`, `${highest} is broken, TLSv1_2 is the least here`);
  }
  const [ca, cert, key, serverName] = TEXTS.map((name) => text(fields, name, path));
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? "cert_chain" : "private_key";
    throw new ConfigError(`${path}.${missing}`, "missing, it belongs to the other one of the pair");
  }
  const isInsecure = flag(fields, "insecure_skip", path);
  return {
    // MOSN lets insecure_skip win.
    ca: isInsecure ? undefined : ca,
    keyPair: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    serverName,
    pins: [],
    isInsecure,
  };
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function text(
  fields: Readonly<Record<string, unknown>>,
  key: string,
  path: string,
): string | undefined {
  const value = fields[key];
  if (isUnset(value)) return undefined;
  if (typeof value === "string") return value;
  throw new ConfigError(`${path}.${key}`, "text was expected");
}

function flag(fields: Readonly<Record<string, unknown>>, key: string, path: string): boolean {
  const value = fields[key];
  if (isUnset(value)) return false;
  if (typeof value === "boolean") return value;
  throw new ConfigError(`${path}.${key}`, "true or false was expected");
}
