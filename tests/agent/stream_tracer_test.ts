/** What a server says of traces, to an agent whose spans are counted. */
import assert from "node:assert/strict";
import { INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import type { Context, Span, Tracer } from "@opentelemetry/api";
import { StreamTracer } from "../../lib/agent/stream_tracer.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { agentFor } from "./agent_for.ts";
import { FakeServer } from "./fake_server.ts";
import { Backend, shout, testRuntime, until } from "./support.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const SAMPLED = `00-${TRACE}-${SPAN}-01`;
const HOSTILE = [
  "",
  "what is this",
  `00-${TRACE}-${SPAN}-00`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01\r\nx: y`,
  `ff-${TRACE}-${SPAN}-01`,
  "0".repeat(3000),
];

interface SeenSpan {
  readonly name: string;
  readonly parent: string | undefined;
  isEnded: boolean;
  error: unknown;
}

/** A tracer that keeps what spans there were. */
function seeingTracer() {
  const spans: SeenSpan[] = [];
  const tracer = {
    startSpan(name: string, _options: unknown, context: Context): Span {
      const parent = trace.getSpanContext(context)?.spanId;
      const seen: SeenSpan = { name, parent, isEnded: false, error: undefined };
      spans.push(seen);
      return {
        spanContext: () => INVALID_SPAN_CONTEXT,
        setAttribute: (_key: string, value: unknown) => seen.error = value,
        setStatus() {},
        end: () => seen.isEnded = true,
      } as unknown as Span;
    },
  };
  return { spans, tracer: new StreamTracer("1", tracer as unknown as Tracer) };
}

Deno.test("an agent traces what a server says, by the preface and beside streams that are kept", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  const { spans, tracer } = seeingTracer();
  await using _agent = await agentFor(
    runtime,
    [server.address],
    { targets: parseTargets([backend.text]) },
    { tracer },
  );
  const host = await server.host();
  assert.equal(host.info.hello?.isTracing, true);
  const stream = await host.open({ traceparent: SAMPLED }, "a");
  assert.equal(await stream.reader.textWith("A"), "A");
  const named = () => spans.map(({ name, parent }) => `${name} ${parent}`);
  assert.deepEqual(named(), [`dial ${SPAN}`, `first-byte ${SPAN}`]);
  // Unknown streams, the control stream, numbers that are none: nothing comes of them.
  const streamId = 2;
  for (const id of [0, 1, 4, -1, 2 ** 40]) {
    host.send({ type: "trace", streamId: id, traceparent: SAMPLED });
  }
  for (const traceparent of HOSTILE) host.send({ type: "trace", streamId, traceparent });
  // One span for each answer, however often it is asked for.
  for (let i = 0; i < 100; i++) host.send({ type: "trace", streamId, traceparent: SAMPLED });
  await host.session.ping();
  await until("a third span", () => spans.length === 3);
  stream.reader.write("b");
  assert.equal(await stream.reader.textWith("AB"), "AB");
  assert.equal(spans.length, 3);
  // A stream that ends before its answer ends the span.
  host.send({ type: "trace", streamId, traceparent: SAMPLED });
  await until("a fourth span", () => spans.length === 4);
  stream.reader.duplex.close();
  await until("its end", () => spans.every(({ isEnded }) => isEnded));
  assert.deepEqual(spans.map(({ error }) => error), [undefined, undefined, undefined, "closed"]);
});

Deno.test("an agent serves streams whose traceparent is none, without a span", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  const { spans, tracer } = seeingTracer();
  await using _agent = await agentFor(
    runtime,
    [server.address],
    { targets: parseTargets([backend.text]) },
    { tracer },
  );
  const host = await server.host();
  for (const traceparent of HOSTILE) {
    const stream = await host.open({ traceparent }, "hello");
    assert.equal(await stream.reader.textWith("HELLO"), "HELLO");
    stream.reader.duplex.close();
  }
  assert.deepEqual(spans, []);
});

Deno.test("an agent that does not trace says so, and takes no harm from a server that tells it", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using _agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
  });
  const host = await server.host();
  assert.equal(host.info.hello?.isTracing, undefined);
  const stream = await host.open({ traceparent: SAMPLED }, "hello");
  host.send({ type: "trace", streamId: 2, traceparent: SAMPLED });
  assert.equal(await stream.reader.textWith("HELLO"), "HELLO");
});
