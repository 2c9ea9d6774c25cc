/** TLS as its client: whom to trust, and what to show. */
import { checkServerIdentity, connect as connectTls } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { X509Certificate } from "node:crypto";
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import type { BufferPool } from "../buffer.ts";
import { DuplexStream } from "../duplex_stream.ts";
import { DialError } from "../errors.ts";
import { parseIp } from "../ip_network.ts";
import type { Connection } from "./connection.ts";
import type { KeyPair } from "./make_certificate.ts";
import { NodeSocket } from "./node_socket.ts";
import { fingerprintOf } from "./peer_certificate.ts";
import { SocketDuplex } from "./socket.ts";
import type { SocketOptions } from "./socket.ts";
import { translateDialError } from "./socket_error.ts";

/** How a client of TLS knows its server, and makes itself known. */
export interface TlsClientOptions {
  /**
   * PEM certificates of CAs to trust, beside the public ones that the runtime has built in, which
   * it does not let go of.
   */
  readonly ca?: string | undefined;
  /** Name that the certificate must be for, also sent as SNI; the dialled host by default. */
  readonly serverName?: string | undefined;
  /**
   * SHA-256 of certificates, 64 hex digits in small letters: the server's must be one of them. Then
   * neither its name nor who signed it matters, unless `ca` is given too.
   */
  readonly pins?: readonly string[] | undefined;
  /** Any certificate will do, of anyone. */
  readonly isInsecure?: boolean | undefined;
  /** What to show a server that asks. */
  readonly keyPair?: KeyPair | undefined;
  /** Protocols to offer by ALPN, the best first. */
  readonly alpn?: readonly string[] | undefined;
  /** Told of the certificates that the server showed, its own first, trusted or not; for probes. */
  readonly onChain?: ((chain: readonly X509Certificate[]) => void) | undefined;
}

/** A handshake that can be given up. */
export interface TlsHandshake {
  readonly connection: Promise<Connection>;
  abort(): void;
}

/**
 * Makes `conn` a connection of TLS, its server checked.
 *
 * @throws {DialError} as a rejection of `connection`: the certificate is not to be trusted, or
 * the server does not speak TLS. Nothing of ours but the handshake was sent.
 */
export function startTls(
  address: Address,
  conn: Deno.TcpConn,
  tls: TlsClientOptions,
  pool: BufferPool,
  options: SocketOptions,
): TlsHandshake {
  const handshake = Deno.startTls(conn, {
    hostname: tls.serverName ?? hostOf(address),
    ...(tls.ca !== undefined && { caCerts: [tls.ca] }),
    ...(tls.alpn !== undefined && { alpnProtocols: [...tls.alpn] }),
  });
  let isAborted = false;
  let tlsConn: Deno.TlsConn | undefined;
  return {
    connection: shake(),
    abort() {
      isAborted = true;
      tlsConn?.close();
    },
  };

  async function shake(): Promise<Connection> {
    try {
      tlsConn = await handshake;
    } catch (error) {
      // Settings that the runtime does not take: the connection is still ours.
      try {
        conn.close();
      } catch {
        // It had been taken over by then.
      }
      throw error;
    }
    try {
      if (isAborted) throw new DialError(formatAddress(address), "unreachable", "given up");
      const { alpnProtocol } = await tlsConn.handshake();
      const facts = {
        alpn: alpnProtocol ?? undefined,
        version: undefined,
        serverName: tls.serverName,
        peerCertificate: undefined,
      };
      return new SocketDuplex(tlsConn, pool, options, facts);
    } catch (error) {
      if (!isAborted) tlsConn.close();
      throw error instanceof DialError ? error : translateDialError(error, formatAddress(address));
    }
  }
}

/** True where the runtime's own client of TLS, the faster one, can do what is asked for. */
export function isPlainTls(tls: TlsClientOptions): boolean {
  return !tls.isInsecure && (tls.pins ?? []).length === 0 && tls.keyPair === undefined &&
    tls.onChain === undefined;
}

/**
 * Connects by Node's TLS, which can do everything.
 *
 * @param carrier a connection that leads to `address` already, which is owned from now on.
 * @throws {DialError} as a rejection of `connection`.
 */
