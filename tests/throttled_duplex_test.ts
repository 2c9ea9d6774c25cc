import assert from "node:assert/strict";
import { memoryPair } from "../lib/memory_duplex.ts";
import { ThrottledDuplex } from "../lib/throttled_duplex.ts";
import { bucketRig } from "./bucket_rig.ts";

Deno.test("what passes a throttled duplex is whole, in order, and no faster than that", async () => {
  const { bucket, timers, pass } = bucketRig(200_000);
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
