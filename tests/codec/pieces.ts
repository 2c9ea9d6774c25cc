/** Ways to cut bytes into pieces: every decoder must give the same for all of them. */
import fc from "fast-check";
import { DecodeError } from "../../lib/errors.ts";

/** A decoder of one value: gives it once it is whole, with the bytes behind it. */
export interface PieceDecoder<T> {
  push(bytes: Uint8Array): T | undefined;
}

/** What became of some bytes: a value and how many bytes follow it, or the error's fields. */
export type Outcome<T> =
  | { value: T; restBytes: number }
  | { reason: string; offset: number; detail: string }
  | { needed: true };

/** Feeds `bytes` in pieces that end at `cuts`; anything thrown but DecodeError passes through. */
export function decodePieces<T extends { rest: Uint8Array }>(
  decoder: PieceDecoder<T>,
  bytes: Uint8Array,
  cuts: readonly number[],
): Outcome<Omit<T, "rest">> {
  const ends = [...new Set([...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length])];
  let start = 0;
  try {
    for (const end of ends.sort((a, b) => a - b)) {
      const result = decoder.push(bytes.slice(start, end));
      if (result !== undefined) {
        const { rest, ...value } = result;
        return { value, restBytes: rest.length + bytes.length - end };
      }
      start = end;
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { reason: error.reason, offset: error.offset, detail: error.detail };
  }
  return { needed: true };
}

/** Ends of all pieces of one byte. */
export function byteByByte(bytes: Uint8Array): number[] {
  return Array.from(bytes, (_, at) => at + 1);
}

/** Random places to cut up to 200 bytes at. */
export const cutsArbitrary: fc.Arbitrary<number[]> = fc.array(fc.nat(200), { maxLength: 8 });

/** Bytes that are `valid` with some damage, and plain garbage. */
export function damaged(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const flipped = fc.tuple(valid, fc.nat(), fc.integer({ min: 1, max: 255 })).map(
    ([bytes, at, mask]) => {
      const copy = bytes.slice();
      if (copy.length > 0) copy[at % copy.length]! ^= mask;
      return copy;
    },
  );
  const cut = fc.tuple(valid, fc.nat()).map(([bytes, at]) =>
    bytes.slice(0, at % (bytes.length + 1))
  );
  return fc.oneof(flipped, cut, fc.uint8Array({ maxLength: 64 }));
}
