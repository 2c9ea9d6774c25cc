/** A peer that breaks the protocol ends its session with the right GoAway, one log line, no leak. */
import assert from "node:assert/strict";
import { FLAG, FRAME_TYPE, GO_AWAY } from "../../lib/codec/yamux.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import { Session } from "../../lib/mux/session.ts";
import { BREACHES, PAUSED_BREACHES } from "./breaches.ts";
import { Collector, pattern, Rig, until, WirePeer } from "./rig.ts";

const { data, windowUpdate, ping, goAway } = FRAME_TYPE;
const { syn, ack, fin, rst } = FLAG;

for (const [name, breach] of Object.entries({ ...BREACHES, ...PAUSED_BREACHES })) {
  Deno.test(`${name} ends the session with GoAway 1`, async () => {
    const rig = new Rig();
    const [a, b] = memoryPair();
    const collectors: Collector[] = [];
    const options = rig.options("listener", (stream) => {
      const collector = new Collector();
      collectors.push(collector);
      stream.pause();
      stream.attach(collector);
    });
    const session = new Session(b, options);
    const peer = new WirePeer(a);
    breach(peer, 1);
    const frame = await peer.until(({ type }) => type === goAway);
    assert.equal(frame.value, GO_AWAY.protocolError);
    assert.match(String(await options.closed), /broke the protocol/);
    assert.equal(rig.warnings.length, 1);
    assert.equal(session.streamCount, 0);
    for (const collector of collectors) assert.equal(collector.isClosed, true);
    await peer.closed;
    rig.close();
  });
}

Deno.test("ping answers do not pile up for a peer that does not read (CVE-2024-32984)", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = rig.options("listener");
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  peer.pause();
  peer.flood(10_000, (i) => [ping, syn, 0, i]);
  await options.closed;
  assert.ok(session.outbox.sentBytes < 4096, `${session.outbox.sentBytes} bytes of answers`);
  a.close();
  rig.close();
});

Deno.test("answers to openings do not pile up for a peer that does not read", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = { ...rig.options("listener"), maxPeerStreams: 1 };
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  peer.pause();
  for (let round = 0; round < 20; round++) {
    peer.flood(10_000, (i) => [windowUpdate, syn, 2 * (round * 10_000 + i) + 1, 0]);
  }
  assert.match(String(await options.closed), /does not read them/);
  assert.ok(session.outbox.controlBytes < 2 << 20, `${session.outbox.controlBytes} bytes`);
  assert.equal(rig.warnings.length, 1);
  a.close();
  rig.close();
});

Deno.test("openings that overtake each other, as those of Go's goroutines do, are no breach", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = rig.options("listener", (stream) => stream.attach(new Collector()));
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  for (const id of [1, 9, 7, 3, 11, 5]) peer.frame(data, syn, id, 3, pattern(3));
  await peer.until(({ id, flags }) => id === 5 && flags === ack);
  assert.equal(session.streamCount, 6);
  session.close();
  await options.closed;
  rig.close();
});

Deno.test("streams that are reset after an answer are no flood, however many", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = rig.options("listener", (stream) => {
    stream.attach(new Collector());
    stream.write(pattern(1));
  });
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  for (let round = 0; round < 30; round++) {
    const first = round * 1000;
    peer.flood(2000, (i) => [windowUpdate, i % 2 === 0 ? syn : rst, 2 * (first + (i >> 1)) + 1, 0]);
    peer.frame(ping, syn, 0, round);
    await peer.until(({ type, flags, value }) => type === ping && flags === ack && value === round);
    peer.frames.length = 0;
  }
  assert.equal(session.openedStreams, 30_000);
  assert.equal(session.isOpen, true);
  session.close();
  await options.closed;
  rig.close();
});

Deno.test("frames for a stream closed a moment ago are no breach", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = rig.options("listener", (stream) => {
    stream.attach(new Collector());
    stream.close();
  });
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  peer.frame(data, syn, 1, 3, pattern(3));
  await peer.until(({ id, flags }) => id === 1 && (flags & rst) !== 0);
  peer.frame(data, 0, 1, 100_000, pattern(100_000));
  peer.frame(windowUpdate, fin, 1, 0);
  peer.frame(windowUpdate, rst, 1, 0);
  peer.frame(ping, syn, 0, 77);
  await peer.until(({ type, flags, value }) => type === ping && flags === ack && value === 77);
  assert.equal(session.isOpen, true);
  session.close();
  await options.closed;
  rig.close();
});

Deno.test("the end of the connection within a frame is told from one between frames", async () => {
  for (const [isCut, bytes] of [[true, [0, 0, 0]], [false, []]] as const) {
    const rig = new Rig();
    const [a, b] = memoryPair();
    const options = rig.options("listener");
    new Session(b, options);
    const peer = new WirePeer(a);
    peer.raw(new Uint8Array(bytes));
    peer.end();
    const error = await options.closed;
    assert.equal(error !== undefined, isCut, String(error));
    rig.close();
  }
});

Deno.test("a silent peer is pinged and then taken for dead", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = { ...rig.options("listener"), keepalive: { intervalMs: 60, timeoutMs: 60 } };
  new Session(b, options);
  const peer = new WirePeer(a);
  assert.match(String(await options.closed), /silent/);
  assert.ok(peer.frames.filter(({ type }) => type === ping).length >= 2);
  rig.close();
});

Deno.test("a peer that is doubted is dead unless it says something", async () => {
  for (const isAlive of [true, false]) {
    const rig = new Rig();
    let nowMs = 0;
    const [a, b] = memoryPair();
    const options = {
      ...rig.options("listener"),
      runtime: { ...rig.runtime, nowMs: () => nowMs },
      keepalive: { intervalMs: 0, timeoutMs: 0 },
    };
    const session = new Session(b, options);
    const peer = new WirePeer(a);
    await peer.until(({ type }) => type === ping);
    session.doubt(10);
    assert.equal(session.isInDoubt, false, "one that was heard just now is not doubted");
    nowMs = 5000;
    session.doubt(10);
    assert.equal(session.isInDoubt, true);
    const pinged = peer.frames.filter(({ type }) => type === ping).length;
    await peer.until(() => peer.frames.filter(({ type }) => type === ping).length > pinged);
    nowMs = 5005;
    if (isAlive) {
      peer.frame(ping, ack, 0, 1);
      await until(() => !session.isInDoubt);
      nowMs = 6000;
      session.close();
    } else {
      nowMs = 6000;
    }
    const error = await options.closed;
    assert.equal(/silent/.test(String(error)), !isAlive, String(error));
    rig.close();
  }
});

Deno.test("more peer streams than allowed are reset, the others live", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = {
    ...rig.options("listener", (stream) => stream.attach(new Collector())),
    maxPeerStreams: 2,
  };
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  for (const id of [1, 3, 5]) peer.frame(data, syn, id, 3, pattern(3));
  await peer.until(({ id, flags }) => id === 5 && flags === rst);
  assert.equal(session.streamCount, 2);
  session.close();
  await options.closed;
  rig.close();
});
