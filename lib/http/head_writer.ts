/** Writes a head, and a small body's bytes behind it, into one buffer of the pool. */
import type { BufferPool, SharedBuffer } from "../buffer.ts";
import { HEAD_ROOM_BYTES } from "../buffer.ts";

const SIZES = [4 << 10, 16 << 10, 64 << 10, 256 << 10] as const;
/** Below this a loop is faster than a view and a call. */
const LOOP_BYTES = 48;

/** Meant to be reused: `begin()`, writes, then take `buffer` and `view()`. */
export class HeadWriter {
  readonly #pool: BufferPool;
  #buffer!: SharedBuffer;
  #bytes!: Uint8Array<ArrayBuffer>;
  #end = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** The buffer written to; its user is whoever takes it from here. */
  get buffer(): SharedBuffer {
    return this.#buffer;
  }

  /** What was written. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(HEAD_ROOM_BYTES, this.#end);
  }

  /** Bytes that were written. */
  get size(): number {
    return this.#end - HEAD_ROOM_BYTES;
  }

  /** Starts anew, in a buffer with room for `size` bytes. */
  begin(size: number): void {
    const needed = size + HEAD_ROOM_BYTES;
    this.#buffer = this.#pool.take(SIZES.find((candidate) => candidate >= needed) ?? needed);
    this.#bytes = this.#buffer.bytes;
    this.#end = HEAD_ROOM_BYTES;
  }

  /** Copies `bytes` from `start` up to `end`. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const into = this.#bytes;
    let at = this.#end;
    this.#end = at + size;
    if (size > LOOP_BYTES) {
      into.set(size === bytes.length ? bytes : bytes.subarray(start, end), at);
      return;
    }
    for (let i = start; i < end; i++) into[at++] = bytes[i]!;
  }

  /** Writes a text of ASCII. */
  text(text: string): void {
    const into = this.#bytes;
    let at = this.#end;
    for (let i = 0; i < text.length; i++) into[at++] = text.charCodeAt(i);
    this.#end = at;
  }
}
