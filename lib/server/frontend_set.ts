/** A server's frontends: their listeners and the clients that are connected to them. */
import type { Address } from "../address.ts";
import { defaultRoute, fixedRoute } from "../http/default_route.ts";
import { HttpFrontend } from "../http/http_frontend.ts";
import type { RouteFunction } from "../http/route.ts";
import type { RouteRule } from "../http/route_rule.ts";
import { RouteTable, tableRoute } from "../http/route_table.ts";
import { TrustedProxies } from "../http/trusted_proxies.ts";
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
  readonly #listeners: Listener[] = [];
  readonly #http: HttpFrontend[] = [];
  /** Of them, those that route each request by itself. */
  readonly #routing: HttpFrontend[] = [];
  readonly #trustedProxies: TrustedProxies;
  #route: RouteFunction;
  readonly #clients = new Set<SocketDuplex>();
  #onIdle: (() => void) | undefined;

  constructor(
    config: ServerConfig,
    upstreams: ServerUpstreams,
    runtime: Runtime,
    stats: ServerStats,
  ) {
    this.#config = config;
    this.#upstreams = upstreams;
    this.#runtime = runtime;
    this.#stats = stats;
    this.#trustedProxies = new TrustedProxies(config.trustedProxies);
    this.#route = this.#routeOf(config.routes);
  }

  /** Connections of clients now. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Where clients come in, with actual ports, in the order of the configuration. */
  get addresses(): Address[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** @throws {ListenError} */
  listen(): void {
    for (const spec of this.#config.frontends) {
      const serve = spec.scheme === "http" ? this.#httpServer(spec) : this.#tcpServer(spec);
      const listener = listen(spec.address, this.#runtime, {
        onConnection: (client) => this.#accept(client, serve),
      });
      this.#listeners.push(listener);
      this.#runtime.log.info("frontend.listening", "Clients may connect", {
        frontend: formatListenSpec({ ...spec, address: listener.address }),
      });
    }
  }

  /** Replaces all routes; requests that come from now on go by the new ones. @throws {RangeError} */
  setRoutes(rules: readonly RouteRule[]): void {
    this.#route = this.#routeOf(rules);
    for (const frontend of this.#routing) frontend.route = this.#route;
  }

  async stopListening(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /**
   * Lets what is under way end: HTTP clients get `Connection: close` with their next answer, TCP
   * clients end by themselves. Resolves when no client is left.
   */
  async drain(): Promise<void> {
    for (const http of this.#http) void http.drain();
    if (this.#clients.size === 0) return;
    await new Promise<void>((resolve) => this.#onIdle = resolve);
  }

  /** Closes every client. */
  close(): void {
    for (const http of this.#http) http.close();
    for (const client of this.#clients) client.close();
  }

  #accept(client: SocketDuplex, serve: (client: SocketDuplex) => void): void {
    if (this.#clients.size >= this.#config.maxFrontendConnections) {
      this.#stats.frontendRefused += 1;
      client.close();
      return;
    }
    this.#stats.frontendConnections += 1;
    this.#clients.add(client);
    client.onClosed = () => {
      this.#clients.delete(client);
      if (this.#clients.size === 0) this.#onIdle?.();
    };
    serve(client);
  }

  #httpServer(spec: ListenSpec): (client: SocketDuplex) => void {
    const { cluster, target } = spec;
    const { holdMs, firstByteTimeoutMs, idleTimeoutMs } = this.#config;
    const frontend = new HttpFrontend({
      upstreams: this.#upstreams,
      runtime: this.#runtime,
      route: cluster === undefined ? this.#route : fixedRoute({ cluster, target }),
      trustedProxies: this.#trustedProxies,
      forwarded: this.#config.forwarded,
      settings: { holdMs, answerTimeoutMs: firstByteTimeoutMs, idleTimeoutMs },
      onAnswer: () => {
        this.#stats.requests += 1;
      },
    });
    this.#http.push(frontend);
    if (cluster === undefined) this.#routing.push(frontend);
    return (client) => frontend.serve(client, client.remote);
  }

  #routeOf(rules: readonly RouteRule[]): RouteFunction {
    return rules.length === 0
      ? defaultRoute(this.#upstreams)
      : tableRoute(new RouteTable(rules), this.#upstreams);
  }

  #tcpServer(spec: ListenSpec): (client: SocketDuplex) => void {
    const options = {
      cluster: spec.cluster!,
      target: spec.target,
      upstreams: this.#upstreams,
      runtime: this.#runtime,
      waitMs: this.#config.holdMs,
      idleTimeoutMs: this.#config.idleTimeoutMs,
    };
    return (client) => serveTcpClient(client, options);
  }
}
