import assert from "node:assert/strict";
import { DeadlineQueue } from "../lib/deadline_queue.ts";
import { TimerWheel } from "../lib/timer.ts";

Deno.test("DeadlineQueue tells of each that has waited for its time, by one timer", () => {
  let nowMs = 0;
  const timers = new TimerWheel(10, () => nowMs);
  try {
    const expired: string[] = [];
    const clock = { timers, nowMs: () => nowMs };
    const queue = new DeadlineQueue<string>(clock, () => 1000, (item) => expired.push(item));
    const at = (ms: number) => {
      nowMs = ms;
      timers.advance();
    };
    queue.add("a");
    at(400);
    queue.add("b");
    queue.add("c");
    assert.equal(timers.size, 1);
    assert.equal(queue.delete("b"), 1000);
    assert.equal(queue.delete("b"), undefined);
    at(990);
    assert.deepEqual(expired, []);
    at(1030);
    assert.deepEqual(expired, ["a"]);
    at(1390);
    assert.deepEqual(expired, ["a"]);
    at(1430);
    assert.deepEqual(expired, ["a", "c"]);
    assert.equal(queue.size + timers.size, 0);

    queue.add("d");
    at(2000);
    assert.equal(queue.delete("d"), 430);
    assert.equal(timers.size, 0);
    // The same timer, once more.
    queue.add("e");
    at(3030);
    assert.deepEqual(expired, ["a", "c", "e"]);
  } finally {
    timers.close();
  }
});

Deno.test("DeadlineQueue bears changes made by whom it tells", () => {
  let nowMs = 0;
  const timers = new TimerWheel(10, () => nowMs);
  try {
    const expired: string[] = [];
    const clock = { timers, nowMs: () => nowMs };
    const queue: DeadlineQueue<string> = new DeadlineQueue(clock, () => 100, (item) => {
      expired.push(item);
      queue.delete("b");
      if (item === "a") queue.add("again");
    });
    queue.add("a");
    queue.add("b");
    for (nowMs = 10; nowMs < 400; nowMs += 10) timers.advance();
    assert.deepEqual(expired, ["a", "again"]);
    assert.equal(queue.size + timers.size, 0);
  } finally {
    timers.close();
  }
});
