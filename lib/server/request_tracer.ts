/**
 * Spans of what passes, by Deno's own OpenTelemetry: a frontend's for each request or connection, the
 * tunnel's within it, and the agent's dial within that. What a client says of its trace goes on, and
 * to the target.
 */
import { ROOT_CONTEXT, SpanKind, trace, TraceFlags } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import type { RequestHead } from "../codec/http1/request_head.ts";
import { formatTraceparent, parseTraceparent } from "../codec/traceparent.ts";
import type { WatchedRequest } from "../http/watched_request.ts";
import type { Runtime } from "../runtime.ts";
import { belowSpan, failSpan } from "../spans.ts";
import { WallClock } from "../wall_clock.ts";
import type { ConnectionTrace, TrafficWatcher, WatchedConnection } from "./traffic_watch.ts";

/** Of a request or a connection, until its end. */
class PassageSpans implements ConnectionTrace {
  readonly frontend: Span;
  readonly tunnel: Span;

  constructor(frontend: Span, tunnel: Span) {
    this.frontend = frontend;
    this.tunnel = tunnel;
  }

  /** What is beyond the tunnel is below its span. */
  get traceparent(): string {
    const { traceId, spanId } = this.tunnel.spanContext();
    return formatTraceparent({ traceId, spanId, isSampled: true });
  }
}

/** Longest text of a client's that becomes an attribute, in characters. */
const MAX_TEXT = 256;

/** Needs a process that was started with `OTEL_DENO=true`; elsewhere its spans go nowhere. */
export class RequestTracer implements TrafficWatcher {
  readonly isOn = true;
  /** Share of the requests and connections of no trace yet that get spans, 0 to 1. */
  share: number;
  readonly #runtime: Runtime;
  readonly #tracer: Tracer;
  /** Of requests under way that have some. */
  readonly #spans = new WeakMap<WatchedRequest, PassageSpans>();
  /** Parent of the request that is about to begin, or to be answered; undefined for no spans. */
  #next: Context | undefined;
  readonly #wallClock: WallClock;

  constructor(
    runtime: Runtime,
    { version, share = 1 }: { readonly version: string; readonly share?: number },
  ) {
    this.share = share;
    this.#runtime = runtime;
    this.#wallClock = new WallClock(() => runtime.nowMs());
    this.#tracer = trace.getTracer("revtun", version);
  }

  wants(head: RequestHead | undefined): boolean {
    this.#next = this.#parentOf(head);
    return this.#next !== undefined;
  }

  requestBegun(request: WatchedRequest): string | undefined {
    const spans = this.#begin(request);
    if (spans === undefined) return undefined;
    this.#spans.set(request, spans);
    return spans.traceparent;
  }

