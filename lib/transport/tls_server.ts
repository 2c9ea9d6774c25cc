/** The server's side of TLS handshakes, by whatever way their clients come in. */
import type { TlsOptions, TLSSocket } from "node:tls";
import type { Address } from "../address.ts";
import type { CertificateSource } from "./certificate_store.ts";
import type { Connection } from "./connection.ts";
import { NodeSocket } from "./node_socket.ts";
import { loadCertificateReader } from "./peer_certificate.ts";
import type { CertificateReader, PeerCertificate } from "./peer_certificate.ts";

/** Why a client's handshake came to nothing. */
export type TlsRefusal =
  | "garbage"
  | "timeout"
  | "unknownName"
  | "noCertificate"
  | "untrusted"
  | "version"
  | "overload";

/** How to shake hands. */
export interface TlsServerOptions {
  readonly certificates: CertificateSource;
  /** Protocols that are spoken, the best first; a client that offers none of them gets none. */
  readonly alpn?: readonly string[];
  /** From the connection to the handshake's end, ms; 10 s by default. */
  readonly handshakeTimeoutMs?: number;
  /** Handshakes at once; more are closed unanswered. 4,096 by default. */
  readonly maxHandshakes?: number;
  /** Takes each new connection, its client's certificate checked; must not throw. */
  onConnection(connection: Connection): void;
  /** Told of each one that came to nothing. */
  onRefused?(refusal: TlsRefusal, remote: string): void;
}

export const MAX_HANDSHAKES = 4096;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** What `node:tls` is told. */
export function tlsSettings(options: TlsServerOptions): TlsOptions {
  const { certificates } = options;
  const isAsking = certificates.clientCa !== undefined;
  return {
    // Without it a listener of TLS has no half-close.
    allowHalfOpen: true,
    noDelay: true,
    minVersion: "TLSv1.2" as const,
    handshakeTimeout: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    requestCert: isAsking,
    rejectUnauthorized: isAsking,
    ...(isAsking && { ca: [certificates.clientCa!] }),
    ...(options.alpn !== undefined && { ALPNProtocols: [...options.alpn] }),
    SNICallback: (
      name: string,
      done: (error: Error | null, context?: ReturnType<CertificateSource["contextFor"]>) => void,
    ) => {
      const context = certificates.contextFor(name);
      if (context === undefined) done(new UnknownNameError(name));
      else done(null, context);
    },
  };
}

/** What reads client certificates; undefined where none is asked for. */
export async function certificateReaderFor(
  { certificates }: TlsServerOptions,
): Promise<CertificateReader | undefined> {
  return certificates.clientCa === undefined ? undefined : await loadCertificateReader();
}

/**
 * A client whose handshake is done; undefined, and it is closed, if its certificate was not checked.
 *
 * @param ends where it is and where it came in, if the socket does not know.
 */
export function securedSocket(
  socket: TLSSocket,
  readCertificate: CertificateReader | undefined,
  ends?: { readonly local: Address; readonly remote: Address },
): Connection | undefined {
  let peerCertificate: PeerCertificate | undefined;
  try {
    if (readCertificate !== undefined) {
      // The chain has been checked by now; the runtime refuses clients without one.
      if (!socket.authorized) throw new Error("the client's certificate was not checked");
      peerCertificate = readCertificate(socket.getPeerCertificate().raw);
    }
  } catch {
    socket.destroy();
    return undefined;
  }
  const serverName = (socket as { servername?: string | false }).servername;
  const facts = {
    alpn: socket.alpnProtocol || undefined,
    version: socket.getProtocol() ?? undefined,
    serverName: serverName || undefined,
    peerCertificate,
  };
  return new NodeSocket(socket, facts, ends);
}

class UnknownNameError extends Error {}

/** What a failed handshake is counted as. */
export function refusalOf(error: Error): TlsRefusal {
  if (error instanceof UnknownNameError) return "unknownName";
  const text = `${(error as { code?: string }).code} ${error.message}`;
  if (/handshake timeout/i.test(text)) return "timeout";
  if (/DID_NOT_RETURN_A_CERTIFICATE|no certificates/.test(text)) return "noCertificate";
  // Node cuts a client off whose certificate did not pass.
  if (isHangUp(error) || /invalid peer certificate/.test(text)) return "untrusted";
  if (/peer is incompatible|ProtocolVersion/.test(text)) return "version";
  return "garbage";
}

/** The connection broke. */
export function isHangUp(error: Error): boolean {
  return (error as { code?: string }).code === "ECONNRESET";
}
