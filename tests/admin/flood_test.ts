/** Connections to the admin endpoint that cost it much and themselves little, on real sockets. */
import assert from "node:assert/strict";
import { Secret } from "../../lib/secret.ts";
import { TestClient } from "../server/frontend_rig.ts";
import { adminRig } from "./rig.ts";
import type { AdminRig } from "./rig.ts";

const SHORT = { headTimeoutMs: 200, requestTimeoutMs: 400, idleTimeoutMs: 200 };
const HEAD = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
const POST = "POST /api/v1/log-level HTTP/1.1\r\nHost: localhost\r\n" +
  "Content-Type: application/json\r\nContent-Length: ";

function connect(rig: AdminRig): Promise<TestClient> {
  return TestClient.connect(new URL(rig.url).host);
}

Deno.test("the admin endpoint has so many connections, and none for who says nothing", async () => {
  await using rig = await adminRig({ limits: { ...SHORT, maxConnections: 4 } });
  using silent = await connect(rig);
  using slowHead = await connect(rig);
  using slowBody = await connect(rig);
  using resting = await connect(rig);
  await slowHead.send(HEAD);
  await slowBody.send(`${POST}100\r\n\r\n{`);
  await resting.send(`${HEAD}\r\n`);
  await resting.readUntil("}\n");
  using late = await connect(rig);
  assert.deepEqual([...await late.rest()], []);
  const [full] = rig.events.latest(100).filter(({ event }) => event === "admin.full");
  assert.equal(full?.level, "warn");

  for (const client of [silent, slowHead, slowBody]) {
    assert.match(await client.restText(), /^HTTP\/1\.1 408 /);
  }
  assert.equal(await resting.restText(), "");
  using welcome = await connect(rig);
  await welcome.send(`${HEAD}Connection: close\r\n\r\n`);
  assert.match(await welcome.restText(), /^HTTP\/1\.1 200 /);
  assert.deepEqual(rig.events.latest(100).filter(({ level }) => level === "error"), []);
});

Deno.test("an answer that nobody reads is given up, and its connection with it", async () => {
  await using rig = await adminRig({
    limits: { ...SHORT, stallTimeoutMs: 200, maxConnections: 1 },
  });
  using stuck = await connect(rig);
  const ask = new TextEncoder().encode(`GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const many = new Uint8Array(ask.length * 2000);
  for (let at = 0; at < many.length; at += ask.length) many.set(ask, at);
  const sent = stuck.send(many).catch(() => {});
  for (let isIn = false; !isIn;) {
    using next = await connect(rig);
    await next.send(`${HEAD}Connection: close\r\n\r\n`).catch(() => {});
    isIn = (await next.restText()).startsWith("HTTP/1.1 200 ");
  }
  await sent;
});

Deno.test("a body that is too large is refused with the reason, and read no further", async () => {
  await using rig = await adminRig();
  using client = await connect(rig);
  const sent = client.send(`${POST}1000000000\r\n\r\n${" ".repeat(20_000)}`);
  assert.match(await client.restText(), /^HTTP\/1\.1 413 [^]*The body is over 16384 bytes/);
  await sent.catch(() => {});
});

Deno.test("of who has no token no body is read", async () => {
  await using rig = await adminRig({ token: new Secret("hunter2") });
  using client = await connect(rig);
  await client.send(`${POST}1000000000\r\n\r\n`);
  assert.match(await client.restText(), /^HTTP\/1\.1 401 /);
});
