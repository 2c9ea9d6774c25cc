/** Incoming connections of TLS. */
import { createServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { ListenError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { CertificateSource } from "./certificate_store.ts";
import type { Connection } from "./connection.ts";
import { BACKLOG, checkAlone, untilQuiet } from "./listen.ts";
import type { Listener, PortSharing } from "./listen.ts";
import { NodeSocket } from "./node_socket.ts";
import { loadCertificateReader } from "./peer_certificate.ts";
import type { CertificateReader, PeerCertificate } from "./peer_certificate.ts";
import { translateListenError } from "./socket_error.ts";

/** Why a client's handshake came to nothing. */
export type TlsRefusal =
  | "garbage"
  | "timeout"
  | "unknownName"
  | "noCertificate"
  | "untrusted"
  | "version"
  | "overload";

/** How to listen for TLS. */
export interface TlsListenOptions {
  readonly certificates: CertificateSource;
  /** Protocols that are spoken, the best first; a client that offers none of them gets none. */
  readonly alpn?: readonly string[];
  /** From the connection to the handshake's end, ms; 10 s by default. */
  readonly handshakeTimeoutMs?: number;
  /** Handshakes at once; more are closed unanswered. 4,096 by default. */
  readonly maxHandshakes?: number;
  /** Nobody by default. */
  readonly sharing?: PortSharing;
  /** Takes each new connection, its client's certificate checked; must not throw. */
  onConnection(connection: Connection): void;
  /** Told of each one that came to nothing. */
  onRefused?(refusal: TlsRefusal, remote: string): void;
}

type TcpAddress = Extract<Address, { kind: "tcp" }>;

const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_HANDSHAKES = 4096;

/**
 * Listens on `address`; host "" means all addresses, IPv6 and IPv4.
 *
 * @throws {ListenError} as a rejection.
 */
export async function listenTls(
  address: Address,
  runtime: Runtime,
  options: TlsListenOptions,
): Promise<Listener> {
  if (address.kind === "unix") {
    throw new ListenError(formatAddress(address), "TLS is for TCP; a Unix socket needs none");
  }
  const readCertificate = options.certificates.clientCa === undefined
    ? undefined
    : await loadCertificateReader();
  const listener = new TlsListener(address, runtime, options, readCertificate);
  await listener.open();
  return listener;
}

class TlsListener implements Listener {
  readonly #asked: TcpAddress;
  readonly #runtime: Runtime;
  readonly #options: TlsListenOptions;
  readonly #readCertificate: CertificateReader | undefined;
  readonly #server: ReturnType<typeof createServer>;
  /** Connections in their handshake, by where they are from. */
  readonly #pending = new Map<string, Socket>();
  #address: Address;
  #isClosed = false;
  #acceptedCount = 0;
  /** Connections closed for want of room, whose end is still to be reported by Node. */
  #cutOff = 0;

  constructor(
    address: TcpAddress,
    runtime: Runtime,
    options: TlsListenOptions,
    readCertificate: CertificateReader | undefined,
  ) {
    this.#asked = this.#address = address;
    this.#runtime = runtime;
    this.#options = options;
    this.#readCertificate = readCertificate;
    const { certificates } = options;
    const isAsking = certificates.clientCa !== undefined;
    const settings = {
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
    this.#server = createServer(settings, (socket) => this.#secured(socket));
    this.#server.on("connection", (socket: Socket) => this.#connected(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#failed(error, socket));
  }

  get address(): Address {
    return this.#address;
  }

  open(): Promise<void> {
    const address = this.#asked;
    const { sharing = "none" } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(translateListenError(error, formatAddress(address)));
      try {
        if (sharing === "later") checkAlone(address);
      } catch (error) {
        return fail(error);
      }
      this.#server.once("error", fail);
      this.#server.listen({
        backlog: BACKLOG,
        port: address.port,
        reusePort: sharing !== "none",
        // Without a host: all addresses of both families.
        ...(address.host !== "" && { host: address.host }),
      }, () => {
        this.#server.removeListener("error", fail);
        this.#server.on("error", (error) => {
          this.#runtime.log.error("listener.failed", error.message, {
            listen: formatAddress(address),
          });
        });
        const actual = this.#server.address();
        if (typeof actual === "object" && actual !== null) {
          this.#address = { ...address, port: actual.port };
        }
        resolve();
      });
    });
  }

  drainQueue(): Promise<number> {
    return untilQuiet(() => this.#acceptedCount);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    // Not waited for: Node would wait for what was accepted, which stays with its owners.
    this.#server.close();
    for (const socket of this.#pending.values()) socket.destroy();
    return Promise.resolve();
  }

  #connected(socket: Socket): void {
    this.#acceptedCount += 1;
    const { maxHandshakes = MAX_HANDSHAKES } = this.#options;
    if (this.#pending.size >= maxHandshakes) {
      this.#options.onRefused?.("overload", socket.remoteAddress ?? "");
      this.#cutOff += 1;
      socket.destroy();
      return;
    }
    const place = placeOf(socket);
    this.#pending.set(place, socket);
    socket.once("close", () => this.#pending.delete(place));
  }

  /** Each connection comes here or to `#failed`, once. */
  #secured(socket: TLSSocket): void {
    this.#pending.delete(placeOf(socket));
    let peerCertificate: PeerCertificate | undefined;
    try {
      if (this.#readCertificate !== undefined) {
        // The chain has been checked by now; the runtime refuses clients without one.
        if (!socket.authorized) throw new Error("the client's certificate was not checked");
        peerCertificate = this.#readCertificate(socket.getPeerCertificate().raw);
      }
    } catch {
      this.#options.onRefused?.("untrusted", socket.remoteAddress ?? "");
      socket.destroy();
      return;
    }
    const serverName = (socket as { servername?: string | false }).servername;
    this.#options.onConnection(
      new NodeSocket(socket, {
        alpn: socket.alpnProtocol || undefined,
        version: socket.getProtocol() ?? undefined,
        serverName: serverName || undefined,
        peerCertificate,
      }),
    );
  }

  #failed(error: Error, socket: TLSSocket): void {
    const remote = socket.remoteAddress ?? "";
    // After its deadline Node leaves it to us.
    socket.destroy();
    if (this.#isClosed) return;
    if (this.#cutOff > 0 && isHangUp(error)) {
      this.#cutOff -= 1;
      return;
    }
    const refusal = refusalOf(error);
    this.#options.onRefused?.(refusal, remote);
    this.#runtime.log.debug("tls.refused", error.message, { refusal, remote });
  }
}

class UnknownNameError extends Error {}

function refusalOf(error: Error): TlsRefusal {
  if (error instanceof UnknownNameError) return "unknownName";
  const text = `${(error as { code?: string }).code} ${error.message}`;
  if (/handshake timeout/i.test(text)) return "timeout";
  if (/DID_NOT_RETURN_A_CERTIFICATE|no certificates/.test(text)) return "noCertificate";
  // Node cuts a client off whose certificate did not pass.
  if (isHangUp(error) || /invalid peer certificate/.test(text)) return "untrusted";
  if (/peer is incompatible|ProtocolVersion/.test(text)) return "version";
  return "garbage";
}

function isHangUp(error: Error): boolean {
  return (error as { code?: string }).code === "ECONNRESET";
}

/** Both the socket in its handshake and the one of TLS have these. */
function placeOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
