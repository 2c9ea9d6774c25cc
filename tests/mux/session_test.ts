import assert from "node:assert/strict";
import fc from "fast-check";
import { FLAG, FRAME_TYPE, GO_AWAY } from "../../lib/codec/yamux.ts";
import { ClosedError } from "../../lib/errors.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import { MemoryBudget } from "../../lib/mux/memory_budget.ts";
import { Session } from "../../lib/mux/session.ts";
import type { MuxStream } from "../../lib/mux/stream.ts";
import { Collector, pattern, pump, Rig, sessionPair, until, WirePeer } from "./rig.ts";

/** Sends back what comes. */
function echo(stream: MuxStream): void {
  stream.attach({
    onData(bytes, buffer) {
      if (!stream.write(bytes, buffer)) stream.pause();
    },
    onEnd: () => stream.end(),
    onDrain: () => stream.resume(),
    onClose() {},
  });
}

Deno.test("a stream carries bytes both ways and ends in order on both sides", async () => {
  const rig = new Rig();
  const { dialler, listener, closed } = sessionPair(rig, echo);
  for (const size of [0, 1, 16_383, 16_384, 100_000, 3_000_000]) {
    const sent = pattern(size, size);
    const stream = dialler.open();
    const got = new Collector();
    await Promise.all([pump(stream, sent, { pieceBytes: 70_000, collector: got }), got.ended]);
    assert.deepEqual(got.whole(), sent);
    assert.equal(await got.closed, undefined);
  }
  assert.equal(dialler.streamCount + listener.streamCount, 0);
  dialler.close();
  await closed;
  rig.close();
});

Deno.test("many streams at once: each keeps its own bytes in order, whatever the pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          size: fc.integer({ min: 0, max: 600_000 }),
          pieceBytes: fc.integer({ min: 500, max: 300_000 }),
          first: fc.integer({ min: 0, max: 2000 }),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      async (plans) => {
        const rig = new Rig();
        const { dialler, closed } = sessionPair(rig, echo);
        await Promise.all(plans.map(async ({ size, pieceBytes, first }, index) => {
          const head = pattern(first, 99 + index);
          const body = pattern(size, index + 1);
          const stream = dialler.open(head);
          const got = new Collector();
          await Promise.all([pump(stream, body, { pieceBytes, collector: got }), got.ended]);
          assert.deepEqual(got.whole(), new Uint8Array([...head, ...body]));
        }));
        dialler.close();
        await closed;
        rig.close();
      },
    ),
    { numRuns: 15 },
  );
});

