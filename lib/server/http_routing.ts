/** What all HTTP frontends of a server have in common: their routes, and whom they believe. */
import { clusterNamedBy, defaultRoute } from "../http/default_route.ts";
import { bareHost } from "../http/host_pattern.ts";
import type { RequestView, Route, RouteFunction } from "../http/route.ts";
import type { RouteRule } from "../http/route_rule.ts";
import { RouteTable, tableRoute } from "../http/route_table.ts";
import { TrustedProxies } from "../http/trusted_proxies.ts";
import type { Upstreams } from "../upstream.ts";
import type { ServerConfig } from "./config.ts";

/** Changes at run time, for all frontends at once. */
export class HttpRouting {
  #trustedProxies: TrustedProxies;
  /** Routes a request of a frontend that names no cluster. */
  readonly route: RouteFunction = (request) => this.#route(request);
  readonly #upstreams: Upstreams;
  /** By host: what agents asked for. */
  readonly #exposed = new Map<string, Route>();
  #route: RouteFunction;
  #rules: readonly RouteRule[] = [];

  /** @throws {RangeError} rules that contradict each other. */
  constructor(config: Pick<ServerConfig, "routes" | "trustedProxies">, upstreams: Upstreams) {
    this.#upstreams = upstreams;
    this.#trustedProxies = new TrustedProxies(config.trustedProxies);
    this.#route = this.#routeOf(config.routes);
    this.#rules = config.routes;
  }

  /** Whose word about their clients counts, as it is now. */
  get trustedProxies(): TrustedProxies {
    return this.#trustedProxies;
  }

  /** Goes by other routes and proxies from now on. @throws {RangeError} all is as it was. */
  configure(config: Pick<ServerConfig, "routes" | "trustedProxies">): void {
    const trustedProxies = new TrustedProxies(config.trustedProxies);
    this.setRoutes(config.routes);
    this.#trustedProxies = trustedProxies;
  }

  /** Replaces all routes; requests that come from now on go by the new ones. @throws {RangeError} */
  setRoutes(rules: readonly RouteRule[]): void {
    this.#route = this.#routeOf(rules);
    this.#rules = rules;
  }

  /** What it goes by now. */
  get rules(): readonly RouteRule[] {
    return this.#rules;
  }

  /**
   * The cluster whose own name `host` is, where hosts lead to clusters by their names: no agent of
   * another one may have it, or it would get that one's clients.
   */
  ownerOf(host: string): string | undefined {
    return this.#rules.length === 0 ? clusterNamedBy(host, this.#upstreams) : undefined;
  }

  /** Leads requests for `host` that no route is for to `route`, unless the host is another's. */
  expose(host: string, route: Route): void {
    this.#exposed.set(host, route);
  }

  /** Ends what {@link expose} began. */
  conceal(host: string): void {
    this.#exposed.delete(host);
  }

  #exposedRoute(request: RequestView): Route | undefined {
    return this.#exposed.size === 0 ? undefined : this.#exposed.get(bareHost(request.host));
  }

  #routeOf(rules: readonly RouteRule[]): RouteFunction {
    const upstreams = this.#upstreams;
    if (rules.length === 0) {
      const byName = defaultRoute(upstreams);
      return (request) => {
        const exposed = this.#exposedRoute(request);
        if (exposed === undefined) return byName(request);
        // The cluster may have come later than the agent that asked for its name.
        const owner = clusterNamedBy(request.host, upstreams);
        return owner === undefined || owner === exposed.cluster ? exposed : byName(request);
      };
    }
    return tableRoute(new RouteTable(rules), upstreams, (request) => this.#exposedRoute(request));
  }
}
