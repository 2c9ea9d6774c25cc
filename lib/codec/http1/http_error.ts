/** What is wrong with an HTTP message, and what to answer to its sender. */
import { DecodeError } from "../../errors.ts";
import type { DecodeReason } from "../../errors.ts";

/** Bytes that are no HTTP/1 message that we would pass on. */
export class HttpError extends DecodeError {
  override name = "HttpError";
  /** The status to answer a request with (400, 414, 431, 505 …); a bad response is a 502. */
  readonly status: number;

  constructor(status: number, reason: DecodeReason, offset: number, detail: string) {
    super({ format: "HTTP/1 message", reason, offset, detail });
    this.status = status;
  }
}

/** Names a byte for an error's text: `"a"`, or `0x0a` where it cannot be printed. */
export function describeByte(byte: number | undefined): string {
  if (byte === undefined) return "the end";
  if (byte > 0x20 && byte < 0x7f) return `"${String.fromCharCode(byte)}"`;
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
