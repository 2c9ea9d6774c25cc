/** A target's answer on its way to the client: its heads, then its body to where that ends. */
import type { SharedBuffer } from "../buffer.ts";
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import { responseFraming } from "../codec/http1/framing.ts";
import type { Framing } from "../codec/http1/framing.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import type { ResponseHead } from "../codec/http1/response_head.ts";
import type { HeaderEdits } from "./header_edits.ts";
import type { HttpFrontend } from "./http_frontend.ts";
import { MAX_JOINED_BYTES } from "./outgoing_request.ts";
import type { OutgoingRequest } from "./outgoing_request.ts";
import { responseHeadRoom, writeResponseHead } from "./response_writer.ts";
import type { ResponsePassage } from "./response_writer.ts";

/** Who passes the answer on. */
export interface ResponseUser {
  /** The client's connection may be kept, as far as the client is concerned. */
  readonly mayKeepClient: boolean;
  /** A line that the final answer's head gets, without its end. */
  ownLine(): string | undefined;
  /** An interim answer is about to be passed on: the target is at work. */
  interimCame(): void;
  /** The final answer's head is about to be passed on; `isRaw` if both switch protocols. */
  began(status: number, isRaw: boolean): void;
  toClient(bytes: Uint8Array, buffer: SharedBuffer): void;
  /** What came was passed on, and more has to come. */
  goesOn(): void;
  /** The answer's last byte was passed on; `isAtOnce` if it came with the first. */
  ended(isAtOnce: boolean): void;
  /** Bytes pass both ways from now on. */
  switched(): void;
  isBad(error: HttpError): void;
}

/** The answer of one {@link Exchange}. */
export class ResponseRelay {
  readonly #frontend: HttpFrontend;
  readonly #request: OutgoingRequest;
  readonly #edits: HeaderEdits | undefined;
  readonly #user: ResponseUser;
  #body: BodyScanner | undefined;
  #held: HeldBytes | undefined;
  #isDechunked = false;
  /** The target's connection may serve the next request. */
  isReusable = false;
  /** Bytes of heads that were passed on. */
  headBytes = 0;
  /** The client was told that its connection is kept. */
  isClientKept = false;

  constructor(
    frontend: HttpFrontend,
    request: OutgoingRequest,
    edits: HeaderEdits | undefined,
    user: ResponseUser,
  ) {
    this.#frontend = frontend;
    this.#request = request;
    this.#edits = edits;
    this.#user = user;
  }

  /** A part of a head is here. */
  get holdsHead(): boolean {
    return this.#held !== undefined;
  }

  /** The end of the target's bytes is the end of the answer. */
  get endsWithStream(): boolean {
    return this.#body?.framing === "close";
  }

  /** Forgets what it holds. */
  clear(): void {
    this.#held?.clear();
    this.#held = undefined;
  }

  /** Takes bytes of the answer's heads, and whatever is behind them. */
  takeHeads(bytes: Uint8Array, buffer: SharedBuffer): void {
    const held = this.#held;
    try {
      if (held === undefined) {
        const used = this.#takeHeads(bytes, 0, bytes.length, buffer);
        if (used === bytes.length) return;
        this.#held = new HeldBytes(this.#frontend.runtime.pool);
        this.#held.append(bytes.subarray(used));
        return;
      }
      held.append(bytes);
      if (!held.isHeadLikely()) return;
      const whole = held.buffer!;
      whole.retain();
      const { start, end } = held;
      const used = this.#takeHeads(whole.bytes, start, end, whole) - start;
      whole.release();
      if (held.length > 0) held.consume(used);
      if (held.length === 0) this.#held = undefined;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#user.isBad(error);
    }
  }

  /** Takes bytes of the body. */
  takeBody(bytes: Uint8Array, buffer: SharedBuffer): void {
    const body = this.#body!;
    const ranges: number[] | undefined = this.#isDechunked ? [] : undefined;
    let bodyEnd: number;
    try {
      bodyEnd = body.scan(bytes, 0, bytes.length, ranges && pushRange(ranges));
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#user.isBad(error);
      return;
    }
    if (ranges !== undefined) this.#passRanges(bytes, ranges, buffer);
    else {
      const isAll = bodyEnd === bytes.length;
      this.#user.toClient(isAll ? bytes : bytes.subarray(0, bodyEnd), buffer);
    }
    if (bodyEnd < bytes.length) this.isReusable = false;
    if (body.isDone) this.#user.ended(false);
  }

