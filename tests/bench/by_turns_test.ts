import assert from "node:assert/strict";
import { byTurns, pairedRatio } from "../../bench/by_turns.ts";

Deno.test("byTurns() asks for every kind in each round, each first as often as the others", async () => {
  const asked: string[] = [];
  const costs = await byTurns(["a", "b", "c"], 4, (kind) => {
    asked.push(kind);
    return Promise.resolve(asked.length);
  });
  assert.equal(asked.join(""), "abcbcacababc");
  assert.deepEqual(costs, { a: [1, 6, 8, 10], b: [2, 4, 9, 11], c: [3, 5, 7, 12] });
});

Deno.test("pairedRatio() compares within a round, whatever the rounds cost", () => {
  assert.equal(pairedRatio([2, 40, 900], [1, 20, 300]), 2);
});
