/** Holds what of a file has come and is not used up yet: no more than one record and one piece. */

/** A window onto a file that is read in pieces. */
export class RecordBuffer {
  /** Everything from `start` on is unused. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  start = 0;
  /** Offset in the file of `bytes[0]`. */
  #base = 0;
  /** Our own memory, where `bytes` is not just the last piece; grows by doubling. */
  #own: Uint8Array = new Uint8Array(0);

  /** Bytes that are there and unused. */
  get length(): number {
    return this.bytes.length - this.start;
  }

  /** Offset in the file of the first unused byte. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Adds a piece; what was given out before is void. */
  push(piece: Uint8Array): void {
    if (this.length === 0) {
      this.#base += this.start;
      this.start = 0;
      this.bytes = piece;
    } else {
      this.#append(piece);
    }
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  }

  /** Uses up `count` bytes and returns them. */
  take(count: number): Uint8Array {
    this.start += count;
    return this.bytes.subarray(this.start - count, this.start);
  }

  #append(piece: Uint8Array): void {
    const isOwn = this.bytes.buffer === this.#own.buffer;
    const end = this.bytes.length;
    if (isOwn && end + piece.length <= this.#own.length) {
      this.#own.set(piece, end);
      this.bytes = this.#own.subarray(0, end + piece.length);
      return;
    }
    // Moved to the front only where half of the memory is free then: so each byte moves seldom.
    const needed = this.length + piece.length;
    const target = needed * 2 <= this.#own.length ? this.#own : new Uint8Array(needed * 2);
    target.set(this.bytes.subarray(this.start));
    target.set(piece, needed - piece.length);
    this.#base += this.start;
    this.start = 0;
    this.#own = target;
    this.bytes = target.subarray(0, needed);
  }
}
