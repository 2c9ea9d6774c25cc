import assert from "node:assert/strict";
import fc from "fast-check";
import { TimerWheel } from "../lib/timer.ts";

const TICK_MS = 50;

Deno.test("timers fire at their time or up to two ticks later, restarted, cancelled or not", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("after"), ms: fc.nat(40_000) }),
    fc.record({ kind: fc.constant("restart"), which: fc.nat(9), ms: fc.nat(40_000) }),
    fc.record({ kind: fc.constant("cancel"), which: fc.nat(9) }),
    fc.record({ kind: fc.constant("wait"), ticks: fc.nat(300) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let nowMs = 0;
      const wheel = new TimerWheel(TICK_MS, () => nowMs);
      /** When each is due; undefined while it is not set. */
      const due: (number | undefined)[] = [];
      const timers: ReturnType<TimerWheel["after"]>[] = [];
      const tick = () => {
        nowMs += TICK_MS;
        wheel.advance();
        for (const [index, dueMs] of due.entries()) {
          assert.ok(dueMs === undefined || nowMs < dueMs + 2 * TICK_MS, `${index} is late`);
        }
      };
      try {
        for (const one of steps) {
          if (one.kind === "wait") {
            for (let count = 0; count < one.ticks; count++) tick();
          } else if (one.kind === "after") {
            const index = due.push(nowMs + one.ms) - 1;
            timers.push(wheel.after(one.ms, () => {
              assert.ok(nowMs >= due[index]!, `${index} is early, or was cancelled`);
              due[index] = undefined;
            }));
          } else if (one.which < timers.length) {
            if (one.kind === "restart") timers[one.which]!.restart(one.ms);
            else timers[one.which]!.cancel();
            due[one.which] = one.kind === "restart" ? nowMs + one.ms : undefined;
          }
          assert.equal(wheel.size, due.filter((dueMs) => dueMs !== undefined).length);
        }
        while (wheel.size > 0) tick();
        assert.ok(due.every((dueMs) => dueMs === undefined));
      } finally {
        wheel.close();
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a timer may cancel others that are due with it, and set itself anew", () => {
  let nowMs = 0;
  const wheel = new TimerWheel(TICK_MS, () => nowMs);
  const told: string[] = [];
  const first = wheel.after(100, () => {
    told.push("first");
    second.cancel();
    if (told.length < 3) first.restart(100);
  });
  const second = wheel.after(100, () => told.push("second"));
  wheel.after(100, () => told.push("third"));
  for (let count = 0; count < 20; count++) {
    nowMs += TICK_MS;
    wheel.advance();
  }
  assert.deepEqual(told, ["first", "third", "first"]);
  assert.equal(wheel.size, 0);
  wheel.after(1000, () => told.push("never"));
  wheel.close();
  assert.equal(wheel.size, 0);
});

Deno.test("the coarse clock is a tick behind at most, however long nobody asked", () => {
  let nowMs = 0;
  const wheel = new TimerWheel(TICK_MS, () => nowMs);
  const check = () => {
    const lateMs = nowMs - wheel.coarseNowMs;
    assert.ok(lateMs >= 0 && lateMs < TICK_MS, `${lateMs} ms behind at ${nowMs}`);
  };
  check();
  wheel.after(3_600_000, () => {});
  for (const restMs of [10, 45, 700, 12_800, 60_000]) {
    nowMs += restMs;
    check();
    check();
    // Once it was asked it ticks; then it rests again.
    for (let count = 0; count < 4; count++) {
      nowMs += TICK_MS;
      wheel.advance();
    }
  }
  wheel.close();
  nowMs += 500;
  check();
});

Deno.test("a wheel sleeps until a timer is due", async () => {
  let looks = 0;
  const wheel = new TimerWheel(1, () => {
    looks += 1;
    return performance.now();
  });
  try {
    const startMs = performance.now();
    await new Promise<void>((resolve) => wheel.after(200, resolve));
    assert.ok(performance.now() - startMs >= 200);
    // Setting the timer and its end take a few; one at each of 200 ticks would be no sleep.
    assert.ok(looks < 60, `${looks} looks at the clock`);
  } finally {
    wheel.close();
  }
});

Deno.test("a timer that is set later and due earlier wakes the wheel", async () => {
  const wheel = new TimerWheel(TICK_MS);
  try {
    const startMs = performance.now();
    wheel.after(3_600_000, () => {});
    await new Promise<void>((resolve) => wheel.after(100, resolve));
    // For the first one alone it would sleep for 255 ticks, 12.75 s.
    assert.ok(performance.now() - startMs < 10_000);
  } finally {
    wheel.close();
  }
});
