import assert from "node:assert/strict";
import { formatQuantity, formatSpread, markdownTable } from "../../bench/table.ts";
import { outputOf } from "../programs.ts";

Deno.test("formatQuantity() keeps three digits, or four of whole numbers", () => {
  const rows: [number, string][] = [
    [0, "0.00"],
    [0.0693, "0.069"],
    [2.254, "2.25"],
    [9.996, "10.0"],
    [17.46, "17.5"],
    [99.96, "100"],
    [1244.4, "1244"],
    [9994, "9994"],
    [43_720, "43.7k"],
    [143_400, "143k"],
    [1_234_000, "1.23M"],
    [NaN, "–"],
  ];
  for (const [value, expected] of rows) assert.equal(formatQuantity(value), expected);
});

Deno.test("formatSpread() says how far from the median, if there is more than one run", () => {
  assert.equal(formatSpread(0.08, 2), " ±4 %");
  assert.equal(formatSpread(0.08, 1), "");
  assert.equal(formatSpread(NaN, 2), "");
});

Deno.test("markdownTable() is as deno fmt would have it", async () => {
  const table = markdownTable(["", "goal", "–"], [["a", "≥ 1.5 × bore", "1"], [
    "long one",
    "",
    "22",
  ]]);
  const formatter = ["fmt", "--no-config", "--ext=md", "-"];
  assert.equal(await outputOf(Deno.execPath(), formatter, { stdin: table }), table);
});
