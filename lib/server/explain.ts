/** Says where a request would go and why, without sending it. */
import type { Address } from "../address.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import { DEFAULT_HEAD_LIMITS } from "../codec/http1/head.ts";
import type { Answer } from "../http/answer.ts";
import { fixedRoute } from "../http/default_route.ts";
import { answerForRequest } from "../http/failure.ts";
import { clientFacts } from "../http/client_facts.ts";
import { HeadView, isAnswer } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import type { Host } from "./host.ts";
import type { HttpRouting } from "./http_routing.ts";
import type { ListenSpec } from "./listen_spec.ts";
import type { Registry } from "./registry.ts";

/** A request that is asked about. */
export interface ImaginedRequest {
  readonly method: string;
  /** Host and port, as in the Host field. */
  readonly host: string;
  /** Path and query as they would stand in the request line. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Where the client would come from; undefined for one without an address. */
  readonly client: Address | undefined;
}

/** Why a host would get the request, or not. */
export type HostVerdict =
  | "candidate"
  | "not the wanted host"
  | "draining"
  | "weight is 0"
  | "does not serve the target"
  | "target is unhealthy"
  | "ejected after failures"
  | "no connection takes more";

/** Where a request would go. */
export interface Explanation {
  /** The route's name, or how it was chosen where no route is configured. */
  readonly route: string;
  /** What would be answered instead, if no host were asked. */
  readonly answer: Answer | undefined;
  readonly destination: Route | undefined;
  /** Hosts of the cluster, each with its share of those that would be asked. */
  readonly hosts: readonly { host: Host; verdict: HostVerdict; share: number }[];
}

/** Decides as a frontend would, by its own parser, routes and rules. */
export function explain(
  request: ImaginedRequest,
  frontend: ListenSpec,
  routing: HttpRouting,
  registry: Registry,
  nowMs: number,
): Explanation {
  const verdict = routeOf(request, frontend, routing);
  if (isAnswer(verdict)) {
    return { route: "none", answer: verdict, destination: undefined, hosts: [] };
  }
  const route = verdict.passage?.name ??
    (frontend.cluster === undefined ? "by name: no routes are configured" : "the frontend's own");
  return { route, answer: undefined, destination: verdict, hosts: judge(verdict, registry, nowMs) };
}

function routeOf(
  request: ImaginedRequest,
  frontend: ListenSpec,
  routing: HttpRouting,
): Route | Answer {
  const { method, host, path, headers, client } = request;
  const lines = [["Host", host], ...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const head = new RequestHead(DEFAULT_HEAD_LIMITS);
  try {
    // A line feed in a value would end the head early: what is behind it is no part of a request.
    if (head.parse(bytes, 0, bytes.length) !== bytes.length) {
      throw new HttpError(400, "syntax", 0, "it is not one request's head");
    }
  } catch (error) {
    if (error instanceof HttpError) return answerForRequest(error);
    throw error;
  }
  const view = new HeadView(head, routing.trustedProxies);
  const isTrusted = client !== undefined && routing.trustedProxies.has(client);
  view.show(
    client,
    clientFacts({
      via: "revtun",
      address: client?.kind === "tcp" ? client.host : "",
      scheme: frontend.scheme === "https" ? "https" : "http",
      isTrusted,
      style: "none",
      isAuthorizationOurs: false,
    }),
  );
  const { cluster, target } = frontend;
  return cluster === undefined ? routing.route(view) : fixedRoute({ cluster, target })(view);
}

function judge(route: Route, registry: Registry, nowMs: number): Explanation["hosts"] {
  const all = [...registry.clusters.get(route.cluster)?.hosts.values() ?? []];
  const judged = all.map((host) => ({ host, verdict: verdictOn(host, route, nowMs) }));
  let totalWeight = 0;
  for (const { host, verdict } of judged) {
    if (verdict === "candidate") totalWeight += host.weightAt(nowMs);
  }
  return judged.map(({ host, verdict }) => ({
    host,
    verdict,
    share: verdict === "candidate" ? host.weightAt(nowMs) / totalWeight : 0,
  }));
}

function verdictOn(host: Host, route: Route, nowMs: number): HostVerdict {
  if (route.hostName !== undefined && host.hostName !== route.hostName) {
    return "not the wanted host";
  }
  if (host.isDraining) return "draining";
  if (host.weight === 0) return "weight is 0";
  if (!host.mayServe(route.target)) return "does not serve the target";
  if (host.unhealthyTargets.has(route.target)) return "target is unhealthy";
  if (host.isEjected(nowMs)) return "ejected after failures";
  if (!host.isUsable) return "no connection takes more";
  return "candidate";
}
