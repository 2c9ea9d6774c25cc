import assert from "node:assert/strict";
import { bucketRig } from "./bucket_rig.ts";

Deno.test("a bucket lets a burst through, then what it fills with", async () => {
  const { bucket, timers, pass } = bucketRig(100_000);
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
