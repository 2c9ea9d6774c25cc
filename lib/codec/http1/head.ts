/**
 * The head of a message where it lies: offsets into the bytes it came in, and what its fields say
 * about the connection and the body. Parsing makes no string and no object.
 *
 * Source: RFC 9112 sections 5 to 7, RFC 9110 section 5. Wherever they let a recipient repair a
 * message, we refuse it instead: a repair that the next hop makes differently is how requests are
 * smuggled.
 */
import {
  COLON,
  COMMA,
  CR,
  FIELD_VALUE_KIND,
  HTAB,
  IS_TOKEN,
  LF,
  PLAIN,
  SPACE,
} from "./byte_class.ts";
import { classifyField, FIELD } from "./field_id.ts";
import type { FieldId } from "./field_id.ts";
import { describeByte, HttpError } from "./http_error.ts";
import { equalsIgnoringCase, latin1, lowerCase } from "./latin1.ts";

/** What a head may be at most. */
export interface HeadLimits {
  /** Request line or status line, without its end; 8 KiB by default, as nginx and Apache have it. */
  readonly maxLineBytes: number;
  /** The whole head; 64 KiB by default. */
  readonly maxHeadBytes: number;
  /** Header fields; 128 by default (Apache has 100). */
  readonly maxFields: number;
}

export const DEFAULT_HEAD_LIMITS: HeadLimits = {
  maxLineBytes: 8 << 10,
  maxHeadBytes: 64 << 10,
  maxFields: 128,
};

/** Returned by parsers when the head goes on beyond the bytes at hand. */
export const INCOMPLETE = -1;

/** Largest body length taken, in decimal digits: all of them are exact as a number. */
const MAX_LENGTH_DIGITS = 15;

/**
 * Bytes of all values of Connection: each field of a head is looked for among the names there, so
 * that 64 KiB of them beside a hundred fields took 45 ms.
 */
const MAX_CONNECTION_BYTES = 1 << 10;

const NO_BYTES = new Uint8Array(0);

/** A head's fields. Meant to be reused: each parse overwrites the one before. */
export class Head {
  readonly limits: HeadLimits;
  /** What the offsets are offsets into; valid as long as the caller keeps these bytes. */
  bytes: Uint8Array = NO_BYTES;
  /** First byte of the head. */
  start = 0;
  /** First byte of the first field line. */
  fieldsStart = 0;
  /** First byte of the empty line that ends the head. */
  fieldsEnd = 0;
  /** First byte behind the head. */
  end = 0;
  fieldCount = 0;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minorVersion = 1;

  /** Value of Content-Length, or -1 without one. */
  contentLength = -1;
  /** Transfer-Encoding is there, and is `chunked`. */
  isChunked = false;
  /** Connection says `close`. */
  hasClose = false;
  /** Connection says `keep-alive`. */
  hasKeepAlive = false;
  /** Connection says `upgrade`. */
  hasUpgrade = false;
  /** Connection names fields besides those that are hop-by-hop anyway. */
  hasNominations = false;
  /** A bit for each known field that is there, by its id. */
  seen = 0;

  #connectionBytes = 0;
  readonly #ids: Uint8Array;
  readonly #isPlain: Uint8Array;
  /** Four offsets a field: start and end of its name, start and end of its value. */
  readonly #offsets: Int32Array;

  constructor(limits: HeadLimits = DEFAULT_HEAD_LIMITS) {
    this.limits = limits;
    this.#ids = new Uint8Array(limits.maxFields);
    this.#isPlain = new Uint8Array(limits.maxFields);
    this.#offsets = new Int32Array(limits.maxFields * 4);
  }

  /** True if a field of this id is there. */
  has(id: FieldId): boolean {
    return (this.seen & (1 << id)) !== 0;
  }

