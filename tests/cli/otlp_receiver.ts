/** A receiver of OTLP on loopback, for spans that programs make. */

export interface Span {
  /** `service.name` of the process. */
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Where spans come to. */
export interface OtlpReceiver extends AsyncDisposable {
  /** All that have come. */
  readonly spans: Span[];
  /** Environment of a program that exports to it, as the service of that name. */
  env(service: string): Record<string, string>;
}

/** Takes what processes export as OTLP in JSON. */
export function otlpReceiver(): OtlpReceiver {
  const spans: Span[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const isTraces = new URL(request.url).pathname === "/v1/traces";
      const body = await request.json();
      if (isTraces) spans.push(...spansOf(body));
      return Response.json({});
    },
  );
  return {
    spans,
    env: (service) => ({
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "100",
    }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

// deno-lint-ignore no-explicit-any -- read field by field
function spansOf(body: any): Span[] {
  const all: Span[] = [];
  for (const resource of body.resourceSpans ?? []) {
    const service = attributesOf(resource.resource)["service.name"] as string;
    for (const scope of resource.scopeSpans ?? []) {
      if (scope.scope?.name !== "revtun") continue;
      for (const span of scope.spans ?? []) {
        all.push({
          service,
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId ?? "",
          name: span.name,
          startMs: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
          endMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
          isError: span.status?.code === 2,
          attributes: attributesOf(span),
        });
      }
    }
  }
  return all;
}

// deno-lint-ignore no-explicit-any -- read field by field
function attributesOf(owner: any): Record<string, unknown> {
  return Object.fromEntries(
    (owner?.attributes ?? []).map((
      { key, value }: { key: string; value: Record<string, unknown> },
    ) => [key, Object.values(value)[0]]),
  );
}
