import assert from "node:assert/strict";
import { formatSize, parseSize } from "../lib/size.ts";

Deno.test("parseSize() reads bytes with and without units", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["4096", 4096],
    ["12B", 12],
    ["64KiB", 65_536],
    ["64kib", 65_536],
    ["1.5MiB", 1_572_864],
    ["10MB", 10_000_000],
    ["2 GiB", 2_147_483_648],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, text);
});

Deno.test("parseSize() refuses what is no size", () => {
  for (const text of ["", "B", "-1", "1.2.3", "10XB", "0x10", "10 000", "99999999GiB", "iB"]) {
    assert.throws(() => parseSize(text), RangeError, text);
  }
});

Deno.test("formatSize() is short", () => {
  assert.equal(formatSize(0), "0B");
  assert.equal(formatSize(1023), "1023B");
  assert.equal(formatSize(1536), "1.5KiB");
  assert.equal(formatSize(256 << 20), "256MiB");
  assert.equal(formatSize(5 * 2 ** 40), "5120GiB");
});
