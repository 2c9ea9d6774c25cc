/**
 * MOSN's frames as MOSN's own code reads and writes them, quirks included; written from
 * docs/protocol.md and shared by both stand-ins. On purpose not lib/codec: it is what that is
 * checked against.
 */

export const FLAG = { initInfo: 1, initResponse: 2, gracefulClose: 3 } as const;
export const STATUS = {
  unknownFailed: 0,
  success: 1,
  authFailed: 2,
  validatorNotFound: 3,
  clusterNotExist: 4,
} as const;

const HEADER_BYTES = 8;

/** Writes a frame; a length over 65,535 is cut without a word, as in Go's `uint16(len)`. */
export function encodeFrame(flag: number, payload: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(payload));
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  frame.set([0x20, 0x88, 0x01, flag, flag === FLAG.initResponse ? 0x02 : 0x01, 0x00]);
  new DataView(frame.buffer).setUint16(6, body.length & 0xffff);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** A frame that was read. */
export interface MosnFrame {
  flag: number;
  // deno-lint-ignore no-explicit-any
  payload: any;
}

/**
 * Bytes that were read and not yet decoded. Once a frame is there whole, everything is thrown
 * away, also what follows the frame: MOSN drains its whole buffer.
 */
export class MosnReadBuffer {
  #bytes = new Uint8Array(0);

  /**
   * Takes what one read gave; a frame, or undefined while it is not complete.
   *
   * @throws {Error} wrong magic, unknown flag or bad JSON, found only once the length is there.
   */
  push(bytes: Uint8Array): MosnFrame | undefined {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    this.#bytes = all;
    if (all.length <= HEADER_BYTES) return undefined;
    const length = new DataView(all.buffer).getUint16(6);
    if (all.length < HEADER_BYTES + length) return undefined;
    if (all[0] !== 0x20 || all[1] !== 0x88) throw new Error("magic value is not same");
    const flag = all[3]!;
    if (flag < 1 || flag > 3) throw new Error("unrecognized payload data");
    const text = new TextDecoder().decode(all.subarray(HEADER_BYTES, HEADER_BYTES + length));
    const payload = JSON.parse(text);
    checkTypes(flag, payload);
    this.#bytes = new Uint8Array(0);
    return { flag, payload };
  }
}

/** Go refuses a JSON value of another type than its field's, and ignores unknown fields. */
function checkTypes(flag: number, payload: Record<string, unknown>): void {
  const expected: Record<string, string> = flag === FLAG.initInfo
    ? {
      "cluster_name": "string",
      "weight": "integer",
      "host_name": "string",
      "credential_policy": "string",
      "credential": "string",
      "extra": "object",
    }
    : flag === FLAG.initResponse
    ? { "status": "integer" }
    : { "addresses": "array", "cluster_name": "string" };
  for (const [key, type] of Object.entries(expected)) {
    const value = payload[key];
    if (value === undefined || value === null) continue;
    const isRight = type === "integer"
      ? Number.isInteger(value)
      : type === "array"
      ? Array.isArray(value)
      : typeof value === type && !Array.isArray(value);
    if (!isRight) throw new Error(`can't decode payload, err: ${key} is not of type ${type}`);
  }
}
