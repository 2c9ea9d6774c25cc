import assert from "node:assert/strict";
import { turnClock } from "../lib/turn_clock.ts";

/** A clock that goes on by 1 each time that it is read. */
function countingClock() {
  const read = { count: 0 };
  return { read, nowMs: turnClock(() => read.count += 1) };
}

Deno.test("turnClock() is read once in a turn, however often it is asked", async () => {
  const { read, nowMs } = countingClock();
  assert.deepEqual([nowMs(), nowMs(), nowMs()], [1, 1, 1]);
  await Promise.resolve();
  assert.deepEqual([nowMs(), nowMs()], [2, 2]);
  assert.equal(read.count, 2);
});

Deno.test("turnClock() has one time for what became ready together", async () => {
  const { nowMs } = countingClock();
  const together = Promise.resolve();
  const times: number[] = [];
  await Promise.all([1, 2, 3].map(() => together.then(() => times.push(nowMs()))));
  assert.deepEqual(times, [1, 1, 1]);
});

Deno.test("turnClock() has a new time in each turn of the event loop", async () => {
  const { nowMs } = countingClock();
  for (let turn = 1; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(nowMs(), turn);
  }
});

Deno.test("turnClock() does not stand still when its clock begins with 0", async () => {
  let ms = 0;
  const nowMs = turnClock(() => ms);
  assert.equal(nowMs(), 0);
  await Promise.resolve();
  ms = 5;
  assert.equal(nowMs(), 5);
});
