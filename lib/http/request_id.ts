/** Names for requests that came without one. */
import type { WatchedRequest } from "./watched_request.ts";

const LINE_START = "X-Request-Id: ";
/** Digits made by chance once, then digits that count. */
const RANDOM_DIGITS = 20;
const COUNTED_DIGITS = 12;
const LINE_END_BYTES = 2;

/**
 * A line `X-Request-Id: …` of 32 hexadecimal digits, another one each time: what stands before the
 * count is made once, so that a name costs no more than counting.
 */
export class RequestIdLine {
  readonly bytes: Uint8Array;

  constructor() {
    const random = crypto.getRandomValues(new Uint8Array(RANDOM_DIGITS / 2)).toHex();
    const text = `${LINE_START}${random}${"0".repeat(COUNTED_DIGITS)}\r\n`;
    this.bytes = new TextEncoder().encode(text);
  }

  /** Says it to who watches the request that got it. */
  tell(request: WatchedRequest): void {
    request.named(this.bytes, this.bytes.length - LINE_END_BYTES);
  }

  /** Makes it the next one. */
  advance(): void {
    const { bytes } = this;
    const lowest = LINE_START.length + RANDOM_DIGITS;
    for (let at = bytes.length - 3; at >= lowest; at--) {
      const digit = bytes[at]!;
      if (digit !== 0x66) {
        // From 9 on to a.
        bytes[at] = digit === 0x39 ? 0x61 : digit + 1;
        return;
      }
      bytes[at] = 0x30;
    }
  }
}
