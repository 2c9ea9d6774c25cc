/** Routing while nothing is configured: by a header, by the first label of Host, or to the only one. */
import { NAME_PATTERN } from "../name.ts";
import type { Upstreams } from "../upstream.ts";
import type { Answer } from "./answer.ts";
import type { RequestView, Route, RouteFunction } from "./route.ts";
import { plural } from "../plural.ts";

const IPV4_ADDRESS = /^\d{1,3}(\.\d{1,3}){3}(:|$)/;

/** Makes the route of a frontend that names no cluster. */
export function defaultRoute(upstreams: Upstreams): RouteFunction {
  return (request) => namedRoute(request, upstreams);
}

/** Routes by what the client names itself. */
export function namedRoute(request: RequestView, upstreams: Upstreams): Route | Answer {
  const named = request.header("x-revtun-cluster");
  const target = request.header("x-revtun-target");
  const hostName = request.header("x-revtun-host");
  for (const name of [named, target, hostName]) {
    if (name !== undefined && !NAME_PATTERN.test(name)) return badName(name);
  }
  const cluster = named ?? clusterNamedBy(request.host, upstreams) ??
    onlyCluster(upstreams);
  if (cluster === undefined) return howToChoose(request, upstreams);
  return { cluster, target: target ?? "", ...(hostName !== undefined && { hostName }) };
}

/** Makes the route of a frontend whose clients all go to one place. */
export function fixedRoute(route: Route): RouteFunction {
  return () => route;
}

/** The cluster that a host names by its first label. */
export function clusterNamedBy(host: string, upstreams: Upstreams): string | undefined {
  return clusterOfLabel(firstLabel(host), upstreams);
}

/** The cluster that a label of a host means: its exact name, or the only one in another case. */
export function clusterOfLabel(label: string, upstreams: Upstreams): string | undefined {
  if (label === "") return undefined;
  if (upstreams.hasCluster(label)) return label;
  // Browsers write every host in small letters; the cluster need not have such a name.
  const lower = label.toLowerCase();
  let found: string | undefined;
  for (const name of upstreams.clusterNames()) {
    if (name.length !== lower.length || name.toLowerCase() !== lower) continue;
    if (found !== undefined) return undefined;
    found = name;
  }
  return found;
}

/** The part of a host before its first dot or its port; "" for an address. */
function firstLabel(host: string): string {
  const first = host.charCodeAt(0);
  const isDigit = first >= 0x30 && first <= 0x39;
  if (isDigit && IPV4_ADDRESS.test(host)) return "";
  if (host.startsWith("[")) return "";
  const dot = host.indexOf(".");
  if (dot !== -1) return host.slice(0, dot);
  const colon = host.indexOf(":");
  return colon === -1 ? host : host.slice(0, colon);
}

function onlyCluster(upstreams: Upstreams): string | undefined {
  let only: string | undefined;
  for (const name of upstreams.clusterNames()) {
    if (only !== undefined) return undefined;
    only = name;
  }
  return only;
}

function howToChoose(request: RequestView, upstreams: Upstreams): Answer {
  let count = 0;
  for (const _ of upstreams.clusterNames()) count += 1;
  const situation = count === 0
    ? "No cluster is connected to this server yet."
    : `${
      plural(count, "cluster is", "clusters are")
    } connected to this server, and this request names none.`;
  return {
    status: 404,
    code: "no-route",
    hop: "frontend",
    detail: `${situation} Choose one by the header "x-revtun-cluster: NAME", or by a Host whose ` +
      `first label is the cluster's name, such as NAME.example.com; Host was "${request.host}".`,
  };
}

/** The answer to a request that names something by what is no name. */
export function badName(name: string): Answer {
  return {
    status: 400,
    code: "bad-name",
    hop: "frontend",
    detail: `"${name.slice(0, 100)}" is no name of a cluster, target or host: ` +
      'use 1 to 253 of letters, digits, ".", "_" and "-".',
  };
}
