/** Hands on what a raw connection carries, where payloads are asked for. */
import { bytesToJson } from "../codec/frame_json.ts";
import { HeldHead } from "./held_head.ts";
import type { Direction, Emit } from "./record.ts";

/** Bytes of one record: however a capture was cut, the records are the same. */
const BLOCK_BYTES = 64 << 10;

/** The bytes of one direction behind its handshake. */
export class KeptBytes {
  readonly #emit: Emit;
  readonly #block = new HeldHead();
  #offset = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** @param offset of the first byte in the direction. */
  push(bytes: Uint8Array, offset: number, direction: Direction): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#block.length === 0) this.#offset = offset + at;
      const part = bytes.subarray(at, at + BLOCK_BYTES - this.#block.length);
      this.#block.append(part);
      at += part.length;
      if (this.#block.length === BLOCK_BYTES) this.tell(direction);
    }
  }

  /** Hands on what is there. */
  tell(direction: Direction): void {
    const { bytes, length } = this.#block;
    if (length === 0) return;
    this.#emit({
      offset: this.#offset,
      direction,
      layer: "bytes",
      frame: "bytes",
      fields: bytesToJson(bytes),
      bytes: length,
    });
    this.#block.clear();
  }

  /** Forgets them: they turned out to be frames, which have their own records. */
  clear(): void {
    this.#block.clear();
  }
}
