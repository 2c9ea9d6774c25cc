import assert from "node:assert/strict";
import { LinkPacer } from "../../bench/link/link_pacer.ts";

/** 400 Mbit/s are 50,000 bytes a ms; 200 ms of it are 10 MB. */
const LONG = { bitsPerSecond: 400e6, rttMs: 200 };

Deno.test("LinkPacer.admit() takes the time of the bytes and half a round trip", () => {
  const pacer = new LinkPacer(LONG);
  assert.equal(pacer.admit(1000, 50_000), 1000 + 1 + 100);
  // The link is busy until 1001.
  assert.equal(pacer.admit(1000.5, 100_000), 1001 + 2 + 100);
  // And free again long before this.
  assert.equal(pacer.admit(5000, 50_000), 5000 + 1 + 100);
});

Deno.test("LinkPacer carries its rate and no more, however it is offered", () => {
  const pacer = new LinkPacer(LONG);
  let lastMs = 0;
  for (let count = 0; count < 1000; count++) lastMs = pacer.admit(count / 10, 50_000);
  assert.equal(lastMs, 1000 + 100);
});

Deno.test("LinkPacer has room for two bandwidth-delay products", () => {
  const pacer = new LinkPacer(LONG);
  assert.equal(pacer.maxQueuedBytes, 20e6);
  pacer.admit(0, 19_999_999);
  assert.ok(pacer.hasRoom);
  pacer.admit(0, 1);
  assert.ok(!pacer.hasRoom);
  pacer.delivered(1);
  assert.ok(pacer.hasRoom);
  assert.equal(pacer.queuedBytes, 19_999_999);
});
