import assert from "node:assert/strict";
import { parseAllowRule } from "../../lib/agent/allow.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { agentFor } from "./agent_for.ts";
import { FakeServer } from "./fake_server.ts";
import { Backend, deadAddress, EventLog, shout, testRuntime, until } from "./support.ts";
import { UdpPeer } from "../server/udp_peer.ts";

Deno.test("an agent registers and serves its default and its named targets", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text, `named=${backend.text}`]),
    connectionNum: 2,
  });
  await until("both connections", () => agent.connectionCount === 2);
  const host = await server.host();
  assert.equal(host.info.clusterName, "edge-a");
  assert.equal(host.info.hostName, "till-7");
  assert.equal(host.info.hello?.agentId, agent.agentId);
  assert.deepEqual(server.infos.map(({ hello }) => hello?.connectionId).sort(), [1, 2]);
  for (const target of ["", "named"]) {
    const stream = await host.open({ target }, "hello");
    assert.deepEqual(stream.answer, { status: "open" });
    stream.reader.write(" and more");
    stream.reader.duplex.end();
    await stream.reader.end();
    assert.equal(stream.reader.text, "HELLO AND MORE");
  }
  await until("no stream left", () => host.session.streamCount === 1);
});

Deno.test("an agent without a target serves its own page", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  await using _agent = await agentFor(runtime, [server.address]);
  const stream = await (await server.host()).open({}, "hello");
  assert.equal(await stream.reader.textWith("HELLO"), "HELLO");
});

Deno.test("an agent says who answers at an address that is no tunnel server's", async () => {
  using runtime = testRuntime();
  const log = new EventLog();
  await using other = new Backend(runtime, (connection) => {
    connection.attach({
      onData: () => connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")),
      onEnd: () => connection.close(),
      onDrain: () => {},
      onClose: () => {},
    });
  });
  await using _agent = await agentFor({ ...runtime, log }, [other.address]);
  await until("a failure", () => log.of("tunnel.failed").length > 0);
  assert.match(
    log.of("tunnel.failed")[0]!.message,
    /^Cannot connect to \S+: a web server answers there, no tunnel server: name the server's --tunnel/,
  );
});

Deno.test("an agent answers why a stream cannot be opened, and ends it", async () => {
  using runtime = testRuntime();
  const { port } = await deadAddress(runtime);
  await using server = new FakeServer(runtime);
  await using _agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([`127.0.0.1:${port}`]),
    allow: [parseAllowRule(`127.0.0.1:${port}`)],
  });
  const host = await server.host();
  const cases: [Parameters<typeof host.open>[0], string, RegExp][] = [
    [{}, "refused", /connection refused/],
    [{ target: "nope" }, "noTarget", /no target of that name/],
    [{ destination: `127.0.0.1:${port}` }, "refused", /connection refused/],
    [{ destination: "127.0.0.1:1" }, "notAllowed", /--allow/],
    [{ network: "udp" }, "noTarget", /takes no datagrams/],
    [{ network: "udp", destination: `127.0.0.1:${port}` }, "notAllowed", /targets only/],
    [{ network: "sctp" }, "noTarget", /knows no such network/],
    [{ kind: "what" }, "noTarget", /kind/],
  ];
  for (const [preface, status, reason] of cases) {
    const stream = await host.open(preface, "bytes that nobody gets");
    assert.equal(stream.answer?.status, status);
    assert.match(stream.answer?.reason ?? "", reason);
    await stream.reader.closed();
    assert.equal(stream.reader.closeError, undefined);
  }
  assert.equal(host.session.streamCount, 1);
});

Deno.test("an agent keeps half-closed streams open in the other direction", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, (connection) => {
    let text = "";
    connection.attach({
      onData: (bytes) => text += new TextDecoder().decode(bytes),
      onEnd: () => {
        connection.write(new TextEncoder().encode(`got ${text}`));
        connection.end();
      },
      onDrain: () => {},
      onClose: () => {},
    });
  });
  await using server = new FakeServer(runtime);
  await using _agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
  });
  const host = await server.host();
  const stream = host.start({}, "everything");
  stream.reader.duplex.end();
  await stream.reader.closed();
  assert.equal(stream.reader.text, "got everything");
});

Deno.test("an agent gives up a dial whose stream was reset", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using _agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
  });
  const host = await server.host();
  for (let i = 0; i < 50; i++) host.start({}, "x").reader.duplex.close();
  await host.session.ping();
  await until(
    "backend connections to be gone",
    () => backend.connections.every(({ isClosed }) => isClosed),
  );
  assert.equal(host.session.streamCount, 1);
});

Deno.test("an agent dials again when the server is gone, and comes back", async () => {
  using runtime = testRuntime();
  const first = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [first.address], { connectionNum: 2 });
  await until("connections", () => agent.connectionCount === 2);
  const { port } = first.address;
  await first[Symbol.asyncDispose]();
  await until("loss", () => agent.connectionCount === 0);
  await using second = new FakeServer(runtime, { port });
  await until("return", () => second.live.length === 2);
});

