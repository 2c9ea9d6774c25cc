/** The admin endpoint: is the server well, and who is there. */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { ListenError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { clustersView } from "./clusters_view.ts";
import type { AdminSource } from "./clusters_view.ts";

/** An admin endpoint that was started. */
export interface Admin {
  readonly address: Address;
  close(): Promise<void>;
}

const JSON_HEADERS = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/**
 * Serves `/healthz` and `/api/v1/clusters` on `address`, which must be on loopback or a Unix socket.
 *
 * @throws {ListenError}
 */
export async function startAdmin(
  address: Address,
  source: AdminSource,
  runtime: Runtime,
): Promise<Admin> {
  const handler = (request: Request) => answer(request, source, runtime, address.kind);
  const onError = (error: unknown) => {
    runtime.log.error("admin.failed", String(error));
    return problem(500, "Internal error");
  };
  const { promise: listening, resolve } = Promise.withResolvers<Deno.Addr>();
  let server: Deno.HttpServer<Deno.Addr>;
  try {
    server = (address.kind === "unix"
      ? Deno.serve({ path: address.path, onListen: resolve, onError }, handler)
      : Deno.serve(
        { hostname: address.host || "127.0.0.1", port: address.port, onListen: resolve, onError },
        handler,
      )) as Deno.HttpServer<Deno.Addr>;
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse;
    const detail = isTaken ? "the address is in use by another program" : String(error);
    throw new ListenError(formatAddress(address), detail, { cause: error });
  }
  const local = await listening;
  const actual: Address = address.kind === "unix"
    ? address
    : { ...address, port: (local as Deno.NetAddr).port };
  runtime.log.info("admin.listening", "The admin endpoint is up", {
    address: formatAddress(actual),
  });
  return { address: actual, close: () => server.shutdown() };
}

function answer(
  request: Request,
  source: AdminSource,
  runtime: Runtime,
  kind: Address["kind"],
): Response {
  const url = new URL(request.url);
  // A page of some other site must not reach us by a name that resolves to loopback.
  if (kind === "tcp" && !isLocalName(url.hostname)) {
    return problem(
      403,
      `Host "${url.hostname}" is not this endpoint's; use 127.0.0.1 or localhost`,
    );
  }
  if (request.headers.get("origin") !== null && request.headers.get("origin") !== url.origin) {
    return problem(403, "Requests of other sites' pages are not served");
  }
  const view = VIEWS[url.pathname];
  if (view === undefined) return problem(404, `There is nothing at ${url.pathname}`);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problem(405, `${request.method} is not possible here`, { allow: "GET, HEAD" });
  }
  return new Response(JSON.stringify(view(source, runtime)) + "\n", { headers: JSON_HEADERS });
}

const VIEWS: Readonly<Record<string, (source: AdminSource, runtime: Runtime) => unknown>> = {
  "/healthz": (source, runtime) => ({
    status: "ok",
    "uptime_ms": Math.round(runtime.nowMs() - source.startedMs),
  }),
  "/api/v1/clusters": (source) => clustersView(source),
};

function isLocalName(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** RFC 9457. */
function problem(status: number, detail: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ status, detail }) + "\n", {
    status,
    headers: { ...JSON_HEADERS, ...headers, "content-type": "application/problem+json" },
  });
}
