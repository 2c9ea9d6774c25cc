/**
 * Gathers blocks whose first bytes tell their size, from bytes that come in pieces. Nothing is
 * allocated for bytes that have not arrived, nothing copied of a block that came in one piece.
 */

/**
 * Checks the first `count` bytes of a block and tells its size: more than `count` while it is not
 * whole, if only by one. It is asked again whenever that many bytes are there.
 *
 * @param offset bytes in front of the block, for errors.
 */
export type Measure = (bytes: Uint8Array, count: number, offset: number) => number;

/** A whole block and what came behind it. */
export interface Block {
  /** The block lies at their start. */
  bytes: Uint8Array;
  /** Bytes of the block. */
  size: number;
  rest: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

/** The reader of one stream of blocks. */
export class BlockReader {
  readonly #measure: Measure;
  /** The start of a block whose end has not come; grows by doubling as its bytes arrive. */
  #held = NO_BYTES;
  #heldBytes = 0;
  #size: number;
  #offset = 0;

  constructor(measure: Measure) {
    this.#measure = measure;
    this.#size = measure(NO_BYTES, 0, 0);
  }

  /** Bytes that are missing for the next block as far as is known, at least 1. */
  get neededBytes(): number {
    return this.#size - this.#heldBytes;
  }

  /** Bytes of an unfinished block that are held here. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes from the first one pushed to the start of the next block. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Takes the next bytes, and returns a block if it is whole. `rest` lies in what was pushed, and
   * so does the block if it came in one piece.
   */
  push(bytes: Uint8Array): Block | undefined {
    if (this.#heldBytes > 0) return this.#add(bytes);
    if (bytes.length === 0) return undefined;
    const size = this.#measure(bytes, bytes.length, this.#offset);
    if (bytes.length < size) {
      this.#size = size;
      this.#hold(bytes);
      return undefined;
    }
    this.#offset += size;
    return { bytes, size, rest: bytes.subarray(size) };
  }

  /**
   * Gives up the block whose start is held, since some of its bytes will not come; returns that
   * start, and how many bytes are still to come of it behind `missingBytes`. Undefined if those
   * reach beyond it.
   */
  abandon(missingBytes: number): { start: Uint8Array; leftBytes: number } | undefined {
    const leftBytes = this.neededBytes - missingBytes;
    if (this.#heldBytes === 0 || leftBytes < 0) return undefined;
    const start = this.#held.subarray(0, this.#heldBytes);
    this.#offset += this.#size;
    this.#held = NO_BYTES;
    this.#heldBytes = 0;
    this.#size = this.#measure(NO_BYTES, 0, 0);
    return { start, leftBytes };
  }

  #add(bytes: Uint8Array): Block | undefined {
    let at = 0;
    while (at < bytes.length) {
      const part = bytes.subarray(at, at + this.neededBytes);
      this.#hold(part);
      at += part.length;
      const size = this.#measure(this.#held, this.#heldBytes, this.#offset);
      this.#size = size;
      if (this.#heldBytes < size) continue;
      const block = { bytes: this.#held, size, rest: bytes.subarray(at) };
      this.#held = NO_BYTES;
      this.#heldBytes = 0;
      this.#size = this.#measure(NO_BYTES, 0, 0);
      this.#offset += size;
      return block;
    }
    return undefined;
  }

  #hold(part: Uint8Array): void {
    const needed = this.#heldBytes + part.length;
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.max(needed, this.#held.length * 2, 64));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(part, this.#heldBytes);
    this.#heldBytes = needed;
  }
}