Deno.test("an agent dials a replacement when the server goes away, and work in flight ends", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
  });
  const host = await server.host();
  const stream = await host.open({}, "one");
  host.session.goAway();
  const replacement = await server.host(1);
  assert.ok(!host.isClosed);
  stream.reader.write(" two");
  assert.equal(await stream.reader.textWith("TWO"), "ONE TWO");
  stream.reader.duplex.end();
  await until(
    "the old connection's end on both sides",
    () => host.isClosed && agent.connectionCount === 1,
  );
  assert.ok(!replacement.isClosed);
});

Deno.test("an agent waits as the server asks before it dials a replacement", async () => {
  using runtime = testRuntime();
  const log = new EventLog();
  await using server = new FakeServer(runtime);
  await using agent = await agentFor({ ...runtime, log }, [server.address]);
  const host = await server.host();
  await until("control stream", () => host.control !== undefined);
  host.send({ type: "retryAfter", retryAfterMs: 60_000, reason: "restart" });
  host.session.goAway();
  await until("leave", () => log.of("tunnel.replaced").length === 1);
  const waitMs = log.of("tunnel.replaced")[0]!.fields["retry_in_ms"];
  assert.ok(Number(waitMs) >= 60_000);
  await until("the end of the old one", () => agent.connectionCount === 0);
  assert.equal(server.infos.length, 1);
});

Deno.test("an agent dials a replacement when its server asks, and serves the old one till GoAway", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
  });
  const old = await server.host();
  await until("control stream", () => old.control !== undefined);
  server.hello.serverId = "fake-2";
  old.send({ type: "drain", state: "draining", reason: "a new version takes over" });
  const next = await server.host(1);
  await until("both connections", () => agent.connectionCount === 2);
  // What the old server still gets, it passes on.
  for (const host of [old, next]) {
    const stream = await host.open({}, "served");
    assert.equal(await stream.reader.textWith("SERVED"), "SERVED");
    stream.reader.duplex.end();
  }
  assert.ok(!old.isClosed);
  old.session.goAway();
  await until("the end of the old one", () => old.isClosed && agent.connectionCount === 1);
  assert.ok(!next.isClosed);
});

Deno.test("an agent that closes tells the server, and lets work in flight end", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
  });
  const host = await server.host();
  const stream = await host.open({}, "one");
  const closed = agent.close();
  await until("drain", () => host.messages.some(({ type }) => type === "drain"));
  // A stream that the server opened before it knew is served like any other.
  const late = await host.open({}, "late");
  assert.equal(await late.reader.textWith("LATE"), "LATE");
  late.reader.duplex.end();
  stream.reader.write(" two");
  assert.equal(await stream.reader.textWith("TWO"), "ONE TWO");
  assert.ok(!host.isClosed);
  stream.reader.duplex.end();
  await closed;
  assert.deepEqual(await agent.ended, { reason: "closed" });
  await until("the server to see it", () => host.isClosed);
});

Deno.test("an agent that closes cuts off what does not end by its drain timeout", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
    drainTimeoutMs: 20,
  });
  const stream = await (await server.host()).open({}, "one");
  await agent.close();
  await stream.reader.closed();
});

Deno.test("an agent that closes ends datagrams at rest, and no others", async () => {
  using runtime = testRuntime();
  await using target = new UdpPeer((text) => text.toUpperCase());
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([`udp://127.0.0.1:${target.port}`]),
    drainTimeoutMs: 600_000,
  });
  const host = await server.host();
  const resting = await host.open({ network: "udp" }, "\0\x04rest");
  const busy = await host.open({ network: "udp" }, "\0\x04busy");
  await resting.reader.textWith("REST");
  await busy.reader.textWith("BUSY");
  const closed = agent.close();
  await until("the end of the one", () => {
    busy.reader.write("\0\x04more");
    return resting.reader.hasEnded;
  });
  assert.equal(busy.reader.hasEnded, false);
  busy.reader.write("\0\x04last");
  await busy.reader.textWith("LAST");
  resting.reader.duplex.end();
  await busy.reader.end();
  busy.reader.duplex.end();
  await closed;
});

Deno.test("an agent that every server refuses for good ends with the reason", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime, { status: 2, hello: { reason: "token expired" } });
  await using agent = await agentFor(runtime, [server.address], { connectionNum: 2 });
  const end = await agent.ended;
  assert.equal(end.reason, "refused");
  assert.match(end.error?.message ?? "", /authentication failed \(token expired\)/);
});

Deno.test("an agent out of connect_retry_times ends with the last failure", async () => {
  using runtime = testRuntime();
  const address = await deadAddress(runtime);
  await using agent = await agentFor(runtime, [address], { connectRetryTimes: 1 });
  const end = await agent.ended;
  assert.equal(end.reason, "givenUp");
  assert.match(end.error?.message ?? "", /connection refused/);
});

