/**
 * Spans of what passes, by Deno's own OpenTelemetry: a frontend's for each request or connection, the
 * tunnel's within it, and the agent's dial within that. What a client says of its trace goes on, and
 * to the target.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import type { WatchedRequest } from "../http/watched_request.ts";
import type { Runtime } from "../runtime.ts";
import type { TrafficWatcher, WatchedConnection } from "./traffic_watch.ts";

/** What a request's spans are until its end. */
interface RequestSpans {
  readonly frontend: Span;
  readonly tunnel: Span;
}

/** W3C Trace Context, version 00. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
/** Longest text of a client's that becomes an attribute, in characters. */
const MAX_TEXT = 256;

/** Needs a process that was started with `OTEL_DENO=true`; elsewhere its spans go nowhere. */
export class RequestTracer implements TrafficWatcher {
  readonly isOn = true;
  readonly #runtime: Runtime;
  readonly #tracer: Tracer;
  /** Of requests under way; null where the client wants none. */
  readonly #spans = new WeakMap<WatchedRequest, RequestSpans | null>();
  /** From the runtime's clock to the wall's, taken anew each second. */
  #offsetMs = 0;
  #offsetUntilMs = 0;

  constructor(runtime: Runtime, version: string) {
    this.#runtime = runtime;
    this.#tracer = trace.getTracer("revtun", version);
  }

  requestBegun(request: WatchedRequest): string | undefined {
    const spans = this.#begin(request);
    if (spans === null) return undefined;
    const { traceId, spanId } = spans.tunnel.spanContext();
    return `00-${traceId}-${spanId}-01`;
  }

  requestEnded(request: WatchedRequest): void {
    const known = this.#spans.get(request);
    this.#spans.delete(request);
    if (known === null) return;
    const spans = known ?? this.#begin(request);
    if (spans === null) return;
    this.#spans.delete(request);
    const { clock, status, code, endedMs } = request;
    const { frontend, tunnel } = spans;
    const hops = clock.times(endedMs);
    if (clock.foundMs > 0 && hops.dialMs > 0) {
      const dialMs = clock.foundMs + hops.tunnelMs / 2;
      const dial = this.#tracer.startSpan("dial", {
        kind: SpanKind.CLIENT,
        startTime: this.#wallMs(dialMs),
        attributes: { "revtun.target": request.targetName || "default" },
      }, trace.setSpan(ROOT_CONTEXT, tunnel));
      dial.end(this.#wallMs(dialMs + hops.dialMs));
    }
    if (known !== undefined) {
      tunnel.setAttributes(placeOf(request.cluster, request.hostName, request.targetName));
      tunnel.setAttribute("revtun.queue_ms", hops.queueMs);
      tunnel.setAttribute("revtun.first_byte_ms", hops.firstByteMs);
      if (code !== undefined) fail(tunnel, code);
      tunnel.end(this.#wallMs(endedMs));
    }
    frontend.setAttributes(placeOf(request.cluster, request.hostName, request.targetName));
    frontend.setAttribute("http.response.status_code", status);
    if (status === 0 || status >= 500) fail(frontend, code ?? (status === 0 ? "client-left" : ""));
    else if (code !== undefined) frontend.setAttribute("error.type", code);
    frontend.end(this.#wallMs(endedMs));
  }

  connectionEnded(connection: WatchedConnection): void {
    const { startedMs, foundMs, endedMs, protocol, cluster, hostName, target, error } = connection;
    const attributes = {
      ...placeOf(cluster, hostName, target),
      "network.transport": protocol,
      ...(connection.client?.kind === "tcp" && { "client.address": connection.client.host }),
    };
    const frontend = this.#tracer.startSpan(`frontend ${protocol.toUpperCase()}`, {
      kind: SpanKind.SERVER,
      startTime: this.#wallMs(startedMs),
      attributes,
    }, ROOT_CONTEXT);
    if (foundMs > 0) {
      const tunnel = this.#tracer.startSpan("tunnel", {
        kind: SpanKind.CLIENT,
        startTime: this.#wallMs(foundMs),
        attributes: placeOf(cluster, hostName, target),
      }, trace.setSpan(ROOT_CONTEXT, frontend));
      tunnel.end(this.#wallMs(endedMs));
    }
    if (error !== undefined) fail(frontend, error.name);
    frontend.end(this.#wallMs(endedMs));
  }

  #begin(request: WatchedRequest): RequestSpans | null {
    const parent = parentOf(request);
    if (parent === null) {
      this.#spans.set(request, null);
      return null;
    }
    const { clock, method } = request;
    const frontend = this.#tracer.startSpan(`frontend ${method || "?"}`, {
      kind: SpanKind.SERVER,
      startTime: this.#wallMs(clock.headMs),
      attributes: attributesOf(request),
    }, parent);
    const tunnel = this.#tracer.startSpan("tunnel", {
      kind: SpanKind.CLIENT,
      startTime: this.#wallMs(clock.routedMs),
    }, trace.setSpan(ROOT_CONTEXT, frontend));
    const spans = { frontend, tunnel };
    this.#spans.set(request, spans);
    return spans;
  }

  #wallMs(ms: number): number {
    const nowMs = this.#runtime.nowMs();
    if (nowMs >= this.#offsetUntilMs) {
      this.#offsetUntilMs = nowMs + 1000;
      this.#offsetMs = Date.now() - nowMs;
    }
    return ms + this.#offsetMs;
  }
}

/** The client's span; null where it wants no spans of its trace. */
function parentOf(request: WatchedRequest): Context | null {
  if (request.traceparent.length === 0) return ROOT_CONTEXT;
  const match = TRACEPARENT.exec(request.text(request.traceparent));
  // What is none is passed over, as W3C wants it.
  if (match === null || /^0+$/.test(match[1]!) || /^0+$/.test(match[2]!)) return ROOT_CONTEXT;
  if ((parseInt(match[3]!, 16) & TraceFlags.SAMPLED) === 0) return null;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: match[1]!,
    spanId: match[2]!,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
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

function fail(span: Span, type: string): void {
  if (type !== "") span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(type !== "" && { message: type }) });
}
