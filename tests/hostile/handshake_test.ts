/** Strangers at a real server's tunnel port who do not get as far as a session. */
import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import { until } from "../agent/support.ts";
import { claim, handshake } from "./claimant.ts";
import { tunnelWorld } from "./tunnel_world.ts";

const INIT_TIMEOUT_MS = 400;

/** Reads until the server closes; gives what it said before. */
async function lastWords(conn: Deno.TcpConn): Promise<Uint8Array> {
  const words: number[] = [];
  const buffer = new Uint8Array(1024);
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return Uint8Array.from(words);
    words.push(...buffer.subarray(0, count));
  }
}

const ascii = (text: string) => new TextEncoder().encode(text);

Deno.test("what is no tunnel protocol is closed at once, unanswered, in one line for its address", async () => {
  await using world = await tunnelWorld({ initTimeoutMs: 60_000 });
  const garbage: Uint8Array[] = [
    ascii("GE"),
    ascii("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01),
    Uint8Array.of(0x20, 0x89),
    Uint8Array.of(0x20, 0x88, 9),
    Uint8Array.of(0x20, 0x88, 1, 99),
    // An answer is nothing that a peer may say here.
    Uint8Array.of(0x20, 0x88, 1, 2, 2, 0, 0, 12, ...ascii('{"status":1}')),
    Uint8Array.of(0x20, 0x88, 1, 1, 1, 0, 0, 4, ...ascii("nope")),
    Uint8Array.of(0x20, 0x88, 1, 1, 1, 0, 0, 2, ...ascii("[]")),
    Uint8Array.of(0x20, 0x88, 1, 1, 1, 0, 0, 0),
    // The largest payload there is, and none of it JSON.
    Uint8Array.of(0x20, 0x88, 1, 1, 1, 0, 0xff, 0xff, ...new Uint8Array(65_535)),
    Uint8Array.of(0x20, 0x88, 1, 1, 1, 0, 0xff, 0xff, ...ascii("[".repeat(65_535))),
  ];
  for (const bytes of garbage) {
    using conn = await world.connect();
    await conn.write(bytes);
    assert.deepEqual(await lastWords(conn), new Uint8Array(0), `${bytes.slice(0, 8)}`);
  }
  assert.equal(world.server.stats.handshakesRefused["garbage"], garbage.length);
  const lines = world.log.events.filter(({ level }) => level === "warn" || level === "error");
  assert.deepEqual(lines.map(({ event }) => event), ["tunnel.garbage"]);
  await world.assertUntouched();
});

Deno.test("a handshake may come cut at any byte", async () => {
  await using world = await tunnelWorld();
  const bytes = handshake({ clusterName: "cut" });
  for (let at = 1; at < bytes.length; at++) {
    using conn = await world.connect();
    conn.setNoDelay(true);
    await conn.write(bytes.subarray(0, at));
    await until("the first part", () => world.server.gauges.handshakes === 1);
    await conn.write(bytes.subarray(at));
    const answer = new Uint8Array(8);
    assert.equal(await conn.read(answer), 8, `cut at ${at}`);
    assert.deepEqual([...answer.subarray(0, 4)], [0x20, 0x88, 1, 2]);
    conn.close();
    await until("its end", () => world.server.gauges.tunnels === 1);
  }
  await world.assertUntouched();
});

Deno.test("silence and a byte at a time both end at the handshake's deadline", async () => {
  await using world = await tunnelWorld({ initTimeoutMs: INIT_TIMEOUT_MS });
  using silent = await world.connect();
  using slow = await world.connect();
  const bytes = handshake({ clusterName: "slow" });
  let at = 0;
  const drip = setInterval(() => {
    slow.write(bytes.subarray(at, ++at)).catch(() => {});
  }, 20);
  try {
    assert.equal((await lastWords(silent)).length, 0);
    assert.equal((await lastWords(slow)).length, 0);
  } finally {
    clearInterval(drip);
  }
  assert.ok(at > 1 && at < bytes.length, `${at} of ${bytes.length} bytes`);
  assert.equal(world.server.stats.handshakesRefused["timeout"], 2);
  await world.assertUntouched();
});

Deno.test("200 silent peers keep nobody out, and those beyond the limit are closed at once", async () => {
  await using world = await tunnelWorld({ initTimeoutMs: 60_000, maxHandshakesPerAddress: 202 });
  const { server } = world;
  const silent = await Promise.all(Array.from({ length: 200 }, () => world.connect()));
  try {
    await until("all of them", () => server.gauges.handshakes === 200);
    const answer = await claim(`127.0.0.1:${world.port}`, { clusterName: "good" });
    assert.equal(answer.status, 1);
    // None of them had to go for it.
    assert.equal(server.gauges.handshakes, 200);
    silent.push(await world.connect(), await world.connect());
    await until("two more", () => server.gauges.handshakes === 202);
    using surplus = await world.connect();
    assert.equal((await lastWords(surplus)).length, 0);
    assert.equal(server.stats.handshakesRefused["overload"], 1);
  } finally {
    for (const conn of silent) conn.close();
  }
  await world.assertUntouched();
});

Deno.test("peers that leave in the middle of anything leave nothing behind", async () => {
  await using world = await tunnelWorld();
  const bytes = handshake({ clusterName: "left" });
  for (const size of [0, 1, 7, 8, 9, bytes.length - 1, bytes.length]) {
    using conn = await world.connect();
    await conn.write(bytes.subarray(0, size));
  }
  await until("their end", () => world.server.gauges.handshakes === 0);
  await world.assertUntouched();
});

Deno.test("who says farewell time and again is closed, and heard no more", async () => {
  await using world = await tunnelWorld({ initTimeoutMs: 60_000 });
  using conn = await world.connect();
  const addresses = ["127.0.0.1:1"];
  const farewell = encodeMessage({ type: "gracefulClose", clusterName: "edge-a", addresses });
  const many = new Uint8Array(farewell.length * 1000);
  for (let at = 0; at < many.length; at += farewell.length) many.set(farewell, at);
  await conn.write(many).catch(() => 0);
  assert.equal((await lastWords(conn)).length, 0);
  assert.equal(world.server.stats.gracefulClosesIgnored, 16);
  assert.equal(world.server.stats.handshakesRefused["garbage"], 1);
  await world.assertUntouched();
});
