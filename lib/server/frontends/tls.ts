/** `tls://`: passes TLS as it is, by the name that the client's ClientHello asks for (SNI). */
import type { SharedBuffer } from "../../buffer.ts";
import { ClientHelloDecoder, readServerName } from "../../codec/client_hello.ts";
import { DeadlineQueue } from "../../deadline_queue.ts";
import type { Sink } from "../../duplex.ts";
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
import type { FirstBytes } from "./join_target.ts";
import { optionsOf } from "./options.ts";
import { EndedEarlyError, PrereadClient, PrereadTimeoutError } from "./preread_client.ts";
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
    const silent: DeadlineQueue<TlsClient> = new DeadlineQueue(
      services.runtime,
      () => services.config.prereadTimeoutMs,
      (client) => client.expire(),
    );
    const all: TlsClients = { services, route, silent };
    return withDoor(spec, services, {
      serve: (client) => void new TlsClient(client, all),
      drain() {},
      close() {},
    });
  },
};

/** `unrecognized_name` and `missing_extension`, RFC 8446 section 6.2: what clients print. */
const ALERT = { unknownName: 112, noName: 109 } as const;

/** What the clients of one frontend have in common. */
interface TlsClients {
  readonly services: FrontendServices;
  readonly route: RouteFunction;
  /** Those that have said nothing yet. */
  readonly silent: DeadlineQueue<TlsClient>;
}

/**
 * One client until its first bytes have come. Nearly always they are a whole ClientHello: it is read
 * where it lies, and goes on from there.
 */
class TlsClient implements Sink {
  readonly #client: ClientDuplex;
  readonly #all: TlsClients;

  constructor(client: ClientDuplex, all: TlsClients) {
    this.#client = client;
    this.#all = all;
    all.silent.add(this);
    client.attach(this);
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    const leftMs = this.#all.silent.delete(this);
    // It was turned away, and this was under way.
    if (leftMs === undefined) return;
    let serverName;
    try {
      serverName = readServerName(bytes);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (serverName === undefined) this.#waitForRest(bytes, leftMs);
    else pass(this.#client, serverName, this.#all, { bytes, buffer });
  }

  onEnd(): void {
    if (this.#all.silent.delete(this) !== undefined) this.#refuse(new EndedEarlyError());
  }

  onDrain(): void {}

  onClose(): void {
    this.#all.silent.delete(this);
  }

  /** It has waited for as long as it may. */
  expire(): void {
    this.#refuse(new PrereadTimeoutError());
  }

  #waitForRest(bytes: Uint8Array, leftMs: number): void {
    const { services } = this.#all;
    const preread = new PrereadClient(this.#client, services.runtime.timers, leftMs);
    const decoder = new ClientHelloDecoder();
    preread.listen({
      take: (bytes) => {
        const found = decoder.push(bytes);
        if (found === undefined) return;
        preread.hold(found.records, found.rest);
        pass(preread, found.hello.serverName ?? "", this.#all);
      },
      failed: (failure) => this.#refuse(failure),
    });
    preread.onData(bytes);
  }

  #refuse(detail: unknown): void {
    refuseClient(this.#client, this.#all.services, { reason: "client-hello", detail });
  }
}

function pass(
  client: ClientDuplex,
  serverName: string,
  { route, services }: TlsClients,
  first?: FirstBytes,
): void {
  const verdict = route(viewOf(serverName, client));
  if (!isAnswer(verdict)) {
    joinTarget(client, verdict, services, first && { first });
    return;
  }
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
    header: noHeader,
  };
}

function noHeader(): undefined {}

/** A fatal alert in the clear, as it is in answer to a ClientHello. */
function alert(description: number): Uint8Array {
  return Uint8Array.of(21, 3, 1, 0, 2, 2, description);
}
