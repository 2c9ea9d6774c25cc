/** What were the latest requests, and where did each spend its time? */
import type { Runtime } from "../runtime.ts";
import { RECORDING_MS } from "../server/recent_requests.ts";
import type { RecentRequest } from "../server/recent_requests.ts";
import type { AdminRoute } from "./admin_route.ts";
import { wholeNumber } from "./common_routes.ts";
import type { ServerSource } from "./server_source.ts";
import { wallClock } from "./server_views.ts";

const DEFAULT_REQUESTS = 100;
const MAX_REQUESTS = 500;

export const REQUESTS_ROUTE: AdminRoute<ServerSource> = {
  method: "GET",
  path: "/api/v1/requests",
  summary: "Latest HTTP requests with the time of each hop; kept from a first look at them on, " +
    "until a minute after the last",
  query: ["after", "limit"],
  handle({ query }, { server, runtime }) {
    const limit = wholeNumber(query, "limit", { otherwise: DEFAULT_REQUESTS, max: MAX_REQUESTS });
    const afterId = wholeNumber(query, "after", {
      otherwise: 0,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
    });
    const { recent } = server;
    return {
      items: recent.look(afterId, limit).map((request) => requestView(request, runtime)),
      "last_id": recent.lastId,
      "recording_ms": RECORDING_MS,
    };
  },
};

function requestView(request: RecentRequest, runtime: Runtime): Record<string, unknown> {
  const { hops } = request;
  return {
    id: request.id,
    ts: wallClock(runtime)(request.startedMs),
    frontend: request.frontend,
    client: request.clientIp === "" ? null : request.clientIp,
    method: request.method === "" ? null : request.method,
    authority: request.host,
    path: request.path,
    status: request.status,
    error: request.code ?? null,
    cluster: request.cluster ?? null,
    target: request.cluster === undefined ? null : request.target || "default",
    host: request.hostName ?? null,
    complete: request.isWhole,
    "request_bytes": request.requestBytes,
    "response_bytes": request.responseBytes,
    "duration_ms": rounded(request.durationMs),
    "frontend_ms": rounded(hops.frontendMs),
    "queue_ms": rounded(hops.queueMs),
    "tunnel_ms": rounded(hops.tunnelMs),
    "dial_ms": rounded(hops.dialMs),
    "first_byte_ms": rounded(hops.firstByteMs),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
