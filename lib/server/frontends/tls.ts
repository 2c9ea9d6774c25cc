/** `tls://`: passes TLS as it is, by the name that the client's ClientHello asks for (SNI). */
import { ClientHelloDecoder } from "../../codec/client_hello.ts";
import type { ClientHello } from "../../codec/client_hello.ts";
import { clusterOfLabel, fixedRoute } from "../../http/default_route.ts";
import { isAnswer } from "../../http/route.ts";
import type { RequestView, Route, RouteFunction } from "../../http/route.ts";
import { parseRouteRule } from "../../http/route_rule.ts";
import { RouteTable, tableRoute } from "../../http/route_table.ts";
import type { Upstreams } from "../../upstream.ts";
import type { ListenSpec } from "../listen_spec.ts";
import { checkDoor, DOOR_OPTIONS, withDoor } from "./door.ts";
import type { ClientDuplex, FrontendKind, FrontendServices } from "./frontend.ts";
import { joinTarget } from "./join_target.ts";
import { optionsOf } from "./options.ts";
import { PrereadClient } from "./preread_client.ts";
import { refuseClient } from "./refuse_client.ts";

export const TLS_KIND: FrontendKind = {
  needsCluster: false,
  options: [...DOOR_OPTIONS, "route"],
  check(spec) {
    checkDoor(spec);
    const rules = rulesOf(spec);
    if (spec.cluster !== undefined && rules.length > 0) {
      throw new RangeError("a cluster and route= exclude each other");
    }
    new RouteTable(rules);
  },
  make(spec, services) {
    const route = routeOf(spec, services.upstreams);
    return withDoor(spec, services, {
      serve: (client) => serveTlsClient(client, route, services),
      drain() {},
      close() {},
    });
  },
};

/** `unrecognized_name` and `missing_extension`, RFC 8446 section 6.2: what clients print. */
const ALERT = { unknownName: 112, noName: 109 } as const;

function serveTlsClient(
  client: ClientDuplex,
  route: RouteFunction,
  services: FrontendServices,
): void {
  const preread = new PrereadClient(
    client,
    services.runtime.timers,
    services.config.prereadTimeoutMs,
  );
  const decoder = new ClientHelloDecoder();
  preread.listen({
    take(bytes) {
      const found = decoder.push(bytes);
      if (found === undefined) return;
      preread.hold(found.records, found.rest);
      pass(preread, found.hello, route, services);
    },
    failed: (detail) => refuseClient(client, services, { reason: "client-hello", detail }),
  });
}

function pass(
  client: PrereadClient,
  { serverName = "" }: ClientHello,
  route: RouteFunction,
  services: FrontendServices,
): void {
  const verdict = route(viewOf(serverName, client));
  if (!isAnswer(verdict)) return joinTarget(client, verdict, services);
  const isNamed = serverName !== "";
  refuseClient(client, services, {
    reason: isNamed ? "unknown-server-name" : "no-server-name",
    detail: isNamed
      ? `"${serverName}" leads nowhere here`
      : "its ClientHello names no server (SNI), and this frontend goes by that name",
    answer: alert(isNamed ? ALERT.unknownName : ALERT.noName),
  });
}

function routeOf(spec: ListenSpec, upstreams: Upstreams): RouteFunction {
  const { cluster, target } = spec;
  if (cluster !== undefined) return fixedRoute({ cluster, target });
  const rules = rulesOf(spec);
  if (rules.length > 0) return tableRoute(new RouteTable(rules), upstreams);
  return ({ host }) => byFirstLabel(host, target, upstreams);
}

function byFirstLabel(
  host: string,
  target: string,
  upstreams: Upstreams,
): ReturnType<RouteFunction> {
  const cluster = clusterOfLabel(host.split(".")[0]!, upstreams);
  return cluster === undefined ? NO_ROUTE : { cluster, target } satisfies Route;
}

const NO_ROUTE = { status: 404, code: "no-route", hop: "frontend", detail: "" } as const;

/** @throws {RangeError} a rule that looks at more than the host. */
function rulesOf(spec: ListenSpec) {
  return optionsOf(spec, "route").map((text) => {
    const rule = parseRouteRule(text);
    if (rule.path === undefined) return rule;
    throw new RangeError(`route "${text}" has a path, which TLS hides: expected HOST=CLUSTER`);
  });
}

function viewOf(host: string, client: ClientDuplex): RequestView {
  const { remote } = client;
  return {
    method: "",
    path: "/",
    host,
    client: remote,
    isTrusted: false,
    clientIp: remote.kind === "tcp" ? remote.host : "",
    header: () => undefined,
  };
}

/** A fatal alert in the clear, as it is in answer to a ClientHello. */
function alert(description: number): Uint8Array {
  return Uint8Array.of(21, 3, 1, 0, 2, 2, description);
}