  /** Index of the first field of this id, or -1. */
  indexOf(id: FieldId): number {
    if (!this.has(id)) return -1;
    for (let i = 0; i < this.fieldCount; i++) if (this.#ids[i] === id) return i;
    return -1;
  }

  fieldId(index: number): FieldId {
    return this.#ids[index] as FieldId;
  }

  nameStart(index: number): number {
    return this.#offsets[index * 4]!;
  }

  nameEnd(index: number): number {
    return this.#offsets[index * 4 + 1]!;
  }

  valueStart(index: number): number {
    return this.#offsets[index * 4 + 2]!;
  }

  valueEnd(index: number): number {
    return this.#offsets[index * 4 + 3]!;
  }

  /** The field's value is printable ASCII without quotes and backslashes; false if that is not known. */
  isPlain(index: number): boolean {
    return this.#isPlain[index] === 1;
  }

  /** First byte behind the field's line. */
  lineEnd(index: number): number {
    return index + 1 < this.fieldCount ? this.nameStart(index + 1) : this.fieldsEnd;
  }

  /** The field's name as it came. */
  name(index: number): string {
    return latin1(this.bytes, this.nameStart(index), this.nameEnd(index));
  }

  /** The field's value without the white space around it. */
  value(index: number): string {
    return latin1(this.bytes, this.valueStart(index), this.valueEnd(index));
  }

  /** All values of the field called `lowerName`, joined by ", "; undefined if there is none. */
  header(lowerName: string): string | undefined {
    let joined: string | undefined;
    for (let i = 0; i < this.fieldCount; i++) {
      if (!equalsIgnoringCase(this.bytes, this.nameStart(i), this.nameEnd(i), lowerName)) continue;
      joined = joined === undefined ? this.value(i) : `${joined}, ${this.value(i)}`;
    }
    return joined;
  }

  /** True if Connection names this field, so that it must not be passed on. */
  isNominated(index: number): boolean {
    const { bytes } = this;
    const start = this.nameStart(index);
    const length = this.nameEnd(index) - start;
    for (let i = 0; i < this.fieldCount; i++) {
      if (this.#ids[i] !== FIELD.connection) continue;
      const isFound = someListToken(bytes, this.valueStart(i), this.valueEnd(i), (from, to) => {
        if (to - from !== length) return false;
        for (let k = 0; k < length; k++) {
          if (lowerCase(bytes[from + k]!) !== lowerCase(bytes[start + k]!)) return false;
        }
        return true;
      });
      if (isFound) return true;
    }
    return false;
  }

  /** @throws {HttpError} always, with an offset counted from the head's start. */
  fail(status: number, at: number, detail: string, reason: "syntax" | "limit" = "syntax"): never {
    throw new HttpError(status, reason, at - this.start, detail);
  }

  /** Forgets the head before and starts one at `start`. */
  protected begin(bytes: Uint8Array, start: number): void {
    this.bytes = bytes;
    this.start = start;
    this.fieldCount = 0;
    this.contentLength = -1;
    this.isChunked = false;
    this.hasClose = false;
    this.hasKeepAlive = false;
    this.hasUpgrade = false;
    this.hasNominations = false;
    this.#connectionBytes = 0;
    this.seen = 0;
  }

  /**
   * Reads field lines from `start` and the empty line behind them.
   *
   * @returns the index behind the head, or {@link INCOMPLETE}.
   */
  protected parseFields(start: number, end: number): number {
    const { bytes } = this;
    let at = start;
    this.fieldsStart = start;
    while (at < end) {
      if (bytes[at] === CR) return this.#parseLastLine(at, end);
      const nameStart = at;
      while (at < end && IS_TOKEN[bytes[at]!] === 1) at++;
      if (at === end) break;
      if (bytes[at] !== COLON || at === nameStart) this.#failName(nameStart, at);
      const nameEnd = at++;
      while (at < end && (bytes[at] === SPACE || bytes[at] === HTAB)) at++;
      const valueStart = at;
      while (at < end && FIELD_VALUE_KIND[bytes[at]!] === PLAIN) at++;
      const isPlain = at < end && bytes[at] === CR;
      if (!isPlain) { while (at < end && FIELD_VALUE_KIND[bytes[at]!] !== 0) at++; }
      if (at + 1 >= end) {
        if (at < end && bytes[at] !== CR) this.#failValue(at);
        break;
      }
      if (bytes[at] !== CR || bytes[at + 1] !== LF) this.#failValue(at);
      let valueEnd = at;
      while (
        valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === HTAB)
      ) valueEnd--;
      at += 2;
      this.#addField(nameStart, nameEnd, valueStart, valueEnd, isPlain);
    }
    return this.incomplete(end);
  }

  /** Gives {@link INCOMPLETE}, unless what is here is more than a head may have. */
  protected incomplete(end: number): number {
    if (end - this.start >= this.limits.maxHeadBytes) this.failSize(end);
    return INCOMPLETE;
  }

  protected failSize(at: number): never {
    this.fail(431, at, `the head is over ${this.limits.maxHeadBytes} bytes`, "limit");
  }

  #parseLastLine(at: number, end: number): number {
    if (at + 1 >= end) return this.incomplete(end);
    if (this.bytes[at + 1] !== LF) this.fail(400, at, "a CR without LF");
    this.fieldsEnd = at;
    this.end = at + 2;
    if (this.end - this.start > this.limits.maxHeadBytes) this.failSize(this.end);
    if (this.isChunked) {
      if (this.contentLength !== -1) {
        this.fail(400, at, "both Content-Length and Transfer-Encoding are given");
      }
      if (this.minorVersion === 0) {
        this.fail(400, at, "Transfer-Encoding is given in HTTP/1.0");
      }
    }
    return this.end;
  }

