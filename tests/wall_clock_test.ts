import assert from "node:assert/strict";
import { WallClock } from "../lib/wall_clock.ts";

Deno.test("WallClock keeps to one comparison for a second, and then makes another", () => {
  const realNow = Date.now;
  try {
    let nowMs = 0;
    let wallMs = 5000;
    Date.now = () => wallMs;
    const clock = new WallClock(() => nowMs);
    assert.equal(clock.of(-7), 4993);
    // The wall's clock is set: what is told within the second still follows each other.
    wallMs = 90_000;
    nowMs = 999;
    assert.equal(clock.of(999), 5999);
    assert.equal(clock.of(3, 999), 5003);
    nowMs = 1000;
    assert.equal(clock.of(1000), 90_000);
    assert.equal(clock.of(400, 1000), 89_400);
  } finally {
    Date.now = realNow;
  }
});
