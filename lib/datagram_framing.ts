/** Datagrams on a stream: each behind its length (u16). */

/** Bytes in front of each. */
export const DATAGRAM_HEAD_BYTES = 2;
/** Largest that UDP over IPv4 carries. */
export const MAX_DATAGRAM_BYTES = 65_507;

/** Takes a stream of datagrams apart. */
export class DatagramDecoder {
  readonly #onDatagram: (bytes: Uint8Array) => void;
  /** The start of one that is not whole, with its length in front. */
  #held: Uint8Array | undefined;
  #heldBytes = 0;

  /** @param onDatagram gets each one; its bytes are valid during the call only. */
  constructor(onDatagram: (bytes: Uint8Array) => void) {
    this.#onDatagram = onDatagram;
  }

  /** Bytes of a datagram that is not whole yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      at = this.#heldBytes > 0 ? this.#add(bytes, at) : this.#take(bytes, at);
    }
  }

  #take(bytes: Uint8Array, at: number): number {
    const size = sizeAt(bytes, at, bytes.length - at);
    if (size === undefined || at + size > bytes.length) {
      // Grows to its whole size when that is known, and is let go of with it.
      this.#held = new Uint8Array(size ?? DATAGRAM_HEAD_BYTES);
      return this.#hold(bytes, at, bytes.length);
    }
    this.#onDatagram(bytes.subarray(at + DATAGRAM_HEAD_BYTES, at + size));
    return at + size;
  }

  #add(bytes: Uint8Array, at: number): number {
    const held = this.#held!;
    const end = Math.min(bytes.length, at + held.length - this.#heldBytes);
    this.#hold(bytes, at, end);
    if (this.#heldBytes < held.length) return end;
    const size = sizeAt(held, 0, this.#heldBytes)!;
    if (this.#heldBytes < size) {
      this.#held = new Uint8Array(size);
      this.#held.set(held);
      return end;
    }
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#onDatagram(held.subarray(DATAGRAM_HEAD_BYTES));
    return end;
  }

  #hold(bytes: Uint8Array, start: number, end: number): number {
    this.#held!.set(bytes.subarray(start, end), this.#heldBytes);
    this.#heldBytes += end - start;
    return end;
  }
}

/** Bytes of a datagram with its length, if `count` bytes are enough to know. */
function sizeAt(bytes: Uint8Array, at: number, count: number): number | undefined {
  if (count < DATAGRAM_HEAD_BYTES) return undefined;
  return DATAGRAM_HEAD_BYTES + (bytes[at]! << 8 | bytes[at + 1]!);
}
