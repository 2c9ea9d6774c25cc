/**
 * The yamux frame header: 12 bytes, big endian.
 *
 * Source: hashicorp/yamux spec.md, const.go.
 */

export const HEADER_BYTES = 12;
export const VERSION = 0;

/** What a frame is for. */
export const FRAME_TYPE = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const;

/** Bits of a header's flags. */
export const FLAG = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;

/** Why a peer wants no new streams. */
export const GO_AWAY = { normal: 0, protocolError: 1, internalError: 2 } as const;

/**
 * Writes a header at `offset`.
 *
 * @param value data: bytes that follow; window update: credit; ping: opaque; go away: reason.
 */
export function writeHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  flags: number,
  streamId: number,
  value: number,
): void {
  bytes[offset] = VERSION;
  bytes[offset + 1] = type;
  bytes[offset + 2] = flags >> 8;
  bytes[offset + 3] = flags;
  bytes[offset + 4] = streamId >>> 24;
  bytes[offset + 5] = streamId >>> 16;
  bytes[offset + 6] = streamId >>> 8;
  bytes[offset + 7] = streamId;
  bytes[offset + 8] = value >>> 24;
  bytes[offset + 9] = value >>> 16;
  bytes[offset + 10] = value >>> 8;
  bytes[offset + 11] = value;
}
