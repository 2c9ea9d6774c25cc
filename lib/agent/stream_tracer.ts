/**
 * An agent's spans of what its servers trace, by Deno's own OpenTelemetry: the dial to a target, and
 * the time to the target's first byte, both below the server's span.
 */
import { SpanKind, trace } from "@opentelemetry/api";
import type { Context, Span, Tracer } from "@opentelemetry/api";
import { parseTraceparent } from "../codec/traceparent.ts";
import { DialError } from "../errors.ts";
import { belowSpan, failSpan } from "../spans.ts";
import type { Splice } from "../splice.ts";
import type { TargetRequest } from "./target_dialer.ts";

/** Needs a process that was started with `OTEL_DENO=true`; elsewhere its spans go nowhere. */
export class StreamTracer {
  readonly #tracer: Tracer;

  constructor(version: string, tracer: Tracer = trace.getTracer("revtun", version)) {
    this.#tracer = tracer;
  }

  /**
   * Spans of one request or connection to what `request` names; undefined where `traceparent`, a
   * server's word, is none or is not sampled.
   */
  begin(traceparent: string | undefined, request: TargetRequest): StreamTrace | undefined {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parent === undefined || !parent.isSampled) return undefined;
    const target = request.destination ?? (request.target || "default");
    return new StreamTrace(this.#tracer, belowSpan(parent), target);
  }
}

/** Spans of one request or connection, one after the other. */
export class StreamTrace {
  readonly #tracer: Tracer;
  readonly #parent: Context;
  readonly #target: string;
  #dial: Span | undefined;

  constructor(tracer: Tracer, parent: Context, target: string) {
    this.#tracer = tracer;
    this.#parent = parent;
    this.#target = target;
  }

  /** The dial begins. */
  dials(): void {
    this.#dial = this.#span("dial");
  }

  /** The dial is over; `error` says why it failed. */
  dialled(error?: unknown): void {
    if (this.#dial === undefined) return;
    if (error !== undefined) {
      failSpan(this.#dial, error instanceof DialError ? error.failure : "unreachable");
    }
    this.#dial.end();
    this.#dial = undefined;
  }

  /** What was asked is on its way to the target, which is the second of `splice`. */
  asked(splice: Splice): void {
    // One that waits already has asked nothing new: a server cannot have more spans than answers.
    if (splice.isAwaited) return;
    const span = this.#span("first-byte");
    splice.awaitBackward((hasCome) => {
      if (!hasCome) failSpan(span, "closed");
      span.end();
    });
  }

  #span(name: string): Span {
    const attributes = { "revtun.target": this.#target };
    return this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, this.#parent);
  }
}
