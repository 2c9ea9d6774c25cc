import assert from "node:assert/strict";
import { ServerTally } from "../../lib/agent/server_tally.ts";

Deno.test("ServerTally is satisfied when each of the servers has its connections", () => {
  const tally = new ServerTally(2);
  assert.ok(tally.isSatisfied, "nobody said that there is a server with an id");
  assert.ok(tally.join("s1", 2));
  assert.ok(tally.join("s1", 2));
  assert.ok(!tally.isSatisfied);
  tally.addressCount = 2;
  assert.ok(!tally.isSearchWorthwhile);
  tally.addressCount = 1;
  assert.ok(tally.isSearchWorthwhile);
  assert.ok(tally.join("s2", 2));
  assert.ok(!tally.isSatisfied);
  assert.ok(tally.join("s2", 2));
  assert.ok(tally.isSatisfied);
});

Deno.test("ServerTally turns away what a server has enough of", () => {
  const tally = new ServerTally(1);
  assert.ok(tally.join("s1", 1));
  assert.ok(!tally.join("s1", 1));
  assert.equal(tally.countOf("s1"), 1);
  tally.leave("s1");
  assert.equal(tally.countOf("s1"), 0);
  assert.ok(tally.join("s1", 1));
});

Deno.test("ServerTally tells once that a connection is missing", () => {
  const tally = new ServerTally(1);
  let calls = 0;
  tally.join("s1", 1);
  tally.onMissing(() => calls += 1);
  const takeBack = tally.onMissing(() => calls += 10);
  takeBack();
  tally.leave("s1");
  assert.equal(calls, 1);
  tally.join("s1", 1);
  assert.equal(calls, 1);
  tally.onMissing(() => calls += 1);
  assert.ok(!tally.join("s1", 3), "the count is learnt from a connection that is not kept, too");
  assert.equal(calls, 2);
  assert.ok(!tally.isSatisfied);
});
