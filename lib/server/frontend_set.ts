/** A server's frontends: their listeners and the clients that are connected to them. */
import type { Address } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import { listen } from "../transport/listen.ts";
import type { Listener } from "../transport/listen.ts";
import type { SocketDuplex } from "../transport/socket.ts";
import type { ServerConfig } from "./config.ts";
import { formatListenSpec } from "./listen_spec.ts";
import type { ListenSpec } from "./listen_spec.ts";
import type { ServerStats } from "./stats.ts";
import type { ServerUpstreams } from "./server_upstreams.ts";
import { serveTcpClient } from "./tcp_frontend.ts";

/** Where clients come in. */
export class FrontendSet {
  readonly #config: ServerConfig;
  readonly #upstreams: ServerUpstreams;
  readonly #runtime: Runtime;
  readonly #stats: ServerStats;
  readonly #software: string;
  readonly #listeners: Listener[] = [];
  readonly #clients = new Set<SocketDuplex>();

  constructor(
    config: ServerConfig,
    upstreams: ServerUpstreams,
    runtime: Runtime,
    stats: ServerStats,
    software: string,
  ) {
    this.#config = config;
    this.#upstreams = upstreams;
    this.#runtime = runtime;
    this.#stats = stats;
    this.#software = software;
  }

  /** Connections of clients now. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Those that are in the middle of something. */
  get busyCount(): number {
    return this.#clients.size;
  }

  get addresses(): Address[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** @throws {ListenError} */
  listen(): void {
    for (const spec of this.#config.frontends) {
      const listener = listen(spec.address, this.#runtime, {
        onConnection: (client) => this.#accept(client, spec),
      });
      this.#listeners.push(listener);
      this.#runtime.log.info("frontend.listening", "Clients may connect", {
        frontend: formatListenSpec({ ...spec, address: listener.address }),
      });
    }
  }

  async stopListening(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /** Closes every client. */
  close(): void {
    for (const client of this.#clients) client.close();
  }

  #accept(client: SocketDuplex, spec: ListenSpec): void {
    if (this.#clients.size >= this.#config.maxFrontendConnections) {
      this.#stats.frontendRefused += 1;
      client.close();
      return;
    }
    this.#stats.frontendConnections += 1;
    this.#clients.add(client);
    client.onClosed = () => this.#clients.delete(client);
    serveTcpClient(client, {
      cluster: spec.cluster!,
      target: spec.target,
      upstreams: this.#upstreams,
      runtime: this.#runtime,
      waitMs: this.#config.holdMs,
      idleTimeoutMs: this.#config.idleTimeoutMs,
    });
  }
}
