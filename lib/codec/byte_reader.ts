/** Reads the numbers and vectors of a binary structure in order, never past its end. */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";
import { latin1 } from "./http1/latin1.ts";

/** A place in some bytes; every read moves it on. Makes no views but those it is asked for. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #format: string;
  /** Bytes that precede the first one, for errors. */
  readonly #offset: number;
  #at: number;
  #end: number;

  /**
   * @param offset of the first byte of `bytes`, for errors.
   * @param start where to begin, up to `end`: the rest of `bytes` is not looked at.
   */
  constructor(bytes: Uint8Array, format: string, offset = 0, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#format = format;
    this.#offset = offset;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  get leftBytes(): number {
    return this.#end - this.#at;
  }

  /** @throws {DecodeError} `reason: "length"` if it does not fit. */
  u8(what: string): number {
    const at = this.#at;
    this.skip(1, what);
    return this.#bytes[at]!;
  }

  /** Big endian. @throws {DecodeError} `reason: "length"` if it does not fit. */
  u16(what: string): number {
    const at = this.#at;
    this.skip(2, what);
    return this.#bytes[at]! << 8 | this.#bytes[at + 1]!;
  }

  /** @throws {DecodeError} `reason: "length"` if they do not fit. */
  skip(count: number, what: string): void {
    if (count > this.#end - this.#at) {
      throw this.error("length", `${what} takes ${count} bytes, ${this.leftBytes} are left`);
    }
    this.#at += count;
  }

  /** @throws {DecodeError} `reason: "length"` if they do not fit. */
  bytes(count: number, what: string): Uint8Array {
    const at = this.#at;
    this.skip(count, what);
    return this.#bytes.subarray(at, at + count);
  }

  /** So many bytes as text, one character a byte. @throws {DecodeError} they do not fit. */
  latin1(count: number, what: string): string {
    const at = this.#at;
    this.skip(count, what);
    return latin1(this.#bytes, at, at + count);
  }

  /**
   * Goes into a vector: a length of `lengthBytes` bytes, 1 or 2, and that many bytes, which are all
   * that is left until {@link leave} gets what this returns.
   *
   * @throws {DecodeError} `reason: "length"` if they do not fit.
   */
  enter(lengthBytes: 1 | 2, what: string): number {
    const length = lengthBytes === 1 ? this.u8(what) : this.u16(what);
    const start = this.#at;
    this.skip(length, what);
    const outer = this.#end;
    this.#end = this.#at;
    this.#at = start;
    return outer;
  }

  /**
   * Goes into a vector that has to be all that is left.
   *
   * @throws {DecodeError} `reason: "length"` if it does not fit, or is not all of `whole`.
   */
  enterLast(lengthBytes: 1 | 2, what: string, whole: string): void {
    const outer = this.enter(lengthBytes, what);
    if (outer === this.#end) return;
    this.leave(outer);
    this.expectEnd(whole);
  }

  /** Goes out of a vector to what is behind it, whether it was read to its end or not. */
  leave(outer: number): void {
    this.#at = this.#end;
    this.#end = outer;
  }

  /** @throws {DecodeError} `reason: "length"` unless everything was read. */
  expectEnd(what: string): void {
    if (!this.isAtEnd) throw this.error("length", `${what} has ${this.leftBytes} bytes too many`);
  }

  /** An error about what comes next. */
  error(reason: DecodeReason, detail: string): DecodeError {
    return new DecodeError({
      format: this.#format,
      reason,
      offset: this.#offset + this.#at,
      detail,
    });
  }
}
