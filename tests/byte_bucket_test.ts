import assert from "node:assert/strict";
import { ByteBucket, ThrottledDuplex } from "../lib/byte_bucket.ts";
import { memoryPair } from "../lib/memory_duplex.ts";
import { TimerWheel } from "../lib/timer.ts";

/** A bucket whose clock the test moves. */
function rig(bytesPerSecond: number) {
  let nowMs = 0;
  const timers = new TimerWheel(50, () => nowMs);
  const bucket = new ByteBucket(bytesPerSecond, timers, () => nowMs);
  const pass = async (ms: number) => {
    for (const end = nowMs + ms; nowMs < end;) {
      nowMs = Math.min(end, nowMs + 50);
      timers.advance();
      // Deliveries in memory are microtasks.
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  return { bucket, timers, pass };
}

Deno.test("a bucket lets a burst through, then what it fills with", async () => {
  const { bucket, timers, pass } = rig(100_000);
  assert.ok(bucket.take(60_000));
  assert.ok(!bucket.take(60_000));
  let woken = 0;
  bucket.wait(() => woken++);
  await pass(400);
  assert.equal(woken, 0);
  await pass(300);
  assert.equal(woken, 1);
  assert.deepEqual([bucket.passedBytes, bucket.waits, timers.size], [120_000, 1, 0]);
  const run = () => assert.fail("forgotten");
  bucket.take(1_000_000);
  bucket.wait(run);
  bucket.forget(run);
  assert.equal(timers.size, 0);
});

Deno.test("what passes a throttled duplex is whole, in order, and no faster than that", async () => {
  const { bucket, timers, pass } = rig(200_000);
  const [near, far] = memoryPair();
  const throttled = new ThrottledDuplex(near, bucket);
  const received: Uint8Array[] = [];
  const echoed: Uint8Array[] = [];
  let isEnded = false;
  // The far end sends back what it gets.
  far.attach({
    onData: (bytes) => {
      received.push(bytes.slice());
      far.write(bytes);
    },
    onEnd: () => far.end(),
    onDrain() {},
    onClose() {},
  });
  const whole = new Uint8Array(500_000).map((_, index) => index * 7);
  let sent = 0;
  const send = () => {
    while (sent < whole.length) {
      const part = whole.subarray(sent, sent += 10_000);
      if (!throttled.write(part)) return;
    }
    throttled.end();
  };
  throttled.attach({
    onData: (bytes) => echoed.push(bytes.slice()),
    onEnd: () => isEnded = true,
    onDrain: send,
    onClose() {},
  });
  send();
  await pass(2000);
  const bytesOf = (parts: Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0);
  const bothWays = bytesOf(received) + bytesOf(echoed);
  assert.ok(bothWays > 300_000 && bothWays < 600_000, String(bothWays));
  assert.ok(!isEnded);
  await pass(4000);
  assert.ok(isEnded);
  for (const parts of [received, echoed]) {
    assert.deepEqual(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()), whole);
  }
  throttled.close();
  assert.equal(timers.size, 0);
});