export function connectNodeTls(
  address: Address,
  tls: TlsClientOptions,
  carrier?: Connection,
): TlsHandshake {
  const name = formatAddress(address);
  const pins = tls.pins ?? [];
  const isPinOnly = pins.length > 0 && tls.ca === undefined;
  const serverName = tls.serverName ?? hostOf(address);
  const isVerified = !tls.isInsecure && !isPinOnly;
  const transport = carrier && new DuplexStream(carrier);
  const ends = carrier ??
    (address.kind === "unix" ? { local: address, remote: address } : undefined);
  let socket: TLSSocket;
  const connection = new Promise<Connection>((resolve, reject) => {
    // Types that lack allowHalfOpen have it from Node's documentation of tls.TLSSocket.
    const options: ConnectionOptions & { allowHalfOpen: boolean } = {
      ...(transport !== undefined
        ? { socket: transport }
        : address.kind === "unix"
        ? { path: address.path }
        : { host: address.host, port: address.port }),
      // SNI is for names only; which name or address the certificate must be for is said here.
      ...(parseIp(serverName) === undefined && { servername: serverName }),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
      // Judged below, where more is known: a chain is to be seen by a probe even if it is bad.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      allowHalfOpen: true,
      ...(tls.ca !== undefined && { ca: [tls.ca] }),
      ...(tls.keyPair !== undefined && { cert: tls.keyPair.cert, key: tls.keyPair.key }),
      ...(tls.alpn !== undefined && { ALPNProtocols: [...tls.alpn] }),
    };
    socket = connectTls(options);
    if (transport !== undefined) joinEnds(socket, transport);
    const fail = (error: unknown) => {
      reject(error instanceof DialError ? error : translateDialError(error, name));
      socket.destroy();
    };
    socket.once("error", fail);
    socket.once("close", () => fail(new Error("closed in its handshake")));
    socket.once("secureConnect", () => {
      try {
        const chain = chainOf(socket);
        tls.onChain?.(chain);
        const leaf = chain[0];
        if (leaf === undefined) throw new DialError(name, "unreachable", "it shows no certificate");
        if (isVerified && !socket.authorized) {
          // Deno 2.9.6 calls everything an unknown issuer.
          if (leaf.validToDate.getTime() < Date.now()) throw new Error("CERT_HAS_EXPIRED");
          if (leaf.validFromDate.getTime() > Date.now()) throw new Error("CERT_NOT_YET_VALID");
          throw socket.authorizationError;
        }
        if (pins.length > 0) checkPin(leaf, pins, name);
        socket.removeListener("error", fail);
        socket.removeAllListeners("close");
        resolve(
          new NodeSocket(socket, {
            alpn: socket.alpnProtocol || undefined,
            version: socket.getProtocol() ?? undefined,
            serverName,
            peerCertificate: undefined,
          }, ends),
        );
      } catch (error) {
        fail(error);
      }
    });
  });
  return { connection, abort: () => socket.destroy() };
}

/** Each ends with the other. */
function joinEnds(socket: TLSSocket, transport: DuplexStream): void {
  transport.on("error", (error) => socket.destroy(error));
  transport.once("close", () => socket.destroy());
  socket.once("close", () => transport.destroy());
}

/**
 * Takes the server for the one that is meant only if its whole certificate is known.
 *
 * A pin of its public key would not do: Deno 2.9.6 lets a version 1 certificate pass without asking
 * for a proof that its key is there, and anyone can write one around the pinned key. For the same
 * reason a version 1 certificate cannot be pinned.
 */
function checkPin(leaf: X509Certificate, pins: readonly string[], name: string): void {
  const fingerprint = fingerprintOf(leaf.raw);
  if (!pins.includes(fingerprint)) {
    const detail = `its certificate is sha256:${fingerprint}, which is not the pinned one`;
    throw new DialError(name, "unreachable", detail);
  }
  if (!isVersion3(leaf.raw)) {
    const detail = "its certificate is of X.509 version 1, which cannot be pinned";
    throw new DialError(name, "unreachable", detail);
  }
}

/** Looks where version 3 has its mark: SEQUENCE, SEQUENCE, [0] { INTEGER 2 }. */
function isVersion3(der: Uint8Array): boolean {
  const outer = contentOf(der, 0);
  const at = contentOf(der, outer);
  return [0xa0, 0x03, 0x02, 0x01, 0x02].every((byte, index) => der[at + index] === byte);
}

/** Where the content of the element at `at` begins. */
function contentOf(der: Uint8Array, at: number): number {
  const length = der[at + 1]!;
  return at + 2 + (length >= 0x80 ? length & 0x7f : 0);
}

function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < 10) {
    chain.push(new X509Certificate(next.raw));
    if (next.issuerCertificate === undefined || next.issuerCertificate === next) break;
    next = next.issuerCertificate;
  }
  return chain;
}

function hostOf(address: Address): string {
  return address.kind === "tcp" ? address.host : "localhost";
}
