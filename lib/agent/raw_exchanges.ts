/**
 * Follows the HTTP/1 exchanges that pass through a raw connection, without touching a byte: whether
 * one is under way, and whether the target's connection outlives it.
 */
import type { BufferPool } from "../buffer.ts";
import { requestFraming, responseFraming } from "../codec/http1/framing.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import { ResponseHead } from "../codec/http1/response_head.ts";
import { DecodeError } from "../errors.ts";
import { MessageFollower } from "./message_follower.ts";

/** Requests that may wait for their answers; a raw connection should carry one. */
const MAX_PIPELINED = 64;

/** The exchanges of one connection. */
export class RawExchanges {
  readonly #requests: MessageFollower<RequestHead>;
  readonly #responses: MessageFollower<ResponseHead>;
  /** Methods of requests that have no complete answer yet. */
  readonly #methods: string[] = [];
  /** Requests whose final answer has not begun. */
  #unanswered = 0;
  #hasSwitched = false;
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

  /** The final answer to each request has begun; answers that are no HTTP are followed no further. */
  get isAnswered(): boolean {
    return this.#isOpaque || this.#unanswered === 0;
  }

  /** An answer was 101: what passes from there on is another protocol. */
  get hasSwitched(): boolean {
    return this.#hasSwitched;
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
    this.#unanswered -= 1;
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
    this.#unanswered += 1;
    this.#isReusable = this.#isReusable && head.isKeepAlive;
    const framing = requestFraming(head);
    // What follows a CONNECT depends on its answer: followed no further.
    if (framing === "tunnel") this.close();
    else body.start(framing, head.contentLength);
  }

  #onResponseHead(): void {
    const { head, body } = this.#responses;
    this.#isInterim = head.isInterim;
    if (!head.isInterim) this.#unanswered -= 1;
    if (head.status === 101) this.#hasSwitched = true;
    const framing = responseFraming(head, this.#methods[0] ?? "");
    if (framing === "tunnel") return this.close();
    if (framing === "close" || (!head.isInterim && !head.isKeepAlive)) this.#isReusable = false;
    body.start(framing, head.contentLength);
  }

  #onResponseEnd(): void {
    if (!this.#isInterim) this.#methods.shift();
  }
}
