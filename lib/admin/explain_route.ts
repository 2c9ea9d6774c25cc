/** Where would a request go, and why? */
import { formatAddress, parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { parseIp } from "../ip_network.ts";
import { explain } from "../server/explain.ts";
import type { Explanation, ImaginedRequest } from "../server/explain.ts";
import { formatListenSpec } from "../server/listen_spec.ts";
import type { ListenSpec } from "../server/listen_spec.ts";
import type { RunningServer } from "../server/server.ts";
import type { AdminRoute } from "./admin_route.ts";
import { Problem } from "./problem.ts";
import type { ServerSource } from "./server_source.ts";
import { hostView } from "./server_views.ts";

export const EXPLAIN_ROUTE: AdminRoute<ServerSource> = {
  method: "GET",
  path: "/api/v1/explain",
  summary:
    "Where a request to `url` would go and why, hosts that are left out too; nothing is sent",
  query: ["url", "method", "header", "client", "frontend"],
  handle({ query }, { server, runtime }) {
    const frontend = frontendOf(query.get("frontend"), server);
    const request = requestOf(query);
    const nowMs = runtime.nowMs();
    const found = explain(request, frontend, server.frontends.routing, server.registry, nowMs);
    return { frontend: formatListenSpec(frontend), ...view(found, server, runtime) };
  },
};

function view(
  { route, answer, destination, hosts }: Explanation,
  server: RunningServer,
  runtime: ServerSource["runtime"],
): Record<string, unknown> {
  return {
    route,
    answer: answer === undefined
      ? null
      : { status: answer.status, error: answer.code, detail: answer.detail },
    cluster: destination?.cluster ?? null,
    target: destination?.target ?? null,
    host: destination?.hostName ?? null,
    hosts: hosts.map(({ host, verdict, share }) => ({
      ...hostView(host, server, runtime),
      verdict,
      share: Math.round(share * 10_000) / 10_000,
    })),
  };
}

/** @throws {Problem} */
function frontendOf(wanted: string | null, server: RunningServer): ListenSpec {
  const all = server.frontends.frontends
    .map(({ spec, address }) => ({ ...spec, address }))
    .filter(({ scheme }) => scheme === "http" || scheme === "https");
  if (all.length === 0) throw new Problem(409, "This server has no HTTP frontend");
  if (wanted === null) return all[0]!;
  const found = all.find((spec) =>
    formatListenSpec(spec) === wanted || formatAddress(spec.address) === wanted
  );
  if (found !== undefined) return found;
  const names = all.map(formatListenSpec).join(", ");
  throw new Problem(404, `There is no HTTP frontend "${wanted.slice(0, 200)}", expected ${names}`);
}

/** @throws {Problem} 400 */
function requestOf(query: URLSearchParams): ImaginedRequest {
  const url = query.get("url") ?? "";
  // Not by URL: what it would make of the path is not what a client would send.
  const match = /^https?:\/\/([^/?#]+)([^#]*)/i.exec(url);
  if (match === null) {
    throw new Problem(400, `url is "${url.slice(0, 200)}", expected http://HOST/PATH`);
  }
  const path = match[2]!.startsWith("/") ? match[2]! : `/${match[2]}`;
  return {
    method: query.get("method") ?? "GET",
    host: match[1]!,
    path,
    headers: query.getAll("header").map(headerOf),
    client: clientOf(query.get("client")),
  };
}

function headerOf(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  if (colon < 1) {
    throw new Problem(400, `header is "${text.slice(0, 100)}", expected "Name: value"`);
  }
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}

function clientOf(text: string | null): Address | undefined {
  if (text === null) return undefined;
  if (parseIp(text) !== undefined) return { kind: "tcp", host: text, port: 0 };
  try {
    const address = parseAddress(text);
    if (address.kind === "tcp" && parseIp(address.host) !== undefined) return address;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new Problem(400, `client is "${text.slice(0, 100)}", expected an IP address`);
}
