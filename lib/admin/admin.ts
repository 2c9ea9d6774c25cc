/** The admin endpoint: is the program well, who is there, and what an operator may change. */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { ListenError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Secret } from "../secret.ts";
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
}

/** What load balancers ask, who have no token. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
/** How long answers under way have to end at the close. */
const CLOSE_TIMEOUT_MS = 1000;

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
  const { promise: listening, resolve } = Promise.withResolvers<Deno.Addr>();
  const abort = new AbortController();
  await clearSocketPath(address);
  const server = serve(address, {
    signal: abort.signal,
    onListen: resolve,
    onError: (error) => endpoint.failed(error),
  }, (request) => endpoint.answer(request));
  const local = await listening;
  if (address.kind === "unix") restrictSocket(address.path);
  const own = address.kind === "unix" ? identityAt(address.path) : undefined;
  const actual: Address = address.kind === "unix"
    ? address
    : { ...address, port: (local as Deno.NetAddr).port };
  runtime.log.info("admin.listening", "The admin endpoint is up", {
    address: formatAddress(actual),
  });
  return {
    address: actual,
    async close() {
      options.streams.close();
      const late = runtime.timers.after(CLOSE_TIMEOUT_MS, () => abort.abort());
      await server.shutdown();
      late.cancel();
      // Whoever waited for the address may have it by now.
      if (address.kind === "unix") removeSocket(address.path, own);
    },
  };
}

type ServeOptions = Pick<Deno.ServeTcpOptions, "signal" | "onError"> & {
  onListen: (address: Deno.Addr) => void;
};

function serve(
  address: Address,
  options: ServeOptions,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.Addr> {
  try {
    if (address.kind === "unix") {
      return Deno.serve({ path: address.path, ...options }, handler) as Deno.HttpServer<Deno.Addr>;
    }
    const hostname = address.host === "" ? "0.0.0.0" : address.host;
    return Deno.serve({ hostname, port: address.port, ...options }, handler) as Deno.HttpServer<
      Deno.Addr
    >;
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse;
    const detail = isTaken ? "the address is in use by another program" : (error as Error).message;
    throw new ListenError(formatAddress(address), detail, { cause: error });
  }
}

class Endpoint<S> {
  readonly #options: AdminOptions<S>;
  readonly #access: AccessRule;

  constructor(kind: Address["kind"], options: AdminOptions<S>) {
    this.#options = options;
    this.#access = new AccessRule(kind, options.token, options.origins);
  }

  async answer(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      await request.body?.cancel().catch(() => {});
      return error instanceof Problem ? problemResponse(error) : this.failed(error);
    }
  }

  failed(error: unknown): Response {
    this.#options.runtime.log.error("admin.failed", String(error), {
      stack: error instanceof Error ? error.stack : undefined,
    });
    return problemResponse(new Problem(500, "The request failed, see the log"));
  }

  async #answer(request: Request): Promise<Response> {
    const url = urlOf(request);
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

/** @throws {Problem} 400 where its Host makes no URL: not our failure, and no line of the log. */
function urlOf(request: Request): URL {
  const url = URL.parse(request.url);
  if (url === null) throw new Problem(400, "Host is malformed");
  return url;
}
