import assert from "node:assert/strict";
import fc from "fast-check";
import { PeerIds } from "../../lib/mux/peer_ids.ts";

Deno.test("ids in order are each opened once", () => {
  for (const first of [1, 2] as const) {
    const ids = new PeerIds(first);
    for (let id: number = first; id < 100; id += 2) {
      assert.equal(ids.wasOpened(id), false);
      assert.equal(ids.open(id), true);
      assert.equal(ids.open(id), false);
      assert.equal(ids.wasOpened(id), true);
    }
  }
});

Deno.test("openings that overtake each other within 256 are each taken once", () => {
  fc.assert(fc.property(fc.array(fc.nat(255), { minLength: 1, maxLength: 200 }), (delays) => {
    // Opening number i comes at i + delay: none is overtaken by more than 256.
    const order = delays.map((delay, index) => ({ id: 2 * index + 1, at: index + delay }))
      .sort((one, other) => one.at - other.at);
    const ids = new PeerIds(1);
    for (const { id } of order) {
      assert.equal(ids.wasOpened(id), false);
      assert.equal(ids.open(id), true);
    }
    for (const { id } of order) {
      assert.equal(ids.wasOpened(id), true);
      assert.equal(ids.open(id), false);
    }
  }));
});

Deno.test("ids that were left out long ago are taken for used", () => {
  const ids = new PeerIds(2);
  assert.equal(ids.open(0x7ffffffe), true);
  assert.equal(ids.open(2), false);
  assert.equal(ids.open(0x7ffffffe - 512), true);
  assert.equal(ids.open(0x7ffffffe - 514), false);
  assert.equal(ids.open(0xfffffffe), true);
  assert.equal(ids.open(0x7ffffffe - 500), false);
});
