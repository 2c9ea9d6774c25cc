/** Reads the numbers and vectors of a binary structure in order, never past its end. */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";

/** A place in some bytes; every read moves it on. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #format: string;
  /** Bytes that precede the first one, for errors. */
  readonly #offset: number;
  #at = 0;

  constructor(bytes: Uint8Array, format: string, offset = 0) {
    this.#bytes = bytes;
    this.#format = format;
    this.#offset = offset;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  get leftBytes(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws {DecodeError} `reason: "length"` if it does not fit. */
  u8(what: string): number {
    return this.bytes(1, what)[0]!;
  }

  /** Big endian. @throws {DecodeError} `reason: "length"` if it does not fit. */
  u16(what: string): number {
    const bytes = this.bytes(2, what);
    return bytes[0]! << 8 | bytes[1]!;
  }

  /** @throws {DecodeError} `reason: "length"` if they do not fit. */
  bytes(count: number, what: string): Uint8Array {
    if (count > this.leftBytes) {
      throw this.error("length", `${what} takes ${count} bytes, ${this.leftBytes} are left`);
    }
    const bytes = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }

  /**
   * A length of `lengthBytes` bytes, 1 or 2, and a reader of that many bytes behind it.
   *
   * @throws {DecodeError} `reason: "length"` if they do not fit.
   */
  vector(lengthBytes: 1 | 2, what: string): ByteReader {
    const length = lengthBytes === 1 ? this.u8(what) : this.u16(what);
    const offset = this.#offset + this.#at;
    return new ByteReader(this.bytes(length, what), this.#format, offset);
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
