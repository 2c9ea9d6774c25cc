import assert from "node:assert/strict";
import { Histogram } from "../lib/histogram.ts";

Deno.test("Histogram counts each duration in the class whose bound it does not exceed", () => {
  const histogram = new Histogram();
  for (const ms of [0, 0.5, 0.75, 60_000, 60_001]) histogram.observe(ms);
  const { boundsMs, counts, sumMs, count } = histogram;
  assert.deepEqual([counts[0], counts[1], counts.at(-2), counts.at(-1)], [2, 1, 1, 1]);
  assert.equal(counts.length, boundsMs.length + 1);
  assert.equal(count, 5);
  assert.equal(sumMs, 120_002.25);
  assert.deepEqual([...boundsMs], [...boundsMs].sort((a, b) => a - b));
});

Deno.test("Histogram.quantileMs() reckons within a class", () => {
  const histogram = new Histogram();
  assert.equal(histogram.quantileMs(0.5), 0);
  for (let i = 0; i < 100; i++) histogram.observe(7);
  assert.equal(histogram.quantileMs(0.5), 7.5);
  assert.equal(histogram.quantileMs(1), 10);
  for (let i = 0; i < 100; i++) histogram.observe(1e9);
  assert.equal(histogram.quantileMs(0.99), 60_000);
});
