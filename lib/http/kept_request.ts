/** A request as it was sent, kept until its answer begins, for sending it to another host. */
import type { SharedBuffer } from "../buffer.ts";
import type { Duplex } from "../duplex.ts";

interface Piece {
  readonly bytes: Uint8Array;
  readonly buffer: SharedBuffer;
}

/** Its first piece has the head; whoever makes it hands over one use of that piece's buffer. */
export class KeptRequest {
  readonly #first: Uint8Array;
  readonly #firstBuffer: SharedBuffer;
  #rest: Piece[] | undefined;
  #size: number;
  #isWhole = true;

  constructor(first: Uint8Array, buffer: SharedBuffer) {
    this.#first = first;
    this.#firstBuffer = buffer;
    this.#size = first.length;
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#size;
  }

  /** Everything that was sent is still here. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** The head as it was sent, and perhaps some of the body; undefined once it is forgotten. */
  get first(): Uint8Array | undefined {
    return this.#isWhole ? this.#first : undefined;
  }

  /** Keeps a piece of the body too, or nothing any more if that makes it more than `maxBytes`. */
  add(bytes: Uint8Array, buffer: SharedBuffer, maxBytes: number): void {
    if (!this.#isWhole) return;
    this.#size += bytes.length;
    if (this.#size > maxBytes) {
      this.release();
      return;
    }
    buffer.retain();
    (this.#rest ??= []).push({ bytes, buffer });
  }

  /** Sends it all; false if the duplex has had enough for now. */
  sendTo(duplex: Duplex): boolean {
    let hasRoom = duplex.write(this.#first, this.#firstBuffer);
    if (this.#rest !== undefined) {
      for (const { bytes, buffer } of this.#rest) hasRoom = duplex.write(bytes, buffer);
    }
    return hasRoom;
  }

  /** Forgets it. */
  release(): void {
    if (!this.#isWhole) return;
    this.#isWhole = false;
    this.#firstBuffer.release();
    if (this.#rest === undefined) return;
    for (const { buffer } of this.#rest) buffer.release();
    this.#rest = undefined;
  }
}
