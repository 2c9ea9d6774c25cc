/**
 * Bytes that came before they could be used: a head that is not whole yet, a request behind one
 * that is being answered.
 */
import type { BufferPool, SharedBuffer } from "../../buffer.ts";
import { CR, LF } from "./byte_class.ts";

const SIZES = [4 << 10, 16 << 10, 64 << 10, 256 << 10] as const;

/** A queue of bytes in one piece. Holds a buffer of the pool only while it is not empty. */
export class HeldBytes {
  readonly #pool: BufferPool;
  #buffer: SharedBuffer | undefined;
  #start = 0;
  #end = 0;
  /** Where to go on looking for the end of a head. */
  #searchedTo = 0;
  /** Length at which a parser was last told to try. */
  #triedLength = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** What holds the bytes, from {@link start} up to {@link end}; undefined while empty. */
  get buffer(): SharedBuffer | undefined {
    return this.#buffer;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Copies `bytes` behind what is held. */
  append(bytes: Uint8Array): void {
    const buffer = this.#makeRoom(bytes.length);
    buffer.bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Drops the first `count` bytes. */
  consume(count: number): void {
    this.#start += count;
    this.#searchedTo = this.#start;
    this.#triedLength = 0;
    if (this.#start < this.#end) return;
    this.clear();
  }

  /** Drops everything. */
  clear(): void {
    this.#buffer?.release();
    this.#buffer = undefined;
    this.#start =
      this.#end =
      this.#searchedTo =
      this.#triedLength =
        0;
  }

  /**
   * True if a parser may find a whole head, or has not looked for long: parsing anew with each byte
   * that a slow client sends would cost the square of the head's length.
   */
  isHeadLikely(): boolean {
    const buffer = this.#buffer;
    if (buffer === undefined) return false;
    if (this.length >= this.#triedLength * 2) {
      this.#triedLength = this.length;
      return true;
    }
    const { bytes } = buffer;
    const end = this.#end;
    let at = Math.max(this.#start, this.#searchedTo - 3);
    this.#searchedTo = end;
    for (;;) {
      at = bytes.indexOf(LF, at);
      if (at === -1 || at + 1 >= end) return false;
      // A bare LF counts: the parser shall see and refuse it.
      if (bytes[at + 1] === LF) return true;
      if (bytes[at + 1] === CR && at + 2 < end) return true;
      at += 1;
    }
  }

  #makeRoom(size: number): SharedBuffer {
    const buffer = this.#buffer;
    if (buffer !== undefined && buffer.isExclusive && this.#end + size <= buffer.bytes.length) {
      return buffer;
    }
    const needed = this.length + size;
    const next = this.#pool.take(SIZES.find((candidate) => candidate >= needed) ?? needed * 2);
    if (buffer !== undefined) {
      next.bytes.set(buffer.bytes.subarray(this.#start, this.#end));
      buffer.release();
    }
    this.#searchedTo -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = next;
    return next;
  }
}
