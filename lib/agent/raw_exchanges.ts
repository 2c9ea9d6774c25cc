/**
 * Follows the HTTP/1 exchanges that pass through a raw connection, without touching a byte: whether
 * one is under way, and whether the target's connection outlives it.
 */
import type { BufferPool } from "../buffer.ts";
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import { requestFraming, responseFraming } from "../codec/http1/framing.ts";
import type { Head } from "../codec/http1/head.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import { ResponseHead } from "../codec/http1/response_head.ts";
import { DecodeError } from "../errors.ts";

/** Requests that may wait for their answers; a raw connection should carry one. */
const MAX_PIPELINED = 64;

/** One direction: heads, and the bodies behind them. */
class MessageFollower<H extends Head & { parse(b: Uint8Array, s: number, e: number): number }> {
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

/** The exchanges of one connection. */
export class RawExchanges {
  readonly #requests: MessageFollower<RequestHead>;
  readonly #responses: MessageFollower<ResponseHead>;
  /** Methods of requests that have no complete answer yet. */
  readonly #methods: string[] = [];
  #isOpaque = false;
  #isReusable = true;
  /** The response that passes now is interim: the final one follows. */
  #isInterim = false;

  constructor(pool: BufferPool) {
    this.#requests = new MessageFollower(
      new RequestHead(),
      pool,
      () => this.#onRequestHead(),
      () => {},
    );
    this.#responses = new MessageFollower(
      new ResponseHead(),
      pool,
      () => this.#onResponseHead(),
      () => this.#onResponseEnd(),
    );
  }

  /** What passes is HTTP/1, as far as it has been seen. */
  get isHttp(): boolean {
    return !this.#isOpaque;
  }

  /** No exchange is under way. */
  get isIdle(): boolean {
    return !this.#isOpaque && this.#methods.length === 0 && this.#requests.isBetween &&
      this.#responses.isBetween;
  }

  /** The last answer left the connection good for another exchange. */
  get isReusable(): boolean {
    return this.#isReusable && !this.#isOpaque;
  }

  /** The request that waits for its answer is there in full, and is the only one. */
  get isRequestWhole(): boolean {
    return this.#methods.length === 1 && this.#requests.isBetween;
  }

  /** The request that waits for its answer wants no body in it. */
  get isHead(): boolean {
    return this.#methods[0] === "HEAD";
  }

  /** Sees bytes on their way to the target. */
  request(bytes: Uint8Array): void {
    this.#follow(this.#requests, bytes);
  }

  /** Sees bytes on their way from the target. */
  response(bytes: Uint8Array): void {
    this.#follow(this.#responses, bytes);
  }

  /** The request at hand was answered by ourselves. */
  answered(): void {
    this.#methods.shift();
  }

  /** Forgets everything; nothing may be followed after. */
  close(): void {
    this.#isOpaque = true;
    this.#requests.clear();
    this.#responses.clear();
  }

  #follow(follower: { follow(bytes: Uint8Array): void }, bytes: Uint8Array): void {
    if (this.#isOpaque) return;
    try {
      follower.follow(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      // Another protocol, or HTTP that we would not pass on elsewhere: here it just passes, once.
      this.close();
    }
  }

  #onRequestHead(): void {
    const { head, body } = this.#requests;
    if (this.#methods.length === MAX_PIPELINED) return this.close();
    this.#methods.push(head.method);
    this.#isReusable = this.#isReusable && head.isKeepAlive;
    const framing = requestFraming(head);
    // What follows a CONNECT depends on its answer: followed no further.
    if (framing === "tunnel") this.close();
    else body.start(framing, head.contentLength);
  }

  #onResponseHead(): void {
    const { head, body } = this.#responses;
    this.#isInterim = head.isInterim;
    const framing = responseFraming(head, this.#methods[0] ?? "");
    if (framing === "tunnel") return this.close();
    if (framing === "close" || (!head.isInterim && !head.isKeepAlive)) this.#isReusable = false;
    body.start(framing, head.contentLength);
  }

  #onResponseEnd(): void {
    if (!this.#isInterim) this.#methods.shift();
  }
}
