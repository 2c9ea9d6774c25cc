/** Gathers the bytes of something that must be whole to be read, up to a limit. */

const LF = 0x0a;
const NO_BYTES = new Uint8Array(0);
/** Memory that an empty one may keep. */
const MAX_IDLE_BYTES = 4096;

/** Bytes that grow by doubling, as they come. */
export class HeldHead {
  #bytes: Uint8Array = NO_BYTES;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What is held; valid until the next `append()`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2, 256));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  clear(): void {
    this.#length = 0;
    // Thousands of connections have one of these each.
    if (this.#bytes.length > MAX_IDLE_BYTES) this.#bytes = NO_BYTES;
  }

  /**
   * False if the last `newBytes` bytes hold no end of a line: then no HTTP head ends in them, and
   * parsing anew for each byte that comes would cost the square of its length.
   */
  mayEndHead(newBytes: number): boolean {
    const at = this.#bytes.indexOf(LF, this.#length - newBytes);
    return at !== -1 && at < this.#length || this.#length % 4096 < newBytes;
  }
}
