/**
 * Finds the end of a chunked body (RFC 9112 section 7.1) while its bytes pass on untouched.
 *
 * Stricter than the grammar where hops are known to differ: no white space around the size, no
 * control character in an extension, no trailer that a recipient could take for a header of ours.
 */
import { COLON, CR, HEX_VALUE, IS_FIELD_VALUE, IS_TOKEN, LF, SEMICOLON } from "./byte_class.ts";
import { classifyField, FIELD } from "./field_id.ts";
import { describeByte, HttpError } from "./http_error.ts";

const STATE = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  lineStart: 6,
  trailer: 7,
  trailerLf: 8,
  lastLf: 9,
  done: 10,
} as const;
type State = typeof STATE[keyof typeof STATE];

/** Digits of a chunk size: exact as a number, and more than any chunk. */
const MAX_SIZE_DIGITS = 12;
/** Extensions of one chunk; and of a body, where empty-handed chunks keep us busy (CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 1 << 10;
const MAX_BODY_EXTENSION_BYTES = 16 << 10;
const MAX_TRAILER_BYTES = 8 << 10;

/** Receives the payload of chunks, as ranges of the bytes being scanned. */
export type OnChunkData = (start: number, end: number) => void;

/** One body's state; {@link ChunkScanner.reset} makes it ready for the next. */
export class ChunkScanner {
  #state: State = STATE.size;
  #remainingBytes = 0;
  #digits = 0;
  #extensionBytes = 0;
  #bodyExtensionBytes = 0;
  #trailerBytes = 0;
  /** The trailer line so far, where it came in pieces or not. */
  #line: number[] = [];
  /** Told of each trailer's line, without its end; for who does not pass the bytes on. */
  onTrailer: ((line: Uint8Array) => void) | undefined;

  /** The whole body has passed. */
  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  reset(): void {
    this.#state = STATE.size;
    this.#remainingBytes = 0;
    this.#digits = 0;
    this.#bodyExtensionBytes = 0;
    this.#trailerBytes = 0;
    this.#line = [];
  }

  /**
   * Goes through the bytes from `start` up to `end`.
   *
   * @param onData called for the payload of the chunks, for those who want it without its framing.
   * @returns the index behind the body's last byte, which is `end` while it goes on.
   * @throws {HttpError} status 400; what came before the offence may have been passed on.
   */
  scan(bytes: Uint8Array, start: number, end: number, onData?: OnChunkData): number {
    let at = start;
    while (at < end && this.#state !== STATE.done) {
      if (this.#state === STATE.data) {
        const size = Math.min(this.#remainingBytes, end - at);
        onData?.(at, at + size);
        this.#remainingBytes -= size;
        at += size;
        if (this.#remainingBytes === 0) this.#state = STATE.dataCr;
      } else {
        this.#step(bytes[at]!, at - start);
        at++;
      }
    }
    return at;
  }

  #step(byte: number, offset: number): void {
    switch (this.#state) {
      case STATE.size:
        this.#stepSize(byte, offset);
        break;
      case STATE.extension:
        if (byte !== CR) this.#stepExtension(byte, offset);
        else if (this.#extensionBytes === 0) fail(offset, "a chunk extension is empty");
        else this.#state = STATE.sizeLf;
        break;
      case STATE.sizeLf:
        expect(byte, LF, offset, "chunk size");
        this.#state = this.#remainingBytes === 0 ? STATE.lineStart : STATE.data;
        this.#digits = 0;
        this.#extensionBytes = 0;
        break;
      case STATE.dataCr:
        expect(byte, CR, offset, "chunk");
        this.#state = STATE.dataLf;
        break;
      case STATE.dataLf:
        expect(byte, LF, offset, "chunk");
        this.#state = STATE.size;
        break;
      case STATE.lineStart:
        if (byte === CR) {
          this.#state = STATE.lastLf;
          break;
        }
        this.#state = STATE.trailer;
        this.#stepTrailer(byte, offset);
        break;
      case STATE.trailer:
        this.#stepTrailer(byte, offset);
        break;
      case STATE.trailerLf:
        expect(byte, LF, offset, "trailer");
        this.#checkTrailer(offset);
        this.#state = STATE.lineStart;
        break;
      case STATE.lastLf:
        expect(byte, LF, offset, "body");
        this.#state = STATE.done;
        break;
    }
  }

  #stepSize(byte: number, offset: number): void {
    const value = HEX_VALUE[byte]!;
    if (value !== 255) {
      this.#digits += 1;
      if (this.#digits > MAX_SIZE_DIGITS) fail(offset, "a chunk size is too long");
      this.#remainingBytes = this.#remainingBytes * 16 + value;
      return;
    }
    if (this.#digits === 0) fail(offset, `a chunk size starts with ${describeByte(byte)}`);
    if (byte === CR) this.#state = STATE.sizeLf;
    else if (byte === SEMICOLON) this.#state = STATE.extension;
    else fail(offset, `a chunk size has ${describeByte(byte)}`);
  }

  #stepExtension(byte: number, offset: number): void {
    if (IS_FIELD_VALUE[byte] === 0) fail(offset, `a chunk extension has ${describeByte(byte)}`);
    this.#extensionBytes += 1;
    this.#bodyExtensionBytes += 1;
    if (
      this.#extensionBytes > MAX_EXTENSION_BYTES ||
      this.#bodyExtensionBytes > MAX_BODY_EXTENSION_BYTES
    ) fail(offset, "the chunk extensions are too long");
  }

  #stepTrailer(byte: number, offset: number): void {
    if (byte === CR) {
      this.#state = STATE.trailerLf;
      return;
    }
    if (IS_FIELD_VALUE[byte] === 0) fail(offset, `a trailer has ${describeByte(byte)}`);
    this.#trailerBytes += 1;
    if (this.#trailerBytes > MAX_TRAILER_BYTES) fail(offset, "the trailers are too long");
    this.#line.push(byte);
  }

  #checkTrailer(offset: number): void {
    const line = Uint8Array.from(this.#line);
    this.#line = [];
    const colon = line.indexOf(COLON);
    if (colon < 1) fail(offset, "a trailer has no name");
    for (let i = 0; i < colon; i++) {
      if (IS_TOKEN[line[i]!] === 0) {
        fail(offset, `a trailer's name has ${describeByte(line[i])}`);
      }
    }
    // Merged into the head, as RFC 9110 section 6.5.1 warns, it would frame, route or vouch.
    if (classifyField(line, 0, colon) !== FIELD.other) {
      fail(offset, "a trailer has a name that only a header may have");
    }
    this.onTrailer?.(line);
  }
}

function expect(byte: number, wanted: number, offset: number, part: string): void {
  if (byte !== wanted) {
    fail(offset, `a ${part} ends with ${describeByte(byte)}, expected CR LF`);
  }
}

function fail(offset: number, detail: string): never {
  throw new HttpError(400, "syntax", offset, detail);
}
