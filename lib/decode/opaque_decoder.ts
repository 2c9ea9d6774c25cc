/** Counts the bytes of a protocol that is not looked into. */
import type { Follower } from "./follower.ts";
import type { Direction, Emit } from "./record.ts";

/** One direction; it is told in one record at its end. */
export class OpaqueDecoder implements Follower {
  readonly #frame: string;
  readonly #note: string;
  readonly #direction: Direction;
  readonly #emit: Emit;
  #offset = -1;
  #bytes = 0;

  constructor(frame: string, note: string, direction: Direction, emit: Emit) {
    this.#frame = frame;
    this.#note = note;
    this.#direction = direction;
    this.#emit = emit;
  }

  push(bytes: Uint8Array, offset: number): void {
    if (this.#offset === -1) this.#offset = offset;
    this.#bytes += bytes.length;
  }

  skip(bytes: number): boolean {
    this.#bytes += bytes;
    return true;
  }

  end(): void {
    if (this.#bytes === 0) return;
    this.#emit({
      offset: this.#offset,
      direction: this.#direction,
      layer: "opaque",
      frame: this.#frame,
      fields: { note: this.#note },
      bytes: this.#bytes,
    });
    this.#bytes = 0;
  }
}
