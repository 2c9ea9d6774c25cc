/** What servers' and agents' spans have in common. */
import { ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";

/** Where spans below somebody else's are made, whose trace is recorded. */
export function belowSpan({ traceId, spanId }: { traceId: string; spanId: string }): Context {
  const traceFlags = TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** Says that what the span is of went wrong; `type` is "" where there is no name for how. */
export function failSpan(span: Span, type: string): void {
  if (type !== "") span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(type !== "" && { message: type }) });
}
