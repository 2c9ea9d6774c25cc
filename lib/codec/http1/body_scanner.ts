/** Follows a message's body to its end, whatever its framing, without touching its bytes. */
import { ChunkScanner } from "./chunk_scanner.ts";
import type { OnChunkData } from "./chunk_scanner.ts";
import type { Framing } from "./framing.ts";

/** One body after another: `start()` for each. */
export class BodyScanner {
  #framing: Framing = "none";
  #remainingBytes = 0;
  #isDone = true;
  #chunks: ChunkScanner | undefined;
  /** Told of each trailer's line, without its end; set before `start()`. */
  onTrailer: ((line: Uint8Array) => void) | undefined;

  /** The whole body has passed; never true for `close` and `tunnel`, which only an end ends. */
  get isDone(): boolean {
    return this.#isDone;
  }

  get framing(): Framing {
    return this.#framing;
  }

  /** Bytes that the framing `length` still waits for. */
  get remainingBytes(): number {
    return this.#remainingBytes;
  }

  /** Gets ready for a body; `contentLength` counts for the framing `length` only. */
  start(framing: Framing, contentLength: number): void {
    this.#framing = framing;
    this.#isDone = framing === "none";
    this.#remainingBytes = contentLength;
    if (framing !== "chunked") return;
    this.#chunks ??= new ChunkScanner();
    this.#chunks.reset();
    this.#chunks.onTrailer = this.onTrailer;
  }

  /**
   * Goes through the bytes from `start` up to `end`.
   *
   * @param onData called with ranges of the body's own bytes: all but the framing of chunks.
   * @returns the index behind the body's last byte, which is `end` while it goes on.
   * @throws {HttpError} where chunks are malformed.
   */
  scan(bytes: Uint8Array, start: number, end: number, onData?: OnChunkData): number {
    if (this.#isDone) return start;
    switch (this.#framing) {
      case "length": {
        const size = Math.min(this.#remainingBytes, end - start);
        this.#remainingBytes -= size;
        this.#isDone = this.#remainingBytes === 0;
        onData?.(start, start + size);
        return start + size;
      }
      case "chunked": {
        const bodyEnd = this.#chunks!.scan(bytes, start, end, onData);
        this.#isDone = this.#chunks!.isDone;
        return bodyEnd;
      }
      default:
        onData?.(start, end);
        return end;
    }
  }
}
