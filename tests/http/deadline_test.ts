import assert from "node:assert/strict";
import { settle, until, World } from "./support.ts";

const GET = "GET / HTTP/1.1\r\nHost: edge-a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Deno.test("A head that comes too slowly is answered with 408", async () => {
  using world = new World();
  const client = world.connect();
  for (const byte of "GET / HTTP/1.1\r\nHost:") {
    client.write(byte);
    await world.advance(1000);
  }
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 408"));
  assert.equal(world.records[0]?.code, "request-timeout");
});

Deno.test("A client that asks for nothing is closed without a word", async () => {
  using world = new World();
  const fresh = world.connect();
  const used = world.connect();
  used.write(GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write(OK);
  await used.read(OK);
  await world.advance(74_000);
  assert.equal(used.hasEnded, false);
  await world.advance(2_000);
  assert.ok(fresh.hasEnded && used.hasEnded);
  assert.equal(fresh.received + used.received, "");
  await world.advance(6_000);
  assert.ok(fresh.isClosed && used.isClosed);
});

Deno.test("A target that does not answer is given up with 504", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  await world.advance(59_000);
  assert.equal(client.received, "");
  await world.advance(2_000);
  const answer = await client.read("\r\n\r\n");
  assert.ok(answer.startsWith("HTTP/1.1 504") && answer.includes("answer-timeout"), answer);
  assert.equal(world.upstreams.streams[0]!.releasedAs, false);
});

Deno.test("A body that stops coming is answered with 408, one that drips is not", async () => {
  using world = new World();
  const client = world.connect();
  client.write("POST / HTTP/1.1\r\nHost: edge-a\r\nContent-Length: 9\r\n\r\n");
  await (await world.stream(0)).read("\r\n\r\n");
  for (let i = 0; i < 5; i++) {
    client.write("x");
    await world.advance(50_000);
  }
  assert.equal(client.received, "");
  await world.advance(61_000);
  await world.advance(61_000);
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 408"));
  await until(() => world.upstreams.streams[0]!.releasedAs === false);
});

Deno.test("A target that reads nothing of a body is given up with 504", async () => {
  using world = new World();
  const client = world.connect();
  client.write("POST / HTTP/1.1\r\nHost: edge-a\r\nContent-Length: 1000000\r\n\r\n");
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.duplex.pause();
  for (let i = 0; i < 20; i++) {
    client.write("x".repeat(10_000));
    await settle();
  }
  await world.advance(61_000);
  await world.advance(61_000);
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 504"));
});

Deno.test("An answer that stops is broken off after the idle time", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  for (let i = 0; i < 4; i++) {
    target.write("data: x\n\n");
    await world.advance(250_000);
  }
  assert.equal(client.isClosed, false);
  await world.advance(301_000);
  await world.advance(301_000);
  assert.ok(client.isClosed && target.isClosed);
  assert.equal(world.frontend.connectionCount, 0);
});

Deno.test("An upgraded stream at rest is closed after the idle time", async () => {
  using world = new World();
  const client = world.connect();
  client.write("GET / HTTP/1.1\r\nHost: edge-a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
  await client.read("\r\n\r\n");
  client.write("ping");
  await world.advance(301_000);
  assert.equal(client.isClosed, false);
  await world.advance(301_000);
  assert.ok(client.isClosed && target.isClosed);
});

Deno.test("A client that ended its side is waited for, but not for long", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET);
  client.duplex.end();
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  await world.advance(11_000);
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 504"));
  await until(() => target.isClosed && client.isClosed);
});

Deno.test("A client that ended its side gets its answer as long as that flows", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  client.duplex.end();
  for (let i = 0; i < 4; i++) {
    await world.advance(9_000);
    target.write("event");
    await client.read("event");
  }
  await world.advance(11_000);
  await world.advance(11_000);
  assert.ok(target.isClosed);
  assert.ok(client.isClosed);
});
