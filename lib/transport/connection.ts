/** A connection to another program, whatever carries it. */
import type { Address } from "../address.ts";
import type { Duplex } from "../duplex.ts";
import type { PeerCertificate } from "./peer_certificate.ts";

/** What TLS agreed on; undefined where there is none of it. */
export interface TlsFacts {
  /** Protocol that both sides chose by ALPN: "h2", "http/1.1". */
  readonly alpn: string | undefined;
  /** "TLSv1.3", "TLSv1.2"; undefined where the runtime does not tell. */
  readonly version: string | undefined;
  /** Name that the client asked for (SNI). */
  readonly serverName: string | undefined;
  /** What the peer showed, once its chain has been checked; undefined if it was not asked. */
  readonly peerCertificate: PeerCertificate | undefined;
}

/** A connected socket, in the clear or inside TLS. */
export interface Connection extends Duplex {
  readonly local: Address;
  readonly remote: Address;
  /** Undefined in the clear. */
  readonly tls: TlsFacts | undefined;
  /** For who keeps count of connections: called once, when this one is closed. */
  onClosed: (() => void) | undefined;
  /** Sets the smallest read buffer anew, in bytes, for a connection whose use has become known. */
  setMinReadBytes(bytes: number): void;
}
