import assert from "node:assert/strict";
import { Backoff } from "../lib/backoff.ts";

const OPTIONS = { baseMs: 1000, maxMs: 30_000 };

Deno.test("Backoff doubles the ceiling of its waits up to the cap", () => {
  const backoff = new Backoff({ ...OPTIONS, random: () => 1 });
  const waits = Array.from({ length: 8 }, () => backoff.failed());
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

Deno.test("Backoff spreads its waits over everything below the ceiling", () => {
  const backoff = new Backoff({ ...OPTIONS, random: () => 0 });
  assert.equal(backoff.failed(), 0);
  const half = new Backoff({ ...OPTIONS, random: () => 0.5 });
  assert.equal(half.failed(), 500);
  assert.equal(half.failed(), 1000);
});

Deno.test("Backoff stays finite after any number of failures", () => {
  const backoff = new Backoff({ ...OPTIONS, random: () => 1 });
  for (let i = 0; i < 5000; i++) backoff.failed();
  assert.equal(backoff.failed(), 30_000);
});

Deno.test("Backoff starts again after a connection proved good", () => {
  const backoff = new Backoff({ ...OPTIONS, random: () => 1 });
  backoff.failed();
  backoff.failed();
  assert.equal(backoff.lost(5000), 1000);
});

Deno.test("Backoff goes on growing when a connection was dropped at once", () => {
  const backoff = new Backoff({ ...OPTIONS, random: () => 1 });
  assert.equal(backoff.lost(10), 1000);
  assert.equal(backoff.lost(10), 2000);
  assert.equal(backoff.lost(4999), 4000);
});

Deno.test("Backoff waits at least as long as the server asks, and spreads beyond", () => {
  const early = new Backoff({ ...OPTIONS, random: () => 0 });
  assert.equal(early.failed(7000), 7000);
  const late = new Backoff({ ...OPTIONS, random: () => 1 });
  assert.equal(late.failed(7000), 8000);
  assert.equal(late.failed(-5), 2000);
  assert.equal(late.failed(Number.MAX_SAFE_INTEGER), 3_600_000 + 4000);
});

Deno.test("Backoff waits long after a refusal for good, never at once", () => {
  const backoff = new Backoff({ ...OPTIONS, random: () => 0 });
  assert.equal(backoff.refused(), 150_000);
  assert.equal(backoff.refusals, 1);
  assert.equal(backoff.refused(200_000), 200_000);
  assert.equal(backoff.refusals, 2);
  backoff.failed();
  assert.equal(backoff.refusals, 0);
});

Deno.test("Backoff pauses without counting a failure", () => {
  const backoff = new Backoff({ ...OPTIONS, random: () => 0.5 });
  assert.equal(backoff.pause(), 500);
  assert.equal(backoff.pause(), 500);
  assert.equal(backoff.failures, 0);
});
