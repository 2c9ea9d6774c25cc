/** Long byte streams of which only count and checksum are kept. */
import { createHash } from "node:crypto";
import type { Duplex } from "../../../lib/duplex.ts";

const PIECE_BYTES = 64 << 10;

/** Count and SHA-256 of a byte stream. */
export interface Sum {
  bytes: number;
  sha256: string;
}

/** Writes `count` bytes that tell their place, then ends its side; heeds backpressure. */
export function sendPattern(duplex: Duplex, count: number, onSent: (sum: Sum) => void): {
  onDrain(): void;
} {
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE_BYTES);
  let sent = 0;
  const step = () => {
    while (sent < count) {
      const size = Math.min(PIECE_BYTES, count - sent);
      fill(piece, sent);
      sent += size;
      hash.update(piece.subarray(0, size));
      const hasRoom = duplex.write(piece.subarray(0, size));
      if (sent === count) {
        duplex.end();
        onSent({ bytes: count, sha256: hash.digest("hex") });
      } else if (!hasRoom) {
        return;
      }
    }
  };
  step();
  return { onDrain: step };
}

/** Reads a connection to its end. */
export async function sumOf(conn: Deno.Conn): Promise<Sum> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(256 << 10);
  let bytes = 0;
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return { bytes, sha256: hash.digest("hex") };
    bytes += count;
    hash.update(buffer.subarray(0, count));
  }
}

/** Writes `count` bytes of the same pattern to a connection and ends its side. */
export async function sendPatternTo(conn: Deno.TcpConn, count: number): Promise<Sum> {
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE_BYTES);
  for (let sent = 0; sent < count;) {
    const size = Math.min(PIECE_BYTES, count - sent);
    fill(piece, sent);
    hash.update(piece.subarray(0, size));
    for (let at = 0; at < size;) at += await conn.write(piece.subarray(at, size));
    sent += size;
  }
  await conn.closeWrite();
  return { bytes: count, sha256: hash.digest("hex") };
}

/** Fills `piece` with the bytes that stand at `place` of the pattern. */
function fill(piece: Uint8Array, place: number): void {
  for (let at = 0; at < piece.length; at++, place++) piece[at] = place ^ place >>> 8 ^ place >>> 16;
}
