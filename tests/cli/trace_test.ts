/** Spans of a server and what targets are told of them, seen by a receiver of OTLP on loopback. */
import assert from "node:assert/strict";
import { until } from "../agent/support.ts";
import { otlpReceiver } from "./otlp_receiver.ts";
import { spawnCli } from "./spawn_cli.ts";

const CLIENT_TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN = "b7ad6b7169203331";

Deno.test("a server's spans have the client's as parent, and the target's go on from them", async () => {
  await using receiver = otlpReceiver();
  const told: (string | null)[] = [];
  const target = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    told.push(request.headers.get("traceparent"));
    return new Response("hello");
  });
  await using server = spawnCli([
    ...["server", "--tunnel", "127.0.0.1:0", "--listen", "127.0.0.1:0/edge-a"],
    ...["--listen", "tcp://127.0.0.1:0/edge-a", "--listen", "127.0.0.1:0/edge-a/dead"],
  ], { env: receiver.env("revtun") });
  const [, tunnel] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
  const ports: string[] = [];
  for (
    const pattern of [
      /event=frontend\.listening .*http:\/\/127\.0\.0\.1:(\d+)\/edge-a"?$/m,
      /event=frontend\.listening .*tcp:\/\/127\.0\.0\.1:(\d+)/,
      /event=frontend\.listening .*http:\/\/127\.0\.0\.1:(\d+)\/edge-a\/dead/,
    ]
  ) ports.push((await server.printed(pattern))[1]!);
  await using _agent = spawnCli([
    ...["agent", "--server", tunnel!, "--cluster", "edge-a", "--host-name", "till-7"],
    ...["--target", `127.0.0.1:${target.addr.port}`, "--target", "dead=127.0.0.1:1"],
  ]);
  await server.printed(/event=tunnel\.registered/);
  const ask = async (port: string, traceparent?: string) => {
    const headers = traceparent === undefined ? {} : { traceparent };
    const response = await fetch(`http://127.0.0.1:${port}/a/b?c=1`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  const spans = (name: string) => receiver.spans.filter((span) => span.name === name);

  assert.equal(await ask(ports[0]!, `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01`), 200);
  await until("three spans", () => receiver.spans.length >= 3, 30_000);
  const [frontend] = spans("frontend GET");
  const [inTunnel] = spans("tunnel");
  const [dial] = spans("dial");
  assert.ok(frontend && inTunnel && dial, JSON.stringify(receiver.spans));
  assert.deepEqual(receiver.spans.map(({ traceId }) => traceId), Array(3).fill(CLIENT_TRACE));
  assert.deepEqual([frontend.parentSpanId, inTunnel.parentSpanId, dial.parentSpanId], [
    CLIENT_SPAN,
    frontend.spanId,
    inTunnel.spanId,
  ]);
  assert.equal(told[0], `00-${CLIENT_TRACE}-${inTunnel.spanId}-01`);
  for (const [outer, inner] of [[frontend, inTunnel], [inTunnel, dial]] as const) {
    assert.ok(outer.startMs <= inner.startMs + 0.01 && inner.endMs <= outer.endMs + 0.01);
  }
  assert.ok(Math.abs(frontend.startMs - Date.now()) < 120_000);
  const { attributes } = frontend;
  assert.equal(attributes["http.request.method"], "GET");
  assert.equal(attributes["url.path"], "/a/b");
  assert.equal(attributes["url.query"], "c=1");
  assert.equal(Number(attributes["http.response.status_code"]), 200);
  assert.equal(attributes["client.address"], "127.0.0.1");
  for (const span of [frontend, inTunnel]) {
    assert.equal(span.attributes["revtun.cluster"], "edge-a");
    assert.equal(span.attributes["revtun.host"], "till-7");
  }

  // A client that wants none of its trace has none, and the target is told what it said.
  const unsampled = `00-${CLIENT_TRACE}-${CLIENT_SPAN}-00`;
  await ask(ports[0]!, unsampled);
  assert.equal(told[1], unsampled);
  // What is no traceparent starts a trace of our own.
  await ask(ports[0]!, "what is this");
  await until("a trace of our own", () => spans("frontend GET").length === 2, 30_000);
  const own = spans("frontend GET")[1]!;
  assert.notEqual(own.traceId, CLIENT_TRACE);
  assert.match(told[2]!, new RegExp(`^00-${own.traceId}-[0-9a-f]{16}-01$`));

  assert.equal(await ask(ports[2]!), 502);
  await until("the failure", () => spans("frontend GET").length === 3, 30_000);
  const failed = spans("frontend GET")[2]!;
  assert.deepEqual([failed.isError, failed.attributes["error.type"]], [true, "target-refused"]);

  const bytes = await Deno.connect({ hostname: "127.0.0.1", port: Number(ports[1]) });
  await bytes.write(
    new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
  );
  await new Response(bytes.readable).text();
  await until("the connection", () => spans("frontend TCP").length === 1, 30_000);
  assert.equal(spans("frontend TCP")[0]!.attributes["revtun.host"], "till-7");
  await target.shutdown();
});

