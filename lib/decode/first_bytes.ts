/** Tells by the first bytes behind a handshake, or in the middle of a connection, what they are. */
import { FRAME_TYPE, HEADER_BYTES } from "../codec/yamux.ts";
import type { Direction } from "./record.ts";

/** What a tunnel connection may carry. */
export type Protocol = "mux" | "HTTP/1" | "HTTP/2" | "TLS" | "data";

const utf8 = new TextEncoder();
const HTTP2_PREFACE = utf8.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HTTP1_RESPONSE = utf8.encode("HTTP/1.");
/** An HTTP/2 server's first frame, behind its length: SETTINGS without flags on stream 0. */
const HTTP2_SETTINGS = Uint8Array.of(4, 0, 0, 0, 0, 0);
const HTTP2_LENGTH_BYTES = 3;
/** As in lib/codec/http1/request_head.ts. */
const MAX_METHOD_BYTES = 32;
/** A data frame longer than this is no data frame. */
const MAX_BELIEVED_BYTES = 16 << 20;

/**
 * Names the protocol of bytes that stand at its start.
 *
 * @param isAll no more will come.
 * @returns undefined while they are too few to tell.
 */
export function guessProtocol(
  bytes: Uint8Array,
  direction: Direction,
  isAll: boolean,
): Protocol | undefined {
  if (startsLike(bytes, HTTP2_PREFACE)) {
    return bytes.length < HTTP2_PREFACE.length && !isAll ? undefined : "HTTP/2";
  }
  if (isSettings(bytes)) {
    return bytes.length < HTTP2_LENGTH_BYTES + HTTP2_SETTINGS.length && !isAll
      ? undefined
      : "HTTP/2";
  }
  if (bytes[0] === 0x16 && (bytes[1] ?? 3) === 3) {
    return bytes.length < 2 && !isAll ? undefined : "TLS";
  }
  if (direction !== "server-to-agent" && startsLike(bytes, HTTP1_RESPONSE)) {
    return bytes.length < HTTP1_RESPONSE.length && !isAll ? undefined : "HTTP/1";
  }
  // Without the other direction nothing says which mode was agreed on: the bytes must.
  if (bytes[0] === 0) {
    if (bytes.length < HEADER_BYTES && !isAll) return undefined;
    return isMuxHeader(bytes.subarray(0, HEADER_BYTES), 0) ? "mux" : "data";
  }
  return direction === "agent-to-server" ? "data" : guessRequest(bytes, isAll);
}

/** True if a session's frame may begin at `at`, and another behind it as far as that can be seen. */
export function isMuxHeader(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at < HEADER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  const type = view.getUint8(1);
  const flags = view.getUint16(2);
  const id = view.getUint32(4);
  const value = view.getUint32(8);
  if (view.getUint8(0) !== 0 || flags > 0xf) return false;
  switch (type) {
    case FRAME_TYPE.data: {
      if (id === 0 || value > MAX_BELIEVED_BYTES) return false;
      const next = at + HEADER_BYTES + value;
      return next + HEADER_BYTES > bytes.length || isMuxHeader(bytes, next);
    }
    case FRAME_TYPE.windowUpdate:
      return id !== 0;
    case FRAME_TYPE.ping:
      return id === 0 && (flags === 1 || flags === 2);
    default:
      return type === FRAME_TYPE.goAway && id === 0 && flags === 0 && value <= 2;
  }
}

/** A request starts with a method: letters, then a space. */
function guessRequest(bytes: Uint8Array, isAll: boolean): Protocol | undefined {
  const space = bytes.subarray(0, MAX_METHOD_BYTES + 1).indexOf(0x20);
  const method = bytes.subarray(0, space === -1 ? MAX_METHOD_BYTES : space);
  const isMethod = method.length > 0 &&
    method.every((byte) => byte === 0x2d || (byte >= 0x41 && byte <= 0x5a));
  if (!isMethod) return "data";
  if (space !== -1) return "HTTP/1";
  return bytes.length > MAX_METHOD_BYTES || isAll ? "data" : undefined;
}

function isSettings(bytes: Uint8Array): boolean {
  const rest = bytes.subarray(HTTP2_LENGTH_BYTES);
  const length = bytes[0]! << 16 | bytes[1]! << 8 | bytes[2]!;
  return rest.length > 0 && length % 6 === 0 && length < 600 && startsLike(rest, HTTP2_SETTINGS);
}

function startsLike(bytes: Uint8Array, start: Uint8Array): boolean {
  const size = Math.min(bytes.length, start.length);
  for (let at = 0; at < size; at++) if (bytes[at] !== start[at]) return false;
  return size > 0;
}
