/** Looks at the TLS of a tunnel server: what it shows, and whether an agent would trust it. */
import type { X509Certificate } from "node:crypto";
import { formatAddress } from "../../address.ts";
import type { Runtime } from "../../runtime.ts";
import { detailOf, runStep } from "../../step.ts";
import type { Explained, Found, Outcome } from "../../step.ts";
import {
  describeExpiry,
  expiryOf,
  factsOf,
  isForHost,
  isSelfSigned,
  issuerOf,
  namesOf,
} from "../../transport/certificate_facts.ts";
import type { Connection } from "../../transport/connection.ts";
import { fingerprintOf } from "../../transport/peer_certificate.ts";
import type { TlsClientSettings } from "../../transport/tls_client_files.ts";
import { dialTls } from "../../transport/tls_dial.ts";
import type { TlsPlace } from "../../transport/tls_dial.ts";
import { TUNNEL_ALPN } from "../open_tunnel.ts";
import { lookInTheClear } from "./second_look.ts";

/** Shakes hands as an agent would with a server, or a client with a frontend. */
export async function probeTls(
  place: TlsPlace,
  settings: TlsClientSettings,
  timeoutMs: number,
  runtime: Runtime,
  signal: AbortSignal,
  peer: "server" | "frontend" = "server",
): Promise<Outcome<Connection>> {
  let chain: readonly X509Certificate[] = [];
  return await runStep<Connection>({
    name: "tls",
    subject: formatAddress(place.address),
    nowMs: runtime.nowMs,
    run: async () => {
      const connection = await dialTls(place, settings, runtime, {
        timeoutMs,
        signal,
        alpn: peer === "server" ? TUNNEL_ALPN : ["h2", "http/1.1"],
        onChain: (shown) => chain = shown,
      });
      return describe(connection, chain, settings);
    },
    explain: async (error) => {
      if (chain.length > 0) return explainChain(error as Error, chain, place, settings);
      if (peer === "frontend") {
        return { advice: "ask by http:// if that frontend is not an https:// one" };
      }
      const { address, proxy } = place;
      const found = await lookInTheClear(address, runtime, timeoutMs, signal, proxy);
      return {
        detail: found === undefined
          ? detailOf(error)
          : `${detailOf(error)}; in the clear, ${found.what} answers there`,
        advice: found?.isTunnel
          ? "dial it without tls:// and --tls, or turn TLS on there: revtun server --tls auto"
          : found === undefined
          ? "check that this is the server's --tunnel port, and that it was given --tls-cert"
          : "correct the address: it is to be the server's --tunnel port",
      };
    },
  });
}

function describe(
  connection: Connection,
  chain: readonly X509Certificate[],
  settings: TlsClientSettings,
): Found<Connection> {
  const leaf = chain[0]!;
  const nowMs = Date.now();
  const { version = "TLS", alpn = "none" } = connection.tls!;
  const trust = settings.isInsecure
    ? "not checked"
    : settings.pins.length > 0
    ? "pinned"
    : settings.ca === undefined
    ? "trusted"
    : "trusted by --tls-ca";
  const expiry = expiryOf(leaf, nowMs);
  const advice = settings.isInsecure
    ? "anyone on the way can pose as the server: use --tls-ca or --tls-pin, not --tls-insecure"
    : expiry === "valid"
    ? undefined
    : "renew the server's certificate: it is read anew when its files change";
  return {
    value: connection,
    detail: `${version}, ALPN ${alpn}, ${trust}: ${describeLeaf(chain, nowMs)}`,
    verdict: advice === undefined ? "ok" : "warn",
    advice,
    facts: { version, alpn, trust, ...factsOf(chain, nowMs) },
  };
}

function describeLeaf(chain: readonly X509Certificate[], nowMs: number): string {
  const leaf = chain[0]!;
  return `certificate for ${namesOf(leaf)} by ${issuerOf(leaf)}, ${describeExpiry(leaf, nowMs)}, ` +
    `chain of ${chain.length}, pin sha256:${fingerprintOf(leaf.raw)}`;
}

/** Says what is wrong with a certificate, in the order in which it was judged. */
function explainChain(
  error: Error,
  chain: readonly X509Certificate[],
  { server }: TlsPlace,
  settings: TlsClientSettings,
): Explained {
  const leaf = chain[0]!;
  const nowMs = Date.now();
  const host = settings.serverName ?? (server.kind === "tcp" ? server.host : "localhost");
  const isPinOnly = settings.pins.length > 0 && settings.ca === undefined;
  const expiry = expiryOf(leaf, nowMs);
  let advice: string;
  if (!isPinOnly && expiry === "expired") {
    advice = "renew the server's certificate: it is read anew when its files change";
  } else if (!isPinOnly && expiry === "early") {
    advice = "check the clocks of both machines, or wait until it is valid";
  } else if (isPinOnly) {
    advice = "if that is the server that is meant, give its new --tls-pin; " +
      "if not, somebody is in between";
  } else if (isSelfSigned(leaf)) {
    advice = "trust exactly this one by --tls-pin with the pin that `revtun server` printed there";
  } else if (!isForHost(leaf, host)) {
    advice = `dial a name that it is for, or give that as --tls-server-name; ${host} is none`;
  } else {
    advice = "give the CA that signed it as --tls-ca, and the server its whole chain as --tls-cert";
  }
  return {
    detail: `${detailOf(error)}; ${describeLeaf(chain, nowMs)}`,
    advice,
    facts: factsOf(chain, nowMs),
  };
}
