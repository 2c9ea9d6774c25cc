import assert from "node:assert/strict";
import fc from "fast-check";
import { median, percentile, ratio, summarize } from "../../bench/stats.ts";

Deno.test("median() takes the middle, or the mean of the two there", () => {
  assert.equal(median([3]), 3);
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

Deno.test("summarize() gives the spread as a share of the median", () => {
  assert.deepEqual(summarize([90, 110, 100]), { median: 100, spread: 0.2, count: 3 });
  assert.deepEqual(summarize([0, 0]), { median: 0, spread: 0, count: 2 });
  assert.ok(Number.isNaN(summarize([]).spread));
});

Deno.test("percentile() is the nearest rank", () => {
  const thousand = Float64Array.from({ length: 1000 }, (_, index) => index + 1);
  const rows: [number, number][] = [[0.001, 1], [0.5, 500], [0.99, 990], [0.999, 999], [1, 1000]];
  for (const [share, expected] of rows) assert.equal(percentile(thousand, share), expected);
  assert.equal(percentile([7], 0.001), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
  assert.throws(() => percentile([1], 0), RangeError);
  assert.throws(() => percentile([1], 99), RangeError);
});

Deno.test("percentile() has at least its share at or below it, and one fewer has not", () => {
  fc.assert(fc.property(
    fc.array(fc.nat(50), { minLength: 1 }),
    fc.integer({ min: 1, max: 1000 }),
    (values, thousandths) => {
      const sorted = values.toSorted((a, b) => a - b);
      const found = percentile(sorted, thousandths / 1000);
      const below = sorted.filter((one) => one < found).length;
      const upTo = sorted.filter((one) => one <= found).length;
      assert.ok(upTo * 1000 >= thousandths * sorted.length);
      assert.ok(below * 1000 < thousandths * sorted.length);
    },
  ));
});

Deno.test("ratio() knows no multiple of nothing", () => {
  assert.equal(ratio(3, 2), 1.5);
  assert.ok(Number.isNaN(ratio(3, 0)));
  assert.ok(Number.isNaN(ratio(3, NaN)));
});
