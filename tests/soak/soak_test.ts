import assert from "node:assert/strict";
import { seededRandom } from "./random.ts";
import { soak } from "./soak.ts";

Deno.test("under faults every answer is right, nothing is sent twice, and nothing is left", async () => {
  const seed = Number(Deno.env.get("REVTUN_SOAK_SEED") ?? Date.now() % 1_000_000);
  const lines = [`seed ${seed}`];
  const report = await soak({
    seconds: 8,
    seed,
    faultEveryMs: 500,
    roundMs: 4000,
    clients: 8,
    print: (line) => lines.push(line),
  });
  const told = lines.join("\n");
  assert.deepEqual(report.wrong, [], told);
  assert.deepEqual(report.late, [], told);
  assert.deepEqual(report.repeated, [], told);
  assert.deepEqual(report.left, [], told);
  assert.ok(report.right > 50, `${report.right} answers\n${told}`);
  assert.ok(report.faults > 5);
  assert.ok(report.heapMiB.length >= 2, told);
});

Deno.test("seededRandom() gives the same numbers for the same seed, from 0 up to 1", () => {
  const numbers = (seed: number) => Array.from({ length: 1000 }, seededRandom(seed));
  assert.deepEqual(numbers(7), numbers(7));
  assert.notDeepEqual(numbers(7), numbers(8));
  assert.ok(numbers(7).every((value) => value >= 0 && value < 1));
  const mean = numbers(7).reduce((sum, value) => sum + value) / 1000;
  assert.ok(Math.abs(mean - 0.5) < 0.05);
});
