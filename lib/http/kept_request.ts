/** A request as it was sent, kept until its answer begins, for sending it to another host. */
import type { SharedBuffer } from "../buffer.ts";
import { FIELD } from "../codec/http1/field_id.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
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

  /**
   * Sends it all; false if the duplex has had enough for now.
   *
   * @param host what stands in Host instead; as it was written if undefined.
   * @param scratch for finding what stands there, with room for all that we write.
   */
  sendTo(duplex: Duplex, host: string | undefined, scratch: RequestHead): boolean {
    let hasRoom = host === undefined
      ? duplex.write(this.#first, this.#firstBuffer)
      : this.#sendFirstTo(duplex, host, scratch);
    if (this.#rest !== undefined) {
      for (const { bytes, buffer } of this.#rest) hasRoom = duplex.write(bytes, buffer);
    }
    return hasRoom;
  }

  #sendFirstTo(duplex: Duplex, host: string, head: RequestHead): boolean {
    const first = this.#first;
    head.parse(first, 0, first.length);
    // Every head that is sent names a host.
    const index = head.indexOf(FIELD.host);
    duplex.write(first.subarray(0, head.valueStart(index)), this.#firstBuffer);
    duplex.write(new TextEncoder().encode(host));
    return duplex.write(first.subarray(head.valueEnd(index)), this.#firstBuffer);
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