  #addField(
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    isPlain: boolean,
  ): void {
    const index = this.fieldCount;
    if (index === this.limits.maxFields) {
      this.fail(431, nameStart, `more than ${this.limits.maxFields} header fields`, "limit");
    }
    const offsets = this.#offsets;
    offsets[index * 4] = nameStart;
    offsets[index * 4 + 1] = nameEnd;
    offsets[index * 4 + 2] = valueStart;
    offsets[index * 4 + 3] = valueEnd;
    const id = classifyField(this.bytes, nameStart, nameEnd);
    this.#ids[index] = id;
    this.#isPlain[index] = isPlain ? 1 : 0;
    this.fieldCount = index + 1;
    if (id === FIELD.other) return;
    if (id === FIELD.contentLength) this.#readLength(valueStart, valueEnd);
    else if (id === FIELD.transferEncoding) this.#readEncoding(valueStart, valueEnd);
    else if (id === FIELD.connection) this.#readConnection(valueStart, valueEnd);
    else if (id === FIELD.host && this.has(id)) this.fail(400, nameStart, "Host is repeated");
    this.seen |= 1 << id;
  }

  #readLength(start: number, end: number): void {
    if (this.contentLength !== -1) this.fail(400, start, "Content-Length is repeated");
    if (start === end) this.fail(400, start, "Content-Length is empty");
    if (end - start > MAX_LENGTH_DIGITS) this.fail(400, start, "Content-Length is too large");
    let length = 0;
    for (let i = start; i < end; i++) {
      const digit = this.bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) {
        this.fail(400, i, `Content-Length has ${describeByte(this.bytes[i])}, expected digits`);
      }
      length = length * 10 + digit;
    }
    // llhttp takes spaces behind the number but no tab: what one hop refuses, none should see.
    for (let i = end; this.bytes[i] !== CR; i++) {
      if (this.bytes[i] === HTAB) this.fail(400, i, "Content-Length has a tab behind it");
    }
    this.contentLength = length;
  }

  #readEncoding(start: number, end: number): void {
    if (this.isChunked) this.fail(400, start, "Transfer-Encoding is repeated");
    if (!equalsIgnoringCase(this.bytes, start, end, "chunked")) {
      this.fail(400, start, "Transfer-Encoding is not chunked, the only one that we know");
    }
    this.isChunked = true;
  }

  #readConnection(start: number, end: number): void {
    const { bytes } = this;
    this.#connectionBytes += end - start;
    if (this.#connectionBytes > MAX_CONNECTION_BYTES) {
      this.fail(431, start, `Connection has over ${MAX_CONNECTION_BYTES} bytes`, "limit");
    }
    someListToken(bytes, start, end, (from, to) => {
      for (let i = from; i < to; i++) {
        if (IS_TOKEN[bytes[i]!] === 0) {
          this.fail(400, i, `Connection has ${describeByte(bytes[i])} in a name`);
        }
      }
      if (equalsIgnoringCase(bytes, from, to, "close")) this.hasClose = true;
      else if (equalsIgnoringCase(bytes, from, to, "keep-alive")) this.hasKeepAlive = true;
      else if (equalsIgnoringCase(bytes, from, to, "upgrade")) this.hasUpgrade = true;
      else this.#nominate(from, to);
      return false;
    });
  }

  #nominate(from: number, to: number): void {
    const id = classifyField(this.bytes, from, to);
    if (
      id === FIELD.host || id === FIELD.contentLength || id === FIELD.transferEncoding ||
      id === FIELD.connection
    ) {
      this.fail(400, from, "Connection names a field that each hop needs");
    }
    this.hasNominations = true;
  }

  #failName(nameStart: number, at: number): never {
    const byte = this.bytes[at];
    if (at > nameStart) {
      if (byte === SPACE || byte === HTAB) {
        this.fail(400, at, "white space stands in a field name or before its colon");
      }
      this.fail(400, at, `a field name has ${describeByte(byte)}`);
    }
    if (byte === SPACE || byte === HTAB) this.fail(400, at, "a folded or indented field line");
    this.fail(400, at, `a field line starts with ${describeByte(byte)}`);
  }

  #failValue(at: number): never {
    if (this.bytes[at] === CR) this.fail(400, at, "a CR without LF");
    if (this.bytes[at] === LF) this.fail(400, at, "an LF without CR");
    this.fail(400, at, `a field value has ${describeByte(this.bytes[at])}`);
  }
}

/**
 * Calls `isWanted` with the start and end of each member of a comma-separated list, without the
 * white space around it, until it returns true. Empty members are left out (RFC 9110 section 5.6.1).
 */
export function someListToken(
  bytes: Uint8Array,
  start: number,
  end: number,
  isWanted: (from: number, to: number) => boolean,
): boolean {
  let from = start;
  while (from < end) {
    let comma = from;
    while (comma < end && bytes[comma] !== COMMA) comma++;
    let to = comma;
    while (from < to && (bytes[from] === SPACE || bytes[from] === HTAB)) from++;
    while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === HTAB)) to--;
    if (to > from && isWanted(from, to)) return true;
    from = comma + 1;
  }
  return false;
}
