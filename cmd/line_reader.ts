/** Cuts bytes that come in pieces into lines. */
import { DecodeError } from "../lib/errors.ts";

const LF = 0x0a;

/** Holds the start of a line until its end comes, up to a limit. */
export class LineReader {
  readonly #maxBytes: number;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes and gives the lines that end in them. @throws {DecodeError} one too long. */
  *push(bytes: Uint8Array): Iterable<Uint8Array> {
    let at = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, at)) {
      this.#hold(bytes.subarray(at, end));
      at = end + 1;
      yield this.end();
    }
    if (at < bytes.length) this.#hold(bytes.slice(at));
  }

  /** Gives the last line, which has no end. */
  end(): Uint8Array {
    const line = new Uint8Array(this.#heldBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      line.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#heldBytes = 0;
    return line;
  }

  #hold(piece: Uint8Array): void {
    this.#heldBytes += piece.length;
    if (this.#heldBytes > this.#maxBytes) {
      const detail = `a line is longer than ${this.#maxBytes} bytes`;
      throw new DecodeError({ format: "lines", reason: "limit", offset: 0, detail });
    }
    this.#pieces.push(piece);
  }
}
