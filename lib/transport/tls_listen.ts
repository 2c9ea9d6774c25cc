/** Incoming connections of TLS. */
import { createServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { ListenError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { openFileLimit, tlsBacklog } from "./file_limit.ts";
import { checkAlone, untilQuiet } from "./listen.ts";
import type { Listener } from "./listen.ts";
import type { PortSharing } from "./port_sharing.ts";
import type { CertificateReader } from "./peer_certificate.ts";
import { translateListenError } from "./socket_error.ts";
import {
  certificateReaderFor,
  isHangUp,
  MAX_HANDSHAKES,
  refusalOf,
  securedSocket,
  tlsSettings,
} from "./tls_server.ts";
import type { TlsServerOptions } from "./tls_server.ts";

/** How to listen for TLS. */
export interface TlsListenOptions extends TlsServerOptions {
  /** Nobody by default. */
  readonly sharing?: PortSharing;
}

type TcpAddress = Extract<Address, { kind: "tcp" }>;

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
  const readCertificate = await certificateReaderFor(options);
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
    // Half-open from the handshake's end on: before, the end of a client that gives up would not be
    // noticed.
    const settings = { ...tlsSettings(options), allowHalfOpen: false };
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
        backlog: tlsBacklog(openFileLimit()),
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
    socket.allowHalfOpen = true;
    this.#pending.delete(placeOf(socket));
    const connection = securedSocket(socket, this.#readCertificate);
    if (connection === undefined) {
      this.#options.onRefused?.("untrusted", socket.remoteAddress ?? "");
    } else this.#options.onConnection(connection);
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

/** Both the socket in its handshake and the one of TLS have these. */
function placeOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
