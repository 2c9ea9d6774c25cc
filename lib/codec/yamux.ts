/**
 * The yamux frame header: 12 bytes, big endian.
 *
 * Source: hashicorp/yamux spec.md, const.go.
 */
import { DecodeError } from "../errors.ts";

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

/**
 * Reads headers from bytes that come in pieces, each into its own fields, so that none costs an
 * allocation. Payloads are stepped over by the caller.
 */
export class HeaderReader {
  /** One of {@link FRAME_TYPE}. */
  type = 0;
  /** Bits of {@link FLAG}; others are for later versions. */
  flags = 0;
  streamId = 0;
  /** Data: bytes that follow; window update: credit; ping: opaque; go away: reason. */
  value = 0;
  /** The last `read()` came to the end of a header: the fields are those of this one. */
  isWhole = false;
  readonly #held = new Uint8Array(HEADER_BYTES);
  #heldBytes = 0;

  /** Bytes that are missing for the next header, 1 to 12. */
  get neededBytes(): number {
    return HEADER_BYTES - this.#heldBytes;
  }

  /**
   * Reads on at `at`, up to the end of a header or of the bytes.
   *
   * @param offset bytes that precede `bytes[0]`, for errors.
   * @returns where it stopped; see {@link isWhole}.
   * @throws {DecodeError} `reason: "version"` or `"type"`, as soon as that byte is there.
   */
  read(bytes: Uint8Array, at: number, offset = 0): number {
    if (this.#heldBytes === 0 && bytes.length - at >= HEADER_BYTES) {
      this.#take(bytes, at, offset + at);
      return at + HEADER_BYTES;
    }
    const start = offset + at - this.#heldBytes;
    while (at < bytes.length && this.#heldBytes < HEADER_BYTES) {
      this.#held[this.#heldBytes++] = bytes[at++]!;
    }
    this.isWhole = this.#heldBytes === HEADER_BYTES;
    if (this.isWhole) {
      this.#heldBytes = 0;
      this.#take(this.#held, 0, start);
    } else {
      if (this.#heldBytes > 0 && this.#held[0] !== VERSION) {
        throw wrongVersion(this.#held[0]!, start);
      }
      if (this.#heldBytes > 1 && this.#held[1]! > FRAME_TYPE.goAway) {
        throw wrongType(this.#held[1]!, start);
      }
    }
    return at;
  }

  #take(bytes: Uint8Array, at: number, offset: number): void {
    this.isWhole = true;
    this.type = bytes[at + 1]!;
    this.flags = bytes[at + 2]! << 8 | bytes[at + 3]!;
    this.streamId = (bytes[at + 4]! << 24 | bytes[at + 5]! << 16 | bytes[at + 6]! << 8 |
      bytes[at + 7]!) >>> 0;
    this.value = (bytes[at + 8]! << 24 | bytes[at + 9]! << 16 | bytes[at + 10]! << 8 |
      bytes[at + 11]!) >>> 0;
    if (bytes[at] !== VERSION) throw wrongVersion(bytes[at]!, offset);
    if (this.type > FRAME_TYPE.goAway) throw wrongType(this.type, offset);
  }
}

function wrongVersion(version: number, offset: number): DecodeError {
  const detail = `version is ${version}, expected ${VERSION}`;
  return new DecodeError({ format: "yamux header", reason: "version", offset, detail });
}

function wrongType(type: number, offset: number): DecodeError {
  const detail = `frame type is ${type}, expected 0 to ${FRAME_TYPE.goAway}`;
  return new DecodeError({ format: "yamux header", reason: "type", offset: offset + 1, detail });
}
