import assert from "node:assert/strict";
import { formatDuration, parseDuration, roughDuration } from "../lib/duration.ts";

Deno.test("parseDuration() reads numbers with their units", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["250ms", 250],
    ["15s", 15_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["365d", 31_536_000_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration() refuses what is no duration and says what is expected", () => {
  for (
    const text of [
      "",
      "s",
      "-1s",
      "1 s",
      "1w",
      "ms1",
      "1e3s",
      "NaN",
      "15",
      "366d",
      "9".repeat(400) + "s",
    ]
  ) {
    assert.throws(() => parseDuration(text), RangeError, text);
  }
  assert.throws(() => parseDuration("15"), /did you mean 15s\?/);
});

Deno.test("formatDuration() writes what parseDuration() reads", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [250, "250ms"],
    [1500, "1500ms"],
    [15_000, "15s"],
    [90_000, "1m30s"],
    [90_061_000, "1d1h1m1s"],
  ];
  for (const [ms, text] of cases) {
    assert.equal(formatDuration(ms), text);
    assert.equal(parseDuration(text), ms);
  }
});

Deno.test("roughDuration() gives the two largest units", () => {
  const table: [number, string][] = [
    [-5, "0s"],
    [0, "0s"],
    [999, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [61_000, "1m1s"],
    [3_600_000, "1h"],
    [3_661_000, "1h1m"],
    [93_784_000, "1d2h"],
    [86_400_000 * 400, "400d"],
  ];
  for (const [ms, text] of table) assert.equal(roughDuration(ms), text);
});
