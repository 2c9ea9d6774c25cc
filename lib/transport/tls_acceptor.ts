/** TLS with clients that were read before: their ClientHello is behind a PROXY header. */
import { createServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import type { Duplex } from "../duplex.ts";
import { DuplexStream } from "../duplex_stream.ts";
import type { Runtime } from "../runtime.ts";
import type { CertificateReader } from "./peer_certificate.ts";
import {
  certificateReaderFor,
  MAX_HANDSHAKES,
  refusalOf,
  securedSocket,
  tlsSettings,
} from "./tls_server.ts";
import type { TlsServerOptions } from "./tls_server.ts";

/** Shakes hands with the clients of one frontend, which stay their owner's. */
export class TlsAcceptor {
  readonly #options: TlsServerOptions;
  readonly #runtime: Runtime;
  /** In their handshake. */
  readonly #pending = new Set<DuplexStream>();
  #isClosed = false;
  readonly #readCertificate: Promise<CertificateReader | undefined>;

  constructor(runtime: Runtime, options: TlsServerOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#readCertificate = certificateReaderFor(options);
  }

  /** @param client as it is to be believed; its TLS begins with what comes next. */
  accept(client: Duplex & { readonly local: Address; readonly remote: Address }): void {
    const remote = formatAddress(client.remote);
    const { onRefused, maxHandshakes = MAX_HANDSHAKES } = this.#options;
    if (this.#pending.size >= maxHandshakes) {
      onRefused?.("overload", remote);
      client.close();
      return;
    }
    const { local, remote: address } = client;
    const transport = new DuplexStream(client);
    this.#pending.add(transport);
    transport.on("error", () => {});
    transport.once("close", () => this.#pending.delete(transport));
    // One for each, which knows whom it is about: Node's socket of TLS has lost its way back.
    const server = createServer(tlsSettings(this.#options), (socket) => {
      this.#pending.delete(transport);
      void this.#secured(socket, transport, { local, remote: address });
    });
    server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      socket.destroy();
      transport.destroy();
      if (this.#isClosed) return;
      const refusal = refusalOf(error);
      onRefused?.(refusal, remote);
      this.#runtime.log.debug("tls.refused", error.message, { refusal, remote });
    });
    server.emit("connection", transport);
  }

  /** Gives up those in their handshake. */
  close(): void {
    this.#isClosed = true;
    for (const transport of this.#pending) transport.destroy();
  }

  async #secured(
    socket: TLSSocket,
    transport: DuplexStream,
    ends: { local: Address; remote: Address },
  ): Promise<void> {
    // Each ends with the other.
    socket.on("error", () => {});
    socket.once("close", () => transport.destroy());
    transport.once("close", () => socket.destroy());
    const readCertificate = await this.#readCertificate;
    const connection = securedSocket(socket, readCertificate, ends);
    if (connection === undefined) {
      this.#options.onRefused?.("untrusted", formatAddress(ends.remote));
      transport.destroy();
    } else {
      this.#options.onConnection(connection);
    }
  }
}
