/** What of an HTTP/1 body an HTTP/2 stream carries: the bytes without their framing. */
import { Buffer } from "node:buffer";
import type { BodyScanner } from "../../codec/http1/body_scanner.ts";

/**
 * Scans `bytes` from `start` on and gives the body's own bytes in them, undefined if there are none.
 * They are a copy: `bytes` lie in a buffer that is used again, and Node writes when it likes.
 *
 * @throws {HttpError}
 */
export function bodyBytes(body: BodyScanner, bytes: Uint8Array, start: number): Buffer | undefined {
  const pieces: Uint8Array[] = [];
  body.scan(bytes, start, bytes.length, (from, to) => pieces.push(bytes.subarray(from, to)));
  return pieces.length > 0 ? Buffer.concat(pieces) : undefined;
}
