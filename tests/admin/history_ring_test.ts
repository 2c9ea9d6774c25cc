import assert from "node:assert/strict";
import { HistoryRing } from "../../lib/admin/history_ring.ts";

Deno.test("HistoryRing gives what it was given, oldest first, and null for what is not known", () => {
  const ring = new HistoryRing(4, 2);
  assert.deepEqual(ring.since(-Infinity), { timesMs: [], columns: [[], []] });
  ring.add(1000, [0.5, NaN]);
  ring.add(2000, [0, -3]);
  assert.equal(ring.length, 2);
  assert.deepEqual(ring.since(0), { timesMs: [1000, 2000], columns: [[0.5, 0], [null, -3]] });
  assert.deepEqual(ring.since(1001), { timesMs: [2000], columns: [[0], [-3]] });
  assert.deepEqual(ring.since(2001), { timesMs: [], columns: [[], []] });
});

Deno.test("HistoryRing keeps the last moments, however many there were", () => {
  const ring = new HistoryRing(3, 1);
  for (let nth = 1; nth <= 1000; nth++) {
    ring.add(nth, [nth * 2]);
    const first = Math.max(1, nth - 2);
    const timesMs = Array.from({ length: nth - first + 1 }, (_, i) => first + i);
    assert.deepEqual(ring.since(0), { timesMs, columns: [timesMs.map((time) => time * 2)] });
    assert.equal(ring.length, timesMs.length);
  }
});

Deno.test("HistoryRing takes as many figures as it is wide, and no others", () => {
  const ring = new HistoryRing(3, 2);
  assert.throws(() => ring.add(1, [1]), /1 figures, expected 2/);
  assert.throws(() => ring.add(1, [1, 2, 3]), RangeError);
  assert.equal(ring.length, 0);
});
