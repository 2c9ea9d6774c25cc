import assert from "node:assert/strict";
import fc from "fast-check";
import { DatagramDecoder } from "../lib/datagram_framing.ts";

/** Datagrams of `stream`, given to the decoder in pieces that end at `cuts`. */
function decode(stream: Uint8Array, cuts: readonly number[]) {
  const found: number[][] = [];
  const decoder = new DatagramDecoder((bytes) => found.push([...bytes]));
  const ends = [...cuts.filter((cut) => cut < stream.length), stream.length];
  let start = 0;
  for (const end of ends.sort((a, b) => a - b)) {
    decoder.push(stream.subarray(start, end));
    start = end;
  }
  return { found, heldBytes: decoder.heldBytes };
}

Deno.test("DatagramDecoder gives the same datagrams for any pieces of their stream", () => {
  const datagrams = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
  fc.assert(fc.property(datagrams, fc.array(fc.nat(2000)), fc.nat(3), (all, cuts, missing) => {
    const stream = Uint8Array.from(
      all.flatMap((bytes) => [bytes.length >> 8, bytes.length & 255, ...bytes]),
    );
    const whole = decode(stream, cuts);
    assert.deepEqual(whole, { found: all.map((bytes) => [...bytes]), heldBytes: 0 });
    const last = all.at(-1);
    if (last === undefined || missing === 0 || missing > last.length) return;
    const cut = decode(stream.subarray(0, -missing), cuts);
    assert.deepEqual(cut.found, whole.found.slice(0, -1));
    assert.equal(cut.heldBytes, last.length + 2 - missing);
  }));
});