Deno.test("an agent that is switched off ends at once and dials nobody", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], { isEnabled: false });
  assert.equal((await agent.ended).reason, "disabled");
  assert.equal(server.infos.length, 0);
});

Deno.test("an agent tells a new weight, and weight 0 as soon as it is registered", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  await using agent = await agentFor(runtime, [server.address], { weight: 0 });
  const host = await server.host();
  const weights = () =>
    host.messages.flatMap((message) => message.type === "adjustWeight" ? [message] : []);
  await until("weight 0", () => weights().length === 1);
  assert.equal(host.info.weight, 1);
  assert.deepEqual(weights()[0], {
    type: "adjustWeight",
    clusterName: "edge-a",
    hostName: "till-7",
    weight: 0,
  });
  agent.setWeight(40);
  await until("weight 40", () => weights().length === 2);
  assert.equal(weights()[1]!.weight, 40);
  host.socket.close();
  assert.equal((await server.host(1)).info.weight, 40);
});

Deno.test("an agent bears garbage on the control stream and streams without a preface", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using _agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([backend.text]),
  });
  const host = await server.host();
  await until("control stream", () => host.control !== undefined);
  host.control!.write(new TextEncoder().encode("garbage"));
  const bad = host.session.open(new Uint8Array([0xff, 0xff, 1]));
  const worse = host.session.open(new TextEncoder().encode("\0\x05{bad}"));
  await until("their resets", () => bad.isClosed && worse.isClosed && host.control!.isClosed);
  const stream = await host.open({}, "still here");
  assert.equal(await stream.reader.textWith("HERE"), "STILL HERE");
});

Deno.test("an agent stays where a server closes without an answer, and tries again", async () => {
  using runtime = testRuntime();
  let count = 0;
  await using backend = new Backend(runtime, (connection) => {
    count += 1;
    connection.close();
  });
  await using _agent = await agentFor(runtime, [backend.address]);
  await until("three tries", () => count >= 3);
});

Deno.test("an agent gives up on a server that connects and says nothing", async () => {
  using runtime = testRuntime();
  const log = new EventLog();
  await using backend = new Backend(runtime, (connection) => {
    connection.attach({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} });
  });
  await using _agent = await agentFor({ ...runtime, log }, [backend.address], {
    connectTimeoutMs: 30,
  });
  await until("failure", () => log.of("tunnel.failed").length > 0);
  assert.match(log.of("tunnel.failed")[0]!.message, /not answered in time/);
  await until("another try", () => backend.connections.length >= 2);
});

Deno.test("an agent drains one connection alone when a server leaves its list", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using one = new FakeServer(runtime, { hello: { serverId: "one" } });
  await using other = new FakeServer(runtime, { hello: { serverId: "other" } });
  await using agent = await agentFor(runtime, [one.address, other.address], {
    targets: parseTargets([backend.text]),
  });
  const leaving = await one.host();
  const staying = await other.host();
  const stream = await leaving.open({}, "one");
  agent.apply({ ...agent.config, servers: [other.address] });
  await until("GoAway", () => !leaving.session.isOpen);
  stream.reader.write(" two");
  assert.equal(await stream.reader.textWith("TWO"), "ONE TWO");
  stream.reader.duplex.end();
  await until("its end", () => leaving.isClosed);
  assert.ok(!leaving.messages.some(({ type }) => type === "drain"));
  assert.ok(!staying.isClosed);
});

Deno.test("an agent tells a target that asked for it who its client is", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new FakeServer(runtime);
  await using _agent = await agentFor(runtime, [server.address], {
    targets: parseTargets([`web=tcp://${backend.text}?proxy_protocol=v1`]),
  });
  const host = await server.host();
  assert.deepEqual(host.info.hello?.targets, { web: { proxyProtocol: "v1" } });
  const stream = await host.open({ target: "web", source: "192.0.2.1:5000" }, "hello");
  assert.equal(
    await stream.reader.textWith("HELLO"),
    `PROXY TCP4 192.0.2.1 127.0.0.1 5000 ${backend.address.port}\r\nHELLO`,
  );
});

Deno.test("an agent's own page says who it is", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const { startAgent } = await import("../../lib/agent/agent.ts");
  const { agentConfig } = await import("../../lib/agent/config.ts");
  const agent = await startAgent(
    agentConfig({ cluster: "edge-a", hostName: "till-7", servers: [server.address] }),
    runtime,
    { software: "revtun/test" },
  );
  const stream = await (await server.host()).open({}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const text = await stream.reader.textWith("--target");
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  for (const part of ["till-7", "edge-a", "revtun/test"]) assert.ok(text.includes(part), part);
  stream.reader.duplex.end();
  await stream.reader.closed();
  await agent.close();
});
