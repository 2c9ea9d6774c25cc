/** Any frame of a tunnel connection, its payload as it is on the wire. */
import { encodeFrame } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { FRAME_TYPE, HEADER_BYTES, writeHeader } from "./yamux.ts";

/** A yamux frame. */
export interface YamuxFrame {
  /** One of `FRAME_TYPE` in yamux.ts. */
  type: number;
  flags: number;
  streamId: number;
  /** Data: bytes of payload; window update: credit; ping: opaque; go away: reason. */
  value: number;
  /** What a data frame carries; absent if it was not kept. */
  payload?: Uint8Array;
}

/** Everything that has a frame of its own. */
export type WireFrame =
  | ({ protocol: "mosn" } & Frame)
  | ({ protocol: "yamux" } & YamuxFrame)
  /** A stream's preface; no payload for the default target. */
  | { protocol: "preface"; payload: Uint8Array }
  /** A stream's answer; `status` is the byte on the wire. */
  | { protocol: "answer"; status: number; payload: Uint8Array };

/**
 * Writes a frame exactly as it says, also where no peer would take it.
 *
 * @throws {RangeError} when its payload is missing or longer than its length field can say.
 */
export function encodeWireFrame(frame: WireFrame): Uint8Array {
  switch (frame.protocol) {
    case "mosn":
      return encodeFrame(frame);
    case "yamux":
      return encodeYamux(frame);
    case "preface":
      return withLength([], frame.payload);
    case "answer":
      return withLength([frame.status], frame.payload);
  }
}

function encodeYamux(frame: YamuxFrame): Uint8Array {
  const { type, flags, streamId, value } = frame;
  const payload = frame.payload ?? new Uint8Array(0);
  const expectedBytes = type === FRAME_TYPE.data ? value : 0;
  if (payload.length !== expectedBytes) {
    throw new RangeError(
      `Cannot encode a frame: payload has ${payload.length} bytes, its header says ${expectedBytes}`,
    );
  }
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  writeHeader(bytes, 0, type, flags, streamId, value);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function withLength(lead: readonly number[], payload: Uint8Array): Uint8Array {
  if (payload.length > 0xffff) {
    throw new RangeError(`Cannot encode a frame: payload has ${payload.length} bytes, over 65535`);
  }
  const head = [...lead, payload.length >> 8, payload.length & 0xff];
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}