Deno.test("without OTEL_DENO nothing is exported, and traceparent passes as it came", async () => {
  await using receiver = otlpReceiver();
  const { OTEL_DENO: _, ...env } = receiver.env("revtun");
  const told: (string | null)[] = [];
  const target = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    told.push(request.headers.get("traceparent"));
    return new Response("hello");
  });
  await using server = spawnCli(
    ["server", "--tunnel", "127.0.0.1:0", "--listen", "127.0.0.1:0/edge-a"],
    { env },
  );
  const [, tunnel] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
  const [, port] = await server.printed(/event=frontend\.listening .*http:\/\/127\.0\.0\.1:(\d+)/);
  await using _agent = spawnCli([
    ...["agent", "--server", tunnel!, "--cluster", "edge-a"],
    ...["--target", `127.0.0.1:${target.addr.port}`],
  ]);
  await server.printed(/event=tunnel\.registered/);
  const traceparent = `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01`;
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { traceparent } });
  await response.body?.cancel();
  assert.deepEqual(told, [traceparent]);
  server.kill("SIGTERM");
  await server.status;
  assert.deepEqual(receiver.spans, []);
  await target.shutdown();
});

Deno.test("what is not sampled has no spans and no traceparent, a client's trace has its own way", async () => {
  const told: (string | null)[] = [];
  const target = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    told.push(request.headers.get("traceparent"));
    return new Response("hello");
  });
  const sampled = `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01`;
  const unsampled = `00-${CLIENT_TRACE}-${CLIENT_SPAN}-00`;
  for (
    const { args, env: extra } of [
      { args: ["--trace-sample", "0"], env: {} },
      { args: [], env: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio" } },
      // What others want to know of requests makes no spans.
      { args: ["--trace-sample", "0", "--access-log", "-"], env: {} },
    ]
  ) {
    await using receiver = otlpReceiver();
    const env = { ...receiver.env("revtun"), ...extra, OTEL_TRACES_SAMPLER_ARG: "0" };
    await using server = spawnCli(
      ["server", "--tunnel", "127.0.0.1:0", "--listen", "127.0.0.1:0/edge-a", ...args],
      { env },
    );
    const [, tunnel] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
    const [, port] = await server.printed(
      /event=frontend\.listening .*http:\/\/127\.0\.0\.1:(\d+)/,
    );
    await using _agent = spawnCli([
      ...["agent", "--server", tunnel!, "--cluster", "edge-a"],
      ...["--target", `127.0.0.1:${target.addr.port}`],
    ]);
    await server.printed(/event=tunnel\.registered/);
    told.splice(0);
    for (const traceparent of [undefined, unsampled, sampled]) {
      const headers = traceparent === undefined ? {} : { traceparent };
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
      await response.body?.cancel();
    }
    // One that revtun answers by itself.
    const broken = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    await broken.write(new TextEncoder().encode("GARBAGE\r\n\r\n"));
    await new Response(broken.readable).text();
    assert.deepEqual(told.slice(0, 2), [null, unsampled]);
    assert.match(told[2]!, new RegExp(`^00-${CLIENT_TRACE}-(?!${CLIENT_SPAN})[0-9a-f]{16}-01$`));
    server.kill("SIGTERM");
    await server.status;
    const names = receiver.spans.filter(({ name }) => name !== "dial").map(({ name }) => name);
    assert.deepEqual(names.sort(), ["frontend GET", "tunnel"]);
    assert.ok(receiver.spans.every(({ traceId }) => traceId === CLIENT_TRACE));
  }
  await target.shutdown();
});
