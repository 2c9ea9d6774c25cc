/** Traces of `revtun server` and `agent`: their option, and who makes them. */
import type { StreamTracer } from "../lib/agent/stream_tracer.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { RequestTracer } from "../lib/server/request_tracer.ts";
import { parseShare } from "../lib/share.ts";
import type { Context } from "./command.ts";
import type { OptionSpec, OptionValues } from "./option.ts";
import { VERSION } from "./software.ts";

export const TRACE_OPTIONS = [
  {
    name: "trace-sample",
    kind: "string",
    placeholder: "SHARE",
    default: "1",
    parse: parseShare,
    description: "Share of requests that get spans where OTEL_DENO=true, 0 to 1; a client's " +
      "traceparent decides for its own",
    group: "Log",
  },
] as const satisfies readonly OptionSpec[];

type TraceValues = OptionValues<typeof TRACE_OPTIONS>;

/** This process was started with Deno's OpenTelemetry, and is to make spans. */
function isTracing(env: (name: string) => string | undefined): boolean {
  return ["true", "1"].includes(env("OTEL_DENO") ?? "") &&
    env("OTEL_TRACES_SAMPLER") !== "always_off";
}

/** Makes that of an agent. */
export async function openStreamTracer(
  env: (name: string) => string | undefined,
): Promise<StreamTracer | undefined> {
  if (!isTracing(env)) return undefined;
  const { StreamTracer } = await import("../lib/agent/stream_tracer.ts");
  return new StreamTracer(VERSION);
}

/** Makes the tracer of a server where there are to be traces; nothing of it is loaded elsewhere. */
export async function openTracer(
  { env, values }: Context<TraceValues>,
  runtime: Runtime,
): Promise<RequestTracer | undefined> {
  if (!isTracing(env)) return undefined;
  const { RequestTracer } = await import("../lib/server/request_tracer.ts");
  return new RequestTracer(runtime, { version: VERSION, share: traceShareOf(values) });
}

/** Share of the requests that are traced. */
export function traceShareOf(values: TraceValues): number {
  return parseShare(values["trace-sample"]);
}
