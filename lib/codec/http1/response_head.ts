/** The head of a response: RFC 9112 section 4, strictly. */
import { CR, IS_FIELD_VALUE, LF, SPACE } from "./byte_class.ts";
import { Head, INCOMPLETE } from "./head.ts";
import { latin1 } from "./latin1.ts";

const HTTP_1 = new TextEncoder().encode("HTTP/1.");
/** "HTTP/1.1 200" */
const STATUS_END = 12;

/** A response's head, to be parsed into again and again. */
export class ResponseHead extends Head {
  status = 0;
  /** The reason phrase, may be empty. */
  reasonStart = 0;
  reasonEnd = 0;

  get reason(): string {
    return latin1(this.bytes, this.reasonStart, this.reasonEnd);
  }

  /** The sender keeps this connection after the exchange, if the body's framing allows it. */
  get isKeepAlive(): boolean {
    return !this.hasClose && (this.minorVersion === 1 || this.hasKeepAlive);
  }

  /** A 1xx answer that another one follows; 101 is final. */
  get isInterim(): boolean {
    return this.status < 200 && this.status !== 101;
  }

  /**
   * Reads the head that starts at `start`.
   *
   * @returns the index behind the head, or {@link INCOMPLETE}: then call again with more bytes, from
   * the same first byte.
   * @throws {HttpError} whose status says what a request would be answered: here it is a 502.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.begin(bytes, start);
    const at = this.#parseLine(start, end);
    return at === INCOMPLETE ? INCOMPLETE : this.parseFields(at, end);
  }

  #parseLine(start: number, end: number): number {
    const { bytes } = this;
    for (let i = 0; i < HTTP_1.length; i++) {
      if (start + i === end) return INCOMPLETE;
      if (bytes[start + i] !== HTTP_1[i]) this.fail(400, start + i, "no HTTP/1 status line");
    }
    if (start + STATUS_END >= end) return INCOMPLETE;
    const minor = bytes[start + 7]! - 0x30;
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SPACE) {
      this.fail(400, start + 7, "the HTTP version is malformed");
    }
    this.minorVersion = minor;
    this.status = 0;
    for (let i = 9; i < STATUS_END; i++) {
      const digit = bytes[start + i]! - 0x30;
      if (digit < 0 || digit > 9) this.fail(400, start + i, "the status is not three digits");
      this.status = this.status * 10 + digit;
    }
    if (this.status < 100 || this.status > 599) {
      this.fail(400, start + 9, `the status is ${this.status}, expected 100 to 599`);
    }
    let at = start + STATUS_END;
    // The space is due even before an empty reason, but many servers leave it out with it.
    if (bytes[at] === SPACE) at++;
    else if (bytes[at] !== CR) this.fail(400, at, "the status is not three digits");
    this.reasonStart = at;
    while (at < end && IS_FIELD_VALUE[bytes[at]!] === 1) at++;
    this.reasonEnd = at;
    if (at - start > this.limits.maxLineBytes) {
      this.fail(431, at, `the status line is over ${this.limits.maxLineBytes} bytes`, "limit");
    }
    if (at + 1 >= end) {
      if (at < end && bytes[at] !== CR) this.fail(400, at, "the reason has a control character");
      return INCOMPLETE;
    }
    if (bytes[at] !== CR || bytes[at + 1] !== LF) {
      this.fail(400, at, "the status line does not end in CR LF");
    }
    return at + 2;
  }
}