  #takeHeads(bytes: Uint8Array, start: number, end: number, buffer: SharedBuffer): number {
    const head = this.#frontend.responseHead;
    let at = start;
    while (at < end) {
      const headEnd = head.parse(bytes, at, end);
      if (headEnd === INCOMPLETE) return at;
      if (!head.isInterim) {
        this.#begin(head, bytes, headEnd, end, buffer);
        return end;
      }
      this.#passInterim(head);
      at = headEnd;
    }
    return at;
  }

  /** Passes on a 1xx answer, for which HTTP/1.0 has no words. */
  #passInterim(head: ResponseHead): void {
    this.#user.interimCame();
    if (this.#request.isHttp10) return;
    const { writer } = this.#frontend;
    writer.begin(responseHeadRoom(head, undefined));
    writeResponseHead(writer, head, { connection: undefined, isDechunked: false });
    this.headBytes += writer.size;
    this.#user.toClient(writer.view(), writer.buffer);
    writer.buffer.release();
  }

  /** Passes on the final answer's head, and what of its body came with it. */
  #begin(
    head: ResponseHead,
    bytes: Uint8Array,
    headEnd: number,
    end: number,
    buffer: SharedBuffer,
  ): void {
    const { method, isHttp10 } = this.#request;
    const framing = responseFraming(head, method);
    if (framing === "tunnel") {
      this.#beginRaw(head, bytes, headEnd, end, buffer);
      return;
    }
    this.#isDechunked = framing === "chunked" && isHttp10;
    this.isClientKept = this.#user.mayKeepClient && framing !== "close" && !this.#isDechunked;
    this.isReusable = head.isKeepAlive && framing !== "close";
    const isWhole = framing === "length" && head.contentLength <= end - headEnd;
    const body = isWhole ? undefined : this.#startBody(framing, head.contentLength);
    const ranges: number[] | undefined = this.#isDechunked ? [] : undefined;
    let bodyEnd = isWhole ? headEnd + head.contentLength : headEnd;
    if (body !== undefined) bodyEnd = body.scan(bytes, headEnd, end, ranges && pushRange(ranges));
    const isJoined = !this.#isDechunked && bodyEnd - headEnd <= MAX_JOINED_BYTES;
    const connection = this.isClientKept ? (isHttp10 ? "keep-alive" : undefined) : "close";
    this.#passHead(head, connection, bytes, headEnd, isJoined ? bodyEnd : headEnd);
    if (ranges !== undefined) this.#passRanges(bytes, ranges, buffer);
    else if (!isJoined) this.#user.toClient(bytes.subarray(headEnd, bodyEnd), buffer);
    if (bodyEnd < end) this.isReusable = false;
    if (body === undefined || body.isDone) this.#user.ended(true);
    else this.#user.goesOn();
  }

  #startBody(framing: Framing, contentLength: number): BodyScanner | undefined {
    if (framing === "none") return undefined;
    this.#body = new BodyScanner();
    this.#body.start(framing, contentLength);
    return this.#body;
  }

  #beginRaw(
    head: ResponseHead,
    bytes: Uint8Array,
    headEnd: number,
    end: number,
    buffer: SharedBuffer,
  ): void {
    if (!this.#request.isUpgrade || !this.#request.isDone) {
      head.fail(400, head.start, "it switches protocols, which nobody asked for");
    }
    this.#passHead(head, "upgrade", bytes, headEnd, headEnd);
    if (headEnd < end) this.#user.toClient(bytes.subarray(headEnd, end), buffer);
    this.#user.switched();
  }

  /** Passes on the final answer's head and, in one piece with it, `bytes` from `start` to `end`. */
  #passHead(
    head: ResponseHead,
    connection: ResponsePassage["connection"],
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { writer } = this.#frontend;
    const edits = this.#edits;
    const line = this.#user.ownLine();
    writer.begin(responseHeadRoom(head, edits, line) + end - start);
    writeResponseHead(writer, head, { connection, isDechunked: this.#isDechunked, edits, line });
    this.headBytes += writer.size;
    writer.copy(bytes, start, end);
    this.#user.began(head.status, connection === "upgrade");
    this.#user.toClient(writer.view(), writer.buffer);
    writer.buffer.release();
  }

  #passRanges(bytes: Uint8Array, ranges: readonly number[], buffer: SharedBuffer): void {
    for (let i = 0; i < ranges.length; i += 2) {
      this.#user.toClient(bytes.subarray(ranges[i], ranges[i + 1]), buffer);
    }
  }
}

function pushRange(ranges: number[]): (start: number, end: number) => void {
  return (start, end) => ranges.push(start, end);
}
