/** Where HTTP/1 messages begin and end in the bytes that pass in one direction. */
import type { BufferPool } from "../buffer.ts";
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import type { Head } from "../codec/http1/head.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";

/**
 * Follows the messages that go one way on a connection: calls back at the end of each head and of
 * each message. It touches no byte and holds none but those of a head that came in parts.
 */
export class MessageFollower<
  H extends Head & { parse(b: Uint8Array, s: number, e: number): number },
> {
  readonly head: H;
  readonly body = new BodyScanner();
  readonly #held: HeldBytes;
  readonly #onHead: () => void;
  readonly #onEnd: () => void;

  constructor(head: H, pool: BufferPool, onHead: () => void, onEnd: () => void) {
    this.head = head;
    this.#held = new HeldBytes(pool);
    this.#onHead = onHead;
    this.#onEnd = onEnd;
  }

  /** Nothing of a message has come since the last one ended. */
  get isBetween(): boolean {
    return this.body.isDone && this.#held.length === 0;
  }

  /** @throws {HttpError} */
  follow(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (!this.body.isDone) {
        at = this.body.scan(bytes, at, bytes.length);
        if (this.body.isDone) this.#onEnd();
      } else if (this.#held.length > 0) {
        at = this.#followHeld(bytes, at);
      } else {
        const headEnd = this.head.parse(bytes, at, bytes.length);
        if (headEnd === INCOMPLETE) {
          this.#held.append(bytes.subarray(at));
          return;
        }
        at = headEnd;
        this.#headEnded();
      }
    }
  }

  clear(): void {
    this.#held.clear();
  }

  #followHeld(bytes: Uint8Array, at: number): number {
    const before = this.#held.length;
    this.#held.append(bytes.subarray(at));
    const { buffer, start, end } = this.#held;
    if (!this.#held.isHeadLikely()) return bytes.length;
    const headEnd = this.head.parse(buffer!.bytes, start, end);
    if (headEnd === INCOMPLETE) return bytes.length;
    const usedBytes = headEnd - start - before;
    this.#headEnded();
    this.#held.clear();
    return at + usedBytes;
  }

  #headEnded(): void {
    this.#onHead();
    if (this.body.isDone) this.#onEnd();
  }
}