  requestEnded(request: WatchedRequest): void {
    const known = this.#spans.get(request);
    // What is answered without going anywhere has not begun.
    const spans = known ?? this.#begin(request);
    if (spans === undefined) return;
    if (known !== undefined) this.#spans.delete(request);
    const { clock, status, code, endedMs } = request;
    const { frontend, tunnel } = spans;
    const hops = clock.times(endedMs);
    if (clock.foundMs > 0 && hops.dialMs > 0 && !clock.isDialTraced) {
      const dialMs = clock.foundMs + hops.tunnelMs / 2;
      const dial = this.#tracer.startSpan("dial", {
        kind: SpanKind.CLIENT,
        startTime: this.#wallClock.of(dialMs),
        attributes: { "revtun.target": request.targetName || "default" },
      }, trace.setSpan(ROOT_CONTEXT, tunnel));
      dial.end(this.#wallClock.of(dialMs + hops.dialMs));
    }
    if (known !== undefined) {
      tunnel.setAttributes(placeOf(request.cluster, request.hostName, request.targetName));
      tunnel.setAttribute("revtun.queue_ms", hops.queueMs);
      tunnel.setAttribute("revtun.first_byte_ms", hops.firstByteMs);
      if (code !== undefined) failSpan(tunnel, code);
      tunnel.end(this.#wallClock.of(endedMs));
    }
    frontend.setAttributes(placeOf(request.cluster, request.hostName, request.targetName));
    frontend.setAttribute("http.response.status_code", status);
    if (status === 0 || status >= 500) {
      failSpan(frontend, code ?? (status === 0 ? "client-left" : ""));
    } else if (code !== undefined) frontend.setAttribute("error.type", code);
    frontend.end(this.#wallClock.of(endedMs));
  }

  connectionBegun(protocol: "tcp" | "udp"): PassageSpans | undefined {
    if (!this.#isSampled()) return undefined;
    const startTime = this.#wallClock.of(this.#runtime.nowMs());
    const frontend = this.#tracer.startSpan(`frontend ${protocol.toUpperCase()}`, {
      kind: SpanKind.SERVER,
      startTime,
      attributes: { "network.transport": protocol },
    }, ROOT_CONTEXT);
    if (!isSampled(frontend)) return undefined;
    return new PassageSpans(frontend, this.#tunnelSpan(frontend, startTime));
  }

  connectionEnded(connection: WatchedConnection): void {
    const { trace: spans, client, cluster, hostName, target, error } = connection;
    if (!(spans instanceof PassageSpans)) return;
    const endTime = this.#wallClock.of(connection.endedMs);
    for (const span of [spans.tunnel, spans.frontend]) {
      span.setAttributes(placeOf(cluster, hostName, target));
      if (error !== undefined) failSpan(span, error.name);
    }
    if (client?.kind === "tcp") spans.frontend.setAttribute("client.address", client.host);
    spans.tunnel.end(endTime);
    spans.frontend.end(endTime);
  }

  /** Begins what `wants()` has decided on, once. */
  #begin(request: WatchedRequest): PassageSpans | undefined {
    const parent = this.#next;
    if (parent === undefined) return undefined;
    this.#next = undefined;
    const { clock, method } = request;
    const frontend = this.#tracer.startSpan(`frontend ${method || "?"}`, {
      kind: SpanKind.SERVER,
      startTime: this.#wallClock.of(clock.headMs),
      attributes: attributesOf(request),
    }, parent);
    if (!isSampled(frontend)) return undefined;
    return new PassageSpans(
      frontend,
      this.#tunnelSpan(frontend, this.#wallClock.of(clock.routedMs)),
    );
  }

  #tunnelSpan(frontend: Span, startTime: number): Span {
    return this.#tracer.startSpan(
      "tunnel",
      { kind: SpanKind.CLIENT, startTime },
      trace.setSpan(ROOT_CONTEXT, frontend),
    );
  }

  /** The client's span, or none above ours; undefined where there are to be no spans. */
  #parentOf(head: RequestHead | undefined): Context | undefined {
    const text = head?.header("traceparent");
    const parent = text === undefined ? undefined : parseTraceparent(text);
    if (parent === undefined) return this.#isSampled() ? ROOT_CONTEXT : undefined;
    return parent.isSampled ? belowSpan(parent) : undefined;
  }

  #isSampled(): boolean {
    return this.share >= 1 || this.#runtime.random() < this.share;
  }
}

/** Deno's own sampler, which `OTEL_TRACES_SAMPLER` sets, leaves it in. */
function isSampled(span: Span): boolean {
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

function attributesOf(request: WatchedRequest): Attributes {
  const text = (range: WatchedRequest["target"]) => request.text(range).slice(0, MAX_TEXT);
  const [path = "", query] = text(request.target).split("?", 2);
  return {
    "http.request.method": request.method,
    "url.path": path,
    ...(query !== undefined && { "url.query": query }),
    "server.address": text(request.host),
    "client.address": request.clientIp,
    "network.protocol.version": request.isHttp2 ? "2" : request.isHttp10 ? "1.0" : "1.1",
    ...(request.userAgent.length > 0 && { "user_agent.original": text(request.userAgent) }),
  };
}

function placeOf(
  cluster: string | undefined,
  hostName: string | undefined,
  target: string,
): Attributes {
  return {
    ...(cluster !== undefined &&
      { "revtun.cluster": cluster, "revtun.target": target || "default" }),
    ...(hostName !== undefined && { "revtun.host": hostName }),
  };
}
