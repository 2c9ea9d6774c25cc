import assert from "node:assert/strict";
import fc from "fast-check";
import {
  FLAG,
  FRAME_TYPE,
  GO_AWAY,
  HEADER_BYTES,
  HeaderReader,
  writeHeader,
} from "../../lib/codec/yamux.ts";
import { DecodeError } from "../../lib/errors.ts";
import { cutsArbitrary } from "./pieces.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const headerArbitrary = fc.record({
  type: fc.integer({ min: 0, max: 3 }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  streamId: u32,
  value: u32,
}, { noNullPrototype: true });
type Header = { type: number; flags: number; streamId: number; value: number };

function encode(headers: readonly Header[]): Uint8Array {
  const bytes = new Uint8Array(headers.length * HEADER_BYTES);
  headers.forEach(({ type, flags, streamId, value }, index) =>
    writeHeader(bytes, index * HEADER_BYTES, type, flags, streamId, value)
  );
  return bytes;
}

/** The obvious way to write it. */
function reference({ type, flags, streamId, value }: Header): Uint8Array {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  view.setUint8(1, type);
  view.setUint16(2, flags);
  view.setUint32(4, streamId);
  view.setUint32(8, value);
  return new Uint8Array(view.buffer);
}

/** Reads all headers of `bytes`, cut at `cuts`. */
function readAll(bytes: Uint8Array, cuts: readonly number[]): unknown[] {
  const reader = new HeaderReader();
  const found: unknown[] = [];
  const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) => a - b);
  let start = 0;
  try {
    for (const end of ends) {
      const piece = bytes.subarray(start, end);
      let at = 0;
      while (at < piece.length) {
        at = reader.read(piece, at, start);
        const { isWhole, type, flags, streamId, value } = reader;
        if (isWhole) found.push({ type, flags, streamId, value });
      }
      start = end;
    }
  } catch (error) {
    assert.ok(error instanceof DecodeError);
    found.push(error.message);
  }
  return found;
}

Deno.test("the numbers of the wire are those of the specification", () => {
  assert.equal(HEADER_BYTES, 12);
  assert.deepEqual(FRAME_TYPE, { data: 0, windowUpdate: 1, ping: 2, goAway: 3 });
  assert.deepEqual(FLAG, { syn: 1, ack: 2, fin: 4, rst: 8 });
  assert.deepEqual(GO_AWAY, { normal: 0, protocolError: 1, internalError: 2 });
});

Deno.test("writeHeader() writes what a DataView would, and nothing else", () => {
  fc.assert(fc.property(headerArbitrary, (header) => {
    const bytes = new Uint8Array(HEADER_BYTES + 4).fill(0xee);
    writeHeader(bytes, 2, header.type, header.flags, header.streamId, header.value);
    assert.deepEqual(bytes.subarray(2, 14), reference(header));
    assert.deepEqual([...bytes.subarray(0, 2), ...bytes.subarray(14)], [0xee, 0xee, 0xee, 0xee]);
  }));
});

Deno.test("HeaderReader reads what writeHeader() writes, however it is cut", () => {
  fc.assert(
    fc.property(fc.array(headerArbitrary, { maxLength: 12 }), cutsArbitrary, (headers, cuts) => {
      assert.deepEqual(readAll(encode(headers), cuts), headers);
    }),
  );
});

Deno.test("HeaderReader says the same of any bytes, however they are cut", () => {
  const bytes = fc.tuple(fc.array(headerArbitrary, { maxLength: 3 }), fc.uint8Array()).map(
    ([headers, rest]) => new Uint8Array([...encode(headers), ...rest]),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    const single = Array.from(bytes, (_, at) => at + 1);
    const whole = readAll(bytes, []);
    assert.deepEqual(readAll(bytes, single), whole);
  }));
});

Deno.test("HeaderReader refuses version and type as soon as they are there", () => {
  const reader = new HeaderReader();
  const expect = (bytes: number[], message: string) =>
    assert.throws(() => new HeaderReader().read(Uint8Array.from(bytes), 0, 24), { message });
  expect([1], "Cannot decode yamux header at byte 24: version is 1, expected 0");
  expect([0, 4], "Cannot decode yamux header at byte 25: frame type is 4, expected 0 to 3");
  expect(
    [0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "Cannot decode yamux header at byte 25: frame type is 9, expected 0 to 3",
  );
  assert.equal(reader.read(Uint8Array.of(0, 3), 0), 2);
  assert.deepEqual([reader.isWhole, reader.neededBytes], [false, 10]);
});
