import assert from "node:assert/strict";
import { DialGate } from "../../lib/agent/dial_gate.ts";
import { DialError } from "../../lib/errors.ts";
import { testRuntime } from "./support.ts";

const never = new AbortController().signal;

Deno.test("no more dials are under way than may be, the others follow in their order", async () => {
  using runtime = testRuntime();
  const gate = new DialGate(2, runtime.timers);
  const started: number[] = [];
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  const dials = gates.map(({ promise }, index) =>
    gate.pass({ name: `${index}`, waitMs: 10_000, signal: never }, async () => {
      started.push(index);
      assert.ok(gate.openCount <= 2);
      await promise;
      return index;
    })
  );
  assert.deepEqual(started, [0, 1]);
  for (const [index, { resolve }] of gates.entries()) {
    resolve();
    assert.equal(await dials[index], index);
  }
  assert.deepEqual(started, [0, 1, 2, 3, 4, 5]);
  await gate.atRest();
  assert.equal(gate.openCount, 0);
  assert.equal(runtime.timers.size, 0);
});

Deno.test("a dial whose turn does not come, or that is given up, is busy and leaves no trace", async () => {
  using runtime = testRuntime();
  const gate = new DialGate(1, runtime.timers);
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = gate.pass({ name: "first", waitMs: 1, signal: never }, () => promise);
  const abort = new AbortController();
  const dial = () => Promise.resolve(assert.fail("it had no turn"));
  const late = gate.pass({ name: "late", waitMs: 1, signal: never }, dial);
  const givenUp = gate.pass({ name: "given up", waitMs: 10_000, signal: abort.signal }, dial);
  const failures = Promise.allSettled([late, givenUp]);
  abort.abort();
  for (const failed of await failures) {
    assert.ok(failed.status === "rejected" && failed.reason instanceof DialError);
    assert.equal(failed.reason.failure, "busy");
  }
  resolve();
  await first;
  await gate.atRest();
  assert.equal(gate.openCount, 0);
});

Deno.test("a dial that fails gives its place to the next", async () => {
  using runtime = testRuntime();
  const gate = new DialGate(1, runtime.timers);
  const options = { name: "x", waitMs: 10_000, signal: never };
  const bad = gate.pass(options, () => Promise.reject(new Error("no")));
  const good = gate.pass(options, () => Promise.resolve("yes"));
  await assert.rejects(bad, /no/);
  assert.equal(await good, "yes");
});
