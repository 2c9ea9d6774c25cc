/** The admin endpoint: is the program well, who is there, and what an operator may change. */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import type { Secret } from "../secret.ts";
import { HTTP_SERVER_LIMITS, serveHttp } from "../transport/http_server.ts";
import type { HttpHandler, HttpServerLimits } from "../transport/http_server.ts";
import { clearSocketPath, restrictSocket } from "../transport/socket_path.ts";
import { identityAt, removeSocket } from "../transport/unix_socket.ts";
import { AccessRule } from "./access.ts";
import { checkQuery, findRoute, readBody } from "./admin_route.ts";
import type { AdminRoute } from "./admin_route.ts";
import type { EventStreams } from "./event_stream.ts";
import { ADMIN_HEADERS, Problem, problemResponse } from "./problem.ts";

/** An admin endpoint that was started. */
export interface Admin {
  /** With the actual port. */
  readonly address: Address;
  /** Ends its streams, lets answers under way end, and stops listening. */
  close(): Promise<void>;
}

/** What an endpoint serves. */
export interface AdminOptions<S> {
  readonly source: S;
  readonly routes: readonly AdminRoute<S>[];
  /** Streams that the routes open. */
  readonly streams: EventStreams;
  readonly runtime: Runtime;
  /** What every request but `/healthz` and `/readyz` has to show; required off loopback. */
  readonly token?: Secret | undefined;
  /** Addresses of a proxy in front, from which the console is opened; none by default. */
  readonly origins?: readonly string[];
  /** Files that are served to whoever asks: they hold nothing of this server. */
  readonly asset?: (pathname: string, request: Request) => Response | undefined;
  /** Where its connections' limits are others than those of every server. */
  readonly limits?: Partial<HttpServerLimits>;
}

/** What load balancers ask, who have no token. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
/** How long answers under way have to end at the close. */
const CLOSE_TIMEOUT_MS = 1000;
/** A lasting want of connections is logged again after this. */
const LOG_INTERVAL_MS = 10_000;

/**
 * Serves `options.routes` on `address`; host "" means all addresses.
 *
 * @throws {ListenError}
 */
export async function startAdmin<S>(
  address: Address,
  options: AdminOptions<S>,
): Promise<Admin> {
  const { runtime } = options;
  const endpoint = new Endpoint(address.kind, options);
  await clearSocketPath(address);
  const server = await serveHttp(address, endpoint, { ...HTTP_SERVER_LIMITS, ...options.limits });
  if (address.kind === "unix") restrictSocket(address.path);
  const own = address.kind === "unix" ? identityAt(address.path) : undefined;
  runtime.log.info("admin.listening", "The admin endpoint is up", {
    address: formatAddress(server.address),
  });
  return {
    address: server.address,
    async close() {
      options.streams.close();
      const late = runtime.timers.after(CLOSE_TIMEOUT_MS, () => server.closeAll());
      await server.close();
      late.cancel();
      // Whoever waited for the address may have it by now.
      if (address.kind === "unix") removeSocket(address.path, own);
    },
  };
}

class Endpoint<S> implements HttpHandler {
  readonly #options: AdminOptions<S>;
  readonly #access: AccessRule;
  #refusedCount = 0;
  #refusedLoggedMs = -Infinity;

  constructor(kind: Address["kind"], options: AdminOptions<S>) {
    this.#options = options;
    this.#access = new AccessRule(kind, options.token, options.origins);
  }

  async answer(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      await request.body?.cancel().catch(() => {});
      return error instanceof Problem ? problemResponse(error) : this.#failed(error);
    }
  }

  malformed(): Response {
    return problemResponse(new Problem(400, "The request's method, Host or fields are malformed"));
  }

  refused(): void {
    const { log, nowMs } = this.#options.runtime;
    this.#refusedCount += 1;
    if (nowMs() - this.#refusedLoggedMs < LOG_INTERVAL_MS) return;
    this.#refusedLoggedMs = nowMs();
    log.warn("admin.full", "Closed connections to the admin endpoint unread: too many are open", {
      refused: this.#refusedCount,
    });
    this.#refusedCount = 0;
  }

  #failed(error: unknown): Response {
    this.#options.runtime.log.error("admin.failed", String(error), {
      stack: error instanceof Error ? error.stack : undefined,
    });
    return problemResponse(new Problem(500, "The request failed, see the log"));
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.#access.checkHost(url);
    if (request.method === "GET" || request.method === "HEAD") {
      // A link on another site may lead here: what it opens holds nothing of this server.
      const asset = this.#options.asset?.(url.pathname, request);
      if (asset !== undefined) return asset;
    }
    this.#access.checkOrigin(request, url);
    if (!OPEN_PATHS.has(url.pathname)) this.#access.checkToken(request);
    const { route, params } = findRoute(this.#options.routes, request.method, url.pathname);
    checkQuery(route, url.searchParams);
    const body = route.method === "POST" ? await readBody(request, route.body ?? {}) : {};
    const call = { request, params, query: url.searchParams, body };
    const result = await route.handle(call, this.#options.source);
    if (result instanceof Response) return result;
    if (result === undefined) return new Response(null, { status: 204, headers: ADMIN_HEADERS });
    return new Response(`${JSON.stringify(result)}\n`, {
      headers: { ...ADMIN_HEADERS, "content-type": "application/json; charset=utf-8" },
    });
  }
}
