/**
 * MOSN's tunnel frame: an 8-byte header and a payload of at most 65,535 bytes of JSON.
 *
 * Source: mosn pkg/filter/network/tunnel/protocol.go@707d635, whose comment has another magic than
 * its code; the code is what peers speak.
 */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";
import { BlockReader } from "./block_reader.ts";

export const FRAME_HEADER_BYTES = 8;
export const FRAME_MAGIC = 0x2088;
export const FRAME_VERSION = 1;
export const MAX_PAYLOAD_BYTES = 0xffff;

/** What a frame carries. MOSN knows the first three; the others travel on control streams only. */
export const FRAME_FLAG = {
  initInfo: 0x01,
  initResponse: 0x02,
  gracefulClose: 0x03,
  adjustWeight: 0x10,
  drain: 0x11,
  retryAfter: 0x12,
  targetHealth: 0x13,
  expose: 0x14,
  exposed: 0x15,
  trace: 0x16,
} as const;
export type FrameFlag = typeof FRAME_FLAG[keyof typeof FRAME_FLAG];

/** Bytes 4 and 5, as one big-endian number. */
export const FRAME_KIND = { request: 0x0100, response: 0x0200 } as const;
export type FrameKind = typeof FRAME_KIND[keyof typeof FRAME_KIND];

/**
 * Flags from the first to the last are ours. A decoder lets pass those that it does not know, so
 * that a newer peer may send them.
 */
export const OWN_FLAGS = { first: 0x10, last: 0x1f } as const;

/** A frame whose payload is there and not yet looked into. */
export interface Frame {
  /** One of {@link FRAME_FLAG}, or another one in the range of {@link OWN_FLAGS}. */
  flag: number;
  kind: FrameKind;
  payload: Uint8Array;
}

const KNOWN_FLAGS: ReadonlySet<number> = new Set(Object.values(FRAME_FLAG));

/** True for the flags that this version has messages for. */
export function isKnownFlag(flag: number): flag is FrameFlag {
  return KNOWN_FLAGS.has(flag);
}

/**
 * Writes a frame.
 *
 * @throws {RangeError} when the payload is longer than 65,535 bytes, which MOSN would cut silently.
 */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const { payload } = frame;
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(
      `Cannot encode a frame: payload has ${payload.length} bytes, at most ${MAX_PAYLOAD_BYTES} fit`,
    );
  }
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, FRAME_MAGIC);
  bytes[2] = FRAME_VERSION;
  bytes[3] = frame.flag;
  view.setUint16(4, frame.kind);
  view.setUint16(6, payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/**
 * Reads frames from bytes that come in pieces. Each header byte is checked as soon as it is there,
 * and nothing is allocated for a payload before its bytes arrive.
 */
export class FrameDecoder {
  readonly #blocks = new BlockReader(measureFrame);

  /** Bytes that are missing for the next frame as far as is known, at least 1. */
  get neededBytes(): number {
    return this.#blocks.neededBytes;
  }

  /** Bytes of an unfinished frame that are held here. */
  get heldBytes(): number {
    return this.#blocks.heldBytes;
  }

  /** Bytes from the first one pushed to the start of the next frame. */
  get offset(): number {
    return this.#blocks.offset;
  }

  /**
   * Takes the next bytes and returns one frame if it is complete, with the bytes behind it.
   *
   * `rest` lies in `bytes`, and so does `payload` where the frame came in one piece.
   *
   * @throws {DecodeError} what the sender did wrong, with the offset from the first byte pushed.
   */
  push(bytes: Uint8Array): { frame: Frame; rest: Uint8Array } | undefined {
    const found = this.#blocks.push(bytes);
    if (found === undefined) return undefined;
    const whole = found.bytes;
    const kind = (whole[4]! << 8 | whole[5]!) as FrameKind;
    const payload = whole.subarray(FRAME_HEADER_BYTES, found.size);
    return { frame: { flag: whole[3]!, kind, payload }, rest: found.rest };
  }

  /**
   * Gives up the frame whose header is there, since some of its payload will not come, as in a cut
   * capture; returns what it was, and how many bytes are still to come of it behind `missingBytes`.
   * Undefined if those reach beyond it.
   */
  abandon(missingBytes: number): { flag: number; bytes: number; leftBytes: number } | undefined {
    if (this.#blocks.heldBytes < FRAME_HEADER_BYTES) return undefined;
    const found = this.#blocks.abandon(missingBytes);
    if (found === undefined) return undefined;
    const { start, leftBytes } = found;
    return { flag: start[3]!, bytes: start.length + missingBytes + leftBytes, leftBytes };
  }
}

function measureFrame(bytes: Uint8Array, count: number, offset: number): number {
  checkHeader(bytes, count, offset);
  if (count < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
  return FRAME_HEADER_BYTES + (bytes[6]! << 8 | bytes[7]!);
}

function isFlag(flag: number): boolean {
  return flag >= FRAME_FLAG.initInfo && flag <= FRAME_FLAG.gracefulClose ||
    flag >= OWN_FLAGS.first && flag <= OWN_FLAGS.last;
}

function hex(value: number, digits: number): string {
  return "0x" + value.toString(16).padStart(digits, "0");
}

/** Checks those bytes of a header that are there. */
function checkHeader(header: Uint8Array, count: number, offset: number): void {
  if (count >= 1 && header[0] !== FRAME_MAGIC >> 8) {
    throw wrong("magic", offset, `first byte is ${hex(header[0]!, 2)}, expected 0x20`);
  }
  if (count >= 2 && header[1] !== (FRAME_MAGIC & 0xff)) {
    const magic = header[0]! << 8 | header[1]!;
    throw wrong("magic", offset, `magic is ${hex(magic, 4)}, expected 0x2088`);
  }
  if (count >= 3 && header[2] !== FRAME_VERSION) {
    throw wrong("version", offset + 2, `version is ${header[2]}, expected 1`);
  }
  if (count >= 4 && !isFlag(header[3]!)) {
    const flag = hex(header[3]!, 2);
    throw wrong("flag", offset + 3, `flag is ${flag}, expected 0x01 to 0x03 or 0x10 to 0x1f`);
  }
  if (
    count >= 5 && header[4] !== FRAME_KIND.request >> 8 && header[4] !== FRAME_KIND.response >> 8
  ) {
    throw wrong(
      "type",
      offset + 4,
      `type starts with ${hex(header[4]!, 2)}, expected 0x01 or 0x02`,
    );
  }
  if (count >= 6 && header[5] !== 0) {
    const kind = header[4]! << 8 | header[5]!;
    throw wrong("type", offset + 4, `type is ${hex(kind, 4)}, expected 0x0100 or 0x0200`);
  }
}

function wrong(reason: DecodeReason, offset: number, detail: string): DecodeError {
  return new DecodeError({ format: "MOSN frame", reason, offset, detail });
}
