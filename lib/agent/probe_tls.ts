/** Looks at the TLS of a tunnel server: what it shows, and whether an agent would trust it. */
import type { X509Certificate } from "node:crypto";
import { RevtunError } from "../errors.ts";
import type { DialRuntime } from "../transport/dial.ts";
import type { Connection } from "../transport/connection.ts";
import { fingerprintOf } from "../transport/peer_certificate.ts";
import type { TlsClientSettings } from "../transport/tls_client_files.ts";
import { dialTls } from "../transport/tls_dial.ts";
import type { TlsPlace } from "../transport/tls_dial.ts";
import { TUNNEL_ALPN } from "./open_tunnel.ts";
import type { Found } from "./probe.ts";

type Facts = Record<string, string | number>;

const DAY_MS = 86_400_000;

/** The handshake failed, and what was seen of the server's certificate up to then. */
export class TlsProbeError extends RevtunError {
  override name = "TlsProbeError";
  readonly facts: Readonly<Facts>;

  constructor(error: Error, facts: Facts) {
    const shown = facts["fingerprint"] === undefined ? "" : `; ${describe(facts)}`;
    super(`${error.message}${shown}`, { cause: error });
    this.facts = facts;
  }
}

/** Shakes hands as an agent would. @throws {TlsProbeError} */
export async function probeTls(
  place: TlsPlace,
  settings: TlsClientSettings,
  timeoutMs: number,
  runtime: DialRuntime,
  signal: AbortSignal,
): Promise<Found<Connection>> {
  let facts: Facts = {};
  try {
    const connection = await dialTls(place, settings, runtime, {
      timeoutMs,
      signal,
      alpn: TUNNEL_ALPN,
      onChain: (chain) => facts = factsOf(chain),
    });
    const { version = "TLS", alpn = "none" } = connection.tls!;
    facts = { version, alpn, ...facts };
    return { value: connection, detail: `${version}, ${describe(facts)}`, facts };
  } catch (error) {
    throw new TlsProbeError(error as Error, facts);
  }
}

function factsOf(chain: readonly X509Certificate[]): Facts {
  const leaf = chain[0];
  if (leaf === undefined) return {};
  const leftMs = leaf.validToDate.getTime() - Date.now();
  return {
    names: leaf.subjectAltName ?? leaf.subject,
    issuer: leaf.issuer.replaceAll("\n", ", "),
    "chain_length": chain.length,
    "expires": leaf.validToDate.toISOString(),
    "expires_in_days": Math.floor(leftMs / DAY_MS),
    fingerprint: `sha256:${fingerprintOf(leaf.raw)}`,
  };
}

function describe(facts: Facts): string {
  return `certificate for ${facts["names"]} by ${facts["issuer"]}, ` +
    `${facts["expires_in_days"]} days left, pin ${facts["fingerprint"]}`;
}
