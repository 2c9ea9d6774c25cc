import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeFrame,
  FRAME_FLAG,
  FRAME_KIND,
  FrameDecoder,
  MAX_PAYLOAD_BYTES,
} from "../../lib/codec/frame.ts";
import type { Frame } from "../../lib/codec/frame.ts";
import { DecodeError } from "../../lib/errors.ts";
import { byteByByte, cutsArbitrary, damaged, decodePieces } from "./pieces.ts";

const frameArbitrary: fc.Arbitrary<Frame> = fc.record({
  flag: fc.constantFrom(0x01, 0x02, 0x03, 0x10, 0x11, 0x12, 0x13, 0x14, 0x1f),
  kind: fc.constantFrom(FRAME_KIND.request, FRAME_KIND.response),
  payload: fc.uint8Array({ maxLength: 100 }),
}, { noNullPrototype: true });

Deno.test("FrameDecoder reads what encodeFrame() writes, however it is cut", () => {
  fc.assert(
    fc.property(frameArbitrary, cutsArbitrary, fc.uint8Array(), (frame, cuts, trailing) => {
      const encoded = encodeFrame(frame);
      const bytes = new Uint8Array([...encoded, ...trailing]);
      const result = decodePieces(new FrameDecoder(), bytes, cuts);
      assert.deepEqual(result, { value: { frame }, restBytes: trailing.length });
    }),
  );
});

Deno.test("FrameDecoder gives the same for any cut of damaged bytes", () => {
  const bytes = damaged(frameArbitrary.map((frame) => encodeFrame(frame) as Uint8Array));
  fc.assert(fc.property(bytes, cutsArbitrary, (bytes, cuts) => {
    const pieces = decodePieces(new FrameDecoder(), bytes, cuts);
    const whole = decodePieces(new FrameDecoder(), bytes, []);
    // Damage may be seen before the rest of a wrong type has come, and is then told in other words.
    const asked = ({ detail: _, ...outcome }: Record<string, unknown>) => outcome;
    assert.deepEqual(asked(pieces), asked(whole));
  }));
});

Deno.test("FrameDecoder reads one frame after the other, and counts their bytes", () => {
  const frame: Frame = {
    flag: FRAME_FLAG.drain,
    kind: FRAME_KIND.request,
    payload: Uint8Array.of(0x7b, 0x7d),
  };
  const empty: Frame = { ...frame, payload: new Uint8Array(0) };
  const bytes = new Uint8Array([...encodeFrame(frame), ...encodeFrame(empty), 0x20]);
  const decoder = new FrameDecoder();
  const first = decoder.push(bytes);
  assert.deepEqual(first?.frame, frame);
  assert.equal(decoder.offset, 10);
  const second = decoder.push(first!.rest);
  assert.deepEqual(second?.frame, empty);
  assert.equal(decoder.push(second!.rest), undefined);
  assert.deepEqual([decoder.offset, decoder.heldBytes, decoder.neededBytes], [18, 1, 7]);
  assert.throws(() => decoder.push(Uint8Array.of(0x89)), (error) => {
    assert.ok(error instanceof DecodeError);
    assert.equal(
      error.message,
      "Cannot decode MOSN frame at byte 18: magic is 0x2089, expected 0x2088",
    );
    return true;
  });
});

Deno.test("FrameDecoder refuses each header byte as soon as it is there", () => {
  const cases: [bytes: number[], reason: string, offset: number][] = [
    [[0x47], "magic", 0],
    [[0x20, 0x89], "magic", 0],
    [[0x20, 0x88, 2], "version", 2],
    [[0x20, 0x88, 1, 0], "flag", 3],
    [[0x20, 0x88, 1, 4], "flag", 3],
    [[0x20, 0x88, 1, 0x0f], "flag", 3],
    [[0x20, 0x88, 1, 0x20], "flag", 3],
    [[0x20, 0x88, 1, 1, 3], "type", 4],
    [[0x20, 0x88, 1, 1, 1, 1], "type", 4],
  ];
  for (const [values, reason, offset] of cases) {
    const bytes = Uint8Array.from(values);
    for (const cuts of [[], byteByByte(bytes)]) {
      const result = decodePieces(new FrameDecoder(), bytes, cuts) as { reason: string };
      assert.deepEqual({ ...result, detail: "" }, { reason, offset, detail: "" });
    }
    const start = bytes.subarray(0, bytes.length - 1);
    assert.deepEqual(decodePieces(new FrameDecoder(), start, []), { needed: true });
  }
});

Deno.test("FrameDecoder says what is missing and holds no more than what came", () => {
  const payload = new Uint8Array(MAX_PAYLOAD_BYTES).fill(0x20);
  const bytes = encodeFrame({ flag: 1, kind: FRAME_KIND.request, payload });
  const decoder = new FrameDecoder();
  assert.equal(decoder.neededBytes, 8);
  assert.equal(decoder.push(bytes.subarray(0, 3)), undefined);
  assert.equal(decoder.neededBytes, 5);
  assert.equal(decoder.push(bytes.subarray(3, 8)), undefined);
  assert.deepEqual([decoder.neededBytes, decoder.heldBytes], [MAX_PAYLOAD_BYTES, 8]);
  assert.equal(decoder.push(bytes.subarray(8, 1000)), undefined);
  assert.deepEqual([decoder.neededBytes, decoder.heldBytes], [MAX_PAYLOAD_BYTES - 992, 1000]);
  assert.equal(decoder.push(bytes.subarray(1000))?.frame.payload.length, MAX_PAYLOAD_BYTES);
  assert.equal(decoder.heldBytes, 0);
});

Deno.test("FrameDecoder does not copy what came in one piece", () => {
  const bytes = encodeFrame({ flag: 1, kind: FRAME_KIND.request, payload: Uint8Array.of(1, 2) });
  const { frame, rest } = new FrameDecoder().push(new Uint8Array([...bytes, 7]))!;
  assert.equal(frame.payload.buffer, rest.buffer);
});

Deno.test("encodeFrame() refuses a payload whose length does not fit, which MOSN would cut", () => {
  const payload = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
  assert.throws(() => encodeFrame({ flag: 1, kind: FRAME_KIND.request, payload }), RangeError);
});
