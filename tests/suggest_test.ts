import assert from "node:assert/strict";
import { nearestMatch } from "../lib/suggest.ts";

const COMMANDS = ["server", "agent", "demo", "probe", "decode-frame", "encode-frame"];

Deno.test("nearestMatch() finds words with a letter wrong, missing, added or swapped", () => {
  const cases: [string, string][] = [
    ["sever", "server"],
    ["serverr", "server"],
    ["sevrer", "server"],
    ["AGENT", "agent"],
    ["agnet", "agent"],
    ["decodeframe", "decode-frame"],
  ];
  for (const [typed, meant] of cases) assert.equal(nearestMatch(typed, COMMANDS), meant, typed);
});

Deno.test("nearestMatch() takes a beginning that only one word has", () => {
  assert.equal(nearestMatch("decode", COMMANDS), "decode-frame");
  assert.equal(nearestMatch("decode", ["decode-frame", "decode-capture"]), undefined);
});

Deno.test("nearestMatch() stays silent when nothing is near", () => {
  // The last one would take minutes, were each letter of it compared.
  for (const typed of ["", "x", "kubernetes", "constructor", "x".repeat(5_000_000)]) {
    assert.equal(nearestMatch(typed, COMMANDS), undefined, typed.slice(0, 20));
  }
});
