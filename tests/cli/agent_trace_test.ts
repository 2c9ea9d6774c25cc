/** Traces through both programs, seen by a receiver of OTLP on loopback. */
import assert from "node:assert/strict";
import { until } from "../agent/support.ts";
import { otlpReceiver } from "./otlp_receiver.ts";
import type { Span } from "./otlp_receiver.ts";
import { spawnCli } from "./spawn_cli.ts";

const CLIENT_TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN = "b7ad6b7169203331";

/** A target that answers at once. */
function startTarget() {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Both programs, with the environment of each. */
async function startBoth(envs: {
  server: Record<string, string>;
  agent: Record<string, string>;
}, target: number) {
  const server = spawnCli([
    ...["server", "--tunnel", "127.0.0.1:0", "--listen", "127.0.0.1:0/edge-a"],
    ...["--listen", "127.0.0.1:0/edge-a/dead", "--listen", "tcp://127.0.0.1:0/edge-a"],
  ], { env: envs.server });
  const [, tunnel] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
  const port = async (pattern: RegExp) => (await server.printed(pattern))[1]!;
  const ports = {
    http: await port(/event=frontend\.listening .*http:\/\/127\.0\.0\.1:(\d+)\/edge-a"?$/m),
    dead: await port(/event=frontend\.listening .*http:\/\/127\.0\.0\.1:(\d+)\/edge-a\/dead/),
    tcp: await port(/event=frontend\.listening .*tcp:\/\/127\.0\.0\.1:(\d+)/),
  };
  const agent = spawnCli([
    ...["agent", "--server", tunnel!, "--cluster", "edge-a", "--connections", "1"],
    ...["--target", `127.0.0.1:${target}`, "--target", "dead=127.0.0.1:1"],
  ], { env: envs.agent });
  await server.printed(/event=tunnel\.registered/);
  const ask = async (to: string, traceparent?: string) => {
    const headers = traceparent === undefined ? {} : { traceparent };
    const response = await fetch(`http://127.0.0.1:${to}/`, { headers });
    await response.text();
    return response.status;
  };
  return {
    server,
    agent,
    ports,
    ask,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** One of a trace, by its process and name; there has to be one alone. */
function only(spans: readonly Span[], service: string, name: string): Span {
  const found = spans.filter((span) => span.service === service && span.name === name);
  assert.equal(found.length, 1, `${service} ${name}: ${JSON.stringify(spans, null, 1)}`);
  return found[0]!;
}

Deno.test("one trace has the spans of server and agent, on a new stream and on one that is kept", async () => {
  await using receiver = otlpReceiver();
  await using target = startTarget();
  await using both = await startBoth(
    { server: receiver.env("server"), agent: receiver.env("agent") },
    target.port,
  );
  const take = async (count: number) => {
    await until("spans", () => receiver.spans.length >= count, 30_000);
    assert.equal(receiver.spans.length, count, JSON.stringify(receiver.spans, null, 1));
    return receiver.spans.splice(0);
  };

  assert.equal(await both.ask(both.ports.http, `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01`), 200);
  const first = await take(4);
  assert.ok(first.every(({ traceId }) => traceId === CLIENT_TRACE));
  const frontend = only(first, "server", "frontend GET");
  const tunnel = only(first, "server", "tunnel");
  const dial = only(first, "agent", "dial");
  const firstByte = only(first, "agent", "first-byte");
  assert.equal(frontend.parentSpanId, CLIENT_SPAN);
  assert.equal(tunnel.parentSpanId, frontend.spanId);
  assert.deepEqual([dial.parentSpanId, firstByte.parentSpanId], [tunnel.spanId, tunnel.spanId]);
  assert.ok(dial.endMs <= firstByte.startMs + 1 && firstByte.startMs <= firstByte.endMs);
  assert.deepEqual([dial.isError, firstByte.isError], [false, false]);
  assert.equal(dial.attributes["revtun.target"], "default");

  // The stream and its connection to the target are kept: nothing is dialled.
  assert.equal(await both.ask(both.ports.http), 200);
  const second = await take(3);
  const parent = only(second, "server", "tunnel");
  assert.equal(only(second, "agent", "first-byte").parentSpanId, parent.spanId);
  assert.equal(new Set(second.map(({ traceId }) => traceId)).size, 1);
  assert.notEqual(second[0]!.traceId, CLIENT_TRACE);

  // One that is not sampled has no spans on either side, and the next one has.
  assert.equal(await both.ask(both.ports.http, `00-${CLIENT_TRACE}-${CLIENT_SPAN}-00`), 200);

  assert.equal(await both.ask(both.ports.dead), 502);
  const failed = await take(3);
  const failedDial = only(failed, "agent", "dial");
  assert.equal(failedDial.parentSpanId, only(failed, "server", "tunnel").spanId);
  assert.deepEqual([failedDial.isError, failedDial.attributes["error.type"]], [true, "refused"]);

  const bytes = await Deno.connect({ hostname: "127.0.0.1", port: Number(both.ports.tcp) });
  await bytes.write(
    new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
  );
  await new Response(bytes.readable).text();
  const connection = await take(4);
  const inTunnel = only(connection, "server", "tunnel");
  assert.equal(inTunnel.parentSpanId, only(connection, "server", "frontend TCP").spanId);
  for (const name of ["dial", "first-byte"]) {
    assert.equal(only(connection, "agent", name).parentSpanId, inTunnel.spanId);
  }
});

Deno.test("an agent makes no spans for a server that does not trace, nor a server for it", async () => {
  await using target = startTarget();
  for (const traced of ["server", "agent"] as const) {
    await using receiver = otlpReceiver();
    const envs = { server: {}, agent: {}, [traced]: receiver.env(traced) };
    await using both = await startBoth(envs, target.port);
    for (let i = 0; i < 2; i++) {
      assert.equal(await both.ask(both.ports.http, `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01`), 200);
    }
    both.server.kill("SIGTERM");
    both.agent.kill("SIGTERM");
    await Promise.all([both.server.status, both.agent.status]);
    const names = receiver.spans.map(({ service, name }) => `${service} ${name}`).sort();
    // The dial is told by an agent that makes no span of it.
    const own = ["dial", "frontend GET", "frontend GET", "tunnel", "tunnel"];
    assert.deepEqual(names, traced === "server" ? own.map((name) => `server ${name}`) : []);
  }
});