Deno.test("any split of the wire's bytes gives the same streams", async () => {
  const wire: Uint8Array[] = [];
  const header = (type: number, flags: number, id: number, value: number, payload?: Uint8Array) => {
    const bytes = new Uint8Array(12 + (payload?.length ?? 0));
    bytes[1] = type;
    new DataView(bytes.buffer).setUint16(2, flags);
    new DataView(bytes.buffer).setUint32(4, id);
    new DataView(bytes.buffer).setUint32(8, value);
    if (payload !== undefined) bytes.set(payload, 12);
    wire.push(bytes);
  };
  const text = (value: string) => new TextEncoder().encode(value);
  header(FRAME_TYPE.data, FLAG.syn, 1, 5, text("hello"));
  header(FRAME_TYPE.windowUpdate, FLAG.syn, 3, 0);
  header(FRAME_TYPE.data, 0, 3, 3, text("abc"));
  header(FRAME_TYPE.ping, FLAG.syn, 0, 7);
  header(FRAME_TYPE.data, FLAG.fin, 1, 6, text(" world"));
  header(FRAME_TYPE.windowUpdate, FLAG.fin, 3, 0);
  const whole = new Uint8Array(wire.flatMap((bytes) => [...bytes]));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: whole.length - 1 }), { maxLength: 20 }),
      async (cuts) => {
        const rig = new Rig();
        const [a, b] = memoryPair();
        const got: Collector[] = [];
        const options = rig.options("listener", (stream) => {
          const collector = new Collector();
          got.push(collector);
          stream.attach(collector);
        });
        const session = new Session(b, options);
        const peer = new WirePeer(a);
        let from = 0;
        for (const cut of [...new Set(cuts)].sort((x, y) => x - y)) {
          peer.raw(whole.subarray(from, cut));
          from = cut;
        }
        peer.raw(whole.subarray(from));
        await peer.until((frame) =>
          frame.type === FRAME_TYPE.ping && frame.flags === FLAG.ack && frame.value === 7
        );
        await Promise.all(got.map((collector) => collector.ended));
        const texts = got.map((collector) => new TextDecoder().decode(collector.whole()));
        assert.deepEqual(texts, ["hello world", "abc"]);
        session.close();
        await options.closed;
        rig.close();
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("a paused reader stops its sender after one window, and no other stream", async () => {
  const rig = new Rig();
  const stalled: MuxStream[] = [];
  const { dialler, closed } = sessionPair(rig, (stream) => {
    if (stalled.length > 0) return echo(stream);
    stalled.push(stream);
    stream.pause();
    stream.attach(new Collector());
  });
  const stuck = dialler.open();
  void pump(stuck, pattern(4_000_000), { pieceBytes: 100_000 });
  await Promise.all(Array.from({ length: 50 }, async (_, index) => {
    const stream = dialler.open();
    const got = new Collector();
    const sent = pattern(300_000, index + 5);
    await Promise.all([pump(stream, sent, { collector: got }), got.ended]);
    assert.deepEqual(got.whole(), sent);
  }));
  assert.equal(stalled[0]!.receivedBytes, 256 << 10);
  assert.equal(stalled[0]!.unreadBytes, 256 << 10);
  assert.equal(rig.budget.unreadBytes, 256 << 10);
  dialler.close();
  await closed;
  rig.close();
});

Deno.test("a reset reaches the other side, and only that stream", async () => {
  const rig = new Rig();
  const peers: Collector[] = [];
  const { dialler, closed } = sessionPair(rig, (stream) => {
    const collector = new Collector();
    peers.push(collector);
    stream.attach(collector);
  });
  const doomed = dialler.open(pattern(10));
  const other = dialler.open(pattern(10));
  const mine = new Collector();
  doomed.attach(mine);
  other.attach(new Collector());
  doomed.close(new ClosedError("us", "enough"));
  assert.match(String(mine.closedBy), /enough/);
  other.write(pattern(5));
  await peersReady(peers, 2);
  assert.match(String(await peers[0]!.closed), /reset by the peer/);
  await peers[1]!.has(15);
  assert.equal(peers[1]!.isClosed, false);
  dialler.close();
  await closed;
  rig.close();
});

async function peersReady(peers: Collector[], count: number): Promise<void> {
  while (peers.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("half-close: one direction ends, the other goes on", async () => {
  const rig = new Rig();
  const opened = Promise.withResolvers<MuxStream>();
  const { dialler, closed } = sessionPair(rig, (stream) => opened.resolve(stream));
  const near = new Collector();
  const stream = dialler.open(pattern(3));
  stream.attach(near);
  stream.end();
  const far = await opened.promise;
  const farGot = new Collector();
  far.attach(farGot);
  await farGot.ended;
  assert.equal(stream.write(pattern(1)), false, "nothing may follow the end");
  far.write(pattern(100_000));
  await near.has(100_000);
  assert.equal(near.isClosed, false);
  far.end();
  await Promise.all([near.closed, farGot.closed]);
  assert.equal(near.closedBy, undefined);
  dialler.close();
  await closed;
  rig.close();
});

Deno.test("after GoAway nothing new is opened and what is open goes on", async () => {
  const rig = new Rig();
  const { dialler, listener, closed } = sessionPair(rig, echo);
  const stream = dialler.open();
  const got = new Collector();
  stream.attach(got);
  stream.write(pattern(10));
  await got.has(10);
  listener.goAway();
  await until(() => !dialler.isOpen);
  assert.throws(() => dialler.open(), ClosedError);
  stream.write(pattern(10));
  await got.has(20);
  stream.end();
  await got.closed;
  dialler.close();
  await closed;
  rig.close();
});

Deno.test("close() sends GoAway with its code and then ends the connection", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = rig.options("listener");
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  session.close(undefined, GO_AWAY.internalError);
  const frame = await peer.until(({ type }) => type === FRAME_TYPE.goAway);
  assert.equal(frame.value, GO_AWAY.internalError);
  assert.equal(await options.closed, undefined);
  await peer.closed;
  rig.close();
});

Deno.test("near the last id a session goes away instead of reusing ids", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = rig.options("dialler");
  const session = new Session(b, { ...options, firstStreamId: 0x7ffffeff });
  const peer = new WirePeer(a);
  session.open();
  assert.throws(() => session.open(), ClosedError);
  await peer.until(({ type }) => type === FRAME_TYPE.goAway);
  session.close();
  await options.closed;
  rig.close();
});

Deno.test("no more than 256 openings wait for their ACK; the others wait for a place", async () => {
  const rig = new Rig();
  const [a, b] = memoryPair();
  const options = rig.options("dialler");
  const session = new Session(b, options);
  const peer = new WirePeer(a);
  const streams = Array.from({ length: 300 }, (_, i) => session.open(pattern(4, i)));
  for (const stream of streams) stream.attach(new Collector());
  const opens = () =>
    peer.frames.filter(({ flags }) => (flags & FLAG.syn) !== 0 && flags !== 0)
      .filter(({ type }) => type !== FRAME_TYPE.ping).length;
  await until(() => opens() === 256);
  assert.equal(session.streamCount, 300);
  // One that waits may be given up without a frame.
  streams[299]!.close();
  for (let id = 1; id < 21; id += 2) peer.frame(FRAME_TYPE.windowUpdate, FLAG.ack, id, 0);
  await until(() => opens() === 266);
  const last = await peer.until(({ id }) => id === 2 * 265 + 1);
  assert.deepEqual(last.payload, pattern(4, 265), "its first bytes travel with it");
  session.close();
  await options.closed;
  rig.close();
});

Deno.test("a window that holds its sender back grows, within its limit and the budget", async () => {
  const rig = new Rig();
  const far: MuxStream[] = [];
  const { dialler, closed } = sessionPair(rig, (stream) => {
    far.push(stream);
    echo(stream);
  }, { maxWindowBytes: 1 << 20 });
  const stream = dialler.open();
  const got = new Collector();
  await Promise.all([
    pump(stream, pattern(6_000_000), { pieceBytes: 200_000, collector: got, end: false }),
    got.has(6_000_000),
  ]);
  assert.equal(far[0]!.window.sizeBytes, 1 << 20);
  assert.equal(rig.budget.grantedBytes > 0, true);
  dialler.close();
  await closed;
  rig.close();
});

Deno.test("over the memory budget the stream with the most unread bytes is reset", async () => {
  const rig = new Rig(1 << 20);
  const { dialler, closed } = sessionPair(rig, (stream) => {
    stream.pause();
    stream.attach(new Collector());
  });
  // Four full windows are the whole budget; the fifth stream's bytes make room for themselves.
  const near = Array.from({ length: 5 }, (_, index) => {
    const got = new Collector();
    void pump(dialler.open(), pattern(index === 0 ? 256 << 10 : 220 << 10), { collector: got });
    return got;
  });
  await until(() => near.some((got) => got.isClosed));
  assert.equal(near.filter((got) => got.isClosed).length, 1);
  assert.ok(near[0]!.isClosed, "the fullest one");
  assert.ok(rig.budget.unreadBytes <= 1 << 20);
  dialler.close();
  await closed;
  rig.close();
});

Deno.test("a session over its share of the budget resets a stream of its own, not another's", async () => {
  const rig = new Rig();
  const budget = new MemoryBudget(4 << 20, 512 << 10);
  const stalled = (stream: MuxStream) => {
    stream.pause();
    stream.attach(new Collector());
  };
  const greedy = sessionPair(rig, stalled, { budget });
  const modest = sessionPair(rig, stalled, { budget });
  const kept = new Collector();
  void pump(modest.dialler.open(), pattern(256 << 10), { collector: kept });
  await until(() => budget.unreadBytes === 256 << 10);
  const lost = Array.from({ length: 3 }, () => {
    const got = new Collector();
    void pump(greedy.dialler.open(), pattern(200 << 10), { collector: got });
    return got;
  });
  await until(() => lost.some((got) => got.isClosed));
  assert.equal(lost.filter((got) => got.isClosed).length, 1);
  assert.equal(kept.isClosed, false);
  assert.equal(greedy.listener.unreadBytes, 400 << 10);
  // Past three quarters of its share a session takes no further stream; another one does.
  const refused = new Collector();
  greedy.dialler.open().attach(refused);
  await refused.closed;
  const fourth = new Collector();
  modest.dialler.open().attach(fourth);
  await modest.dialler.ping();
  assert.equal(fourth.isClosed, false);
  for (const { dialler, closed } of [greedy, modest]) {
    dialler.close();
    await closed;
  }
  assert.equal(budget.unreadBytes, 0);
  rig.close();
});

Deno.test("a ping is answered, measures the round trip, and fails when the session ends", async () => {
  const rig = new Rig();
  const { dialler, closed } = sessionPair(rig, echo);
  const rttMs = await dialler.ping();
  assert.ok(rttMs >= 0);
  assert.ok(dialler.rttMs >= 0);
  dialler.close();
  const late = assert.rejects(dialler.ping());
  await closed;
  await late;
  rig.close();
});
