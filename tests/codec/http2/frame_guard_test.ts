import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DEFAULT_FRAME_LIMITS,
  FrameGuard,
  H2_PREFACE,
} from "../../../lib/codec/http2/frame_guard.ts";
import type { FrameAbuse } from "../../../lib/codec/http2/frame_guard.ts";

const ignore = () => {};
const END_STREAM = 1;
const END_HEADERS = 4;

function frame(type: number, flags: number, length: number): Uint8Array {
  const bytes = new Uint8Array(9 + length);
  bytes.set([length >> 16, length >> 8 & 255, length & 255, type, flags, 0, 0, 0, 1]);
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** What a guard says of `count` frames in one moment. */
function verdictOn(one: Uint8Array, count: number): FrameAbuse | undefined {
  const guard = new FrameGuard({ hasPreface: false });
  for (let i = 0; i < count; i++) {
    const abuse = guard.push(one, 1000, ignore);
    if (abuse !== undefined) return abuse;
  }
  return undefined;
}

Deno.test.each<[string, Uint8Array, number, FrameAbuse | undefined]>([
  ["resets as many as are borne", frame(3, 0, 4), 1000, undefined],
  ["rapid resets", frame(3, 0, 4), 1001, "resets"],
  ["a flood of settings", frame(4, 0, 6), 5001, "control"],
  ["a flood of pings", frame(6, 0, 8), 5001, "control"],
  ["a flood of priorities", frame(2, 0, 5), 5001, "control"],
  ["a flood of unknown frames", frame(99, 0, 0), 5001, "control"],
  ["a flood of empty data", frame(0, 0, 0), 101, "emptyFrames"],
  ["much data", frame(0, 0, 1000), 10_000, undefined],
  ["many ends of streams", frame(0, END_STREAM, 0), 10_000, undefined],
  ["many requests", frame(1, END_HEADERS, 100), 10_000, undefined],
  ["a flood of continuations", frame(9, 0, 0), 33, "headerBlock"],
  ["an endless header block", frame(9, 0, 16_384), 5, "headerBlock"],
  ["a frame that is too large", frame(0, 0, 16_385), 1, "frameSize"],
  ["many window updates", frame(8, 0, 4), 10_000, undefined],
])("FrameGuard on %s", (_, one, count, expected) => {
  assert.equal(verdictOn(one, count), expected);
});

Deno.test("FrameGuard counts a header block from its HEADERS", () => {
  const guard = new FrameGuard({ hasPreface: false });
  const block = joined(frame(1, 0, 16_384), frame(9, 0, 16_384), frame(9, END_HEADERS, 16_384));
  for (let i = 0; i < 10; i++) assert.equal(guard.push(block, 0, ignore), undefined);
  assert.equal(guard.push(joined(frame(1, 0, 16_384), frame(9, 0, 16_384)), 0, ignore), undefined);
  assert.equal(guard.push(joined(frame(9, 0, 16_384), frame(9, 0, 16_384)), 0, ignore), undefined);
  assert.equal(guard.push(frame(9, 0, 1), 0, ignore), "headerBlock");
});

Deno.test("FrameGuard bears what comes slowly", () => {
  const guard = new FrameGuard({ hasPreface: false });
  const { burst, perSecond } = DEFAULT_FRAME_LIMITS.resets;
  let nowMs = 0;
  for (let i = 0; i < burst * 3; i++) {
    assert.equal(guard.push(frame(3, 0, 4), nowMs, ignore), undefined, `reset ${i}`);
    nowMs += 1000 / perSecond;
  }
});

Deno.test("FrameGuard knows a client by its preface, however it is cut", () => {
  const good = joined(H2_PREFACE, frame(4, 0, 0), frame(1, END_HEADERS, 10));
  const guard = new FrameGuard({ hasPreface: true });
  for (const byte of good) assert.equal(guard.push(Uint8Array.of(byte), 0, ignore), undefined);
  for (let at = 0; at < H2_PREFACE.length; at++) {
    const bytes = H2_PREFACE.slice();
    bytes[at]! ^= 1;
    assert.equal(new FrameGuard({ hasPreface: true }).push(bytes, 0, ignore), "preface");
  }
});

Deno.test("FrameGuard says the same of any bytes, whole or in pieces, and never throws", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 400 }),
    fc.array(fc.nat(400), { maxLength: 10 }),
    (bytes, cuts) => {
      const whole = new FrameGuard({ hasPreface: false }).push(bytes, 0, ignore);
      const guard = new FrameGuard({ hasPreface: false });
      let inPieces: FrameAbuse | undefined;
      const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) =>
        a - b
      );
      let at = 0;
      for (const end of ends) {
        inPieces ??= guard.push(bytes.subarray(at, end), 0, ignore);
        at = end;
      }
      assert.equal(inPieces, whole);
    },
  ));
});

Deno.test("FrameGuard hands everything on but GOAWAY, however it is cut", () => {
  const kept = [frame(4, 0, 6), frame(1, END_HEADERS, 20), frame(0, END_STREAM, 7), frame(8, 0, 4)];
  const away = frame(7, 0, 8);
  const sent = joined(kept[0]!, away, kept[1]!, kept[2]!, away, away, kept[3]!, away);
  fc.assert(fc.property(fc.array(fc.nat(sent.length), { maxLength: 20 }), (cuts) => {
    let goAways = 0;
    const guard = new FrameGuard({ hasPreface: false, onGoAway: () => goAways += 1 });
    const passed: Uint8Array[] = [];
    let at = 0;
    for (const end of [...cuts, sent.length].sort((a, b) => a - b)) {
      const abuse = guard.push(sent.subarray(at, end), 0, (bytes) => passed.push(bytes.slice()));
      assert.equal(abuse, undefined);
      at = end;
    }
    assert.deepEqual(joined(...passed), joined(...kept));
    assert.equal(goAways, 4);
  }));
});
