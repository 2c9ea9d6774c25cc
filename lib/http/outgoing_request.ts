/** A request on its way out: its head written anew, its body followed to its end, both kept a while. */
import type { SharedBuffer } from "../buffer.ts";
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import { requestFraming } from "../codec/http1/framing.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { Upstream } from "../upstream.ts";
import type { HttpFrontend } from "./http_frontend.ts";
import { KeptRequest } from "./kept_request.ts";
import { requestHeadRoom, writeRequestHead } from "./request_writer.ts";
import type { RequestPassage } from "./request_writer.ts";

/** A body's bytes up to this many travel in one write with its head; more are not copied. */
export const MAX_JOINED_BYTES = 8 << 10;

/** The request of one {@link Exchange}. */
export class OutgoingRequest {
  readonly #frontend: HttpFrontend;
  method = "";
  isHttp10 = false;
  isUpgrade = false;
  /** All of it was taken from the client. */
  isDone = false;
  #body: BodyScanner | undefined;
  #bodyBytes = 0;
  #kept: KeptRequest | undefined;

  constructor(frontend: HttpFrontend) {
    this.#frontend = frontend;
  }

  /** The last byte of its body was scanned. */
  get isBodyWhole(): boolean {
    return this.#body!.isDone;
  }

  /** Everything of it that was sent is still here. */
  get isKept(): boolean {
    return this.#kept?.isWhole === true;
  }

  /** Bytes of its body so far, with the framing of chunks. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Bytes that are kept. */
  get keptBytes(): number {
    return this.#kept?.size ?? 0;
  }

  /** Its head as it is sent, while that is kept. */
  get head(): Uint8Array | undefined {
    return this.#kept?.first;
  }

  /**
   * Begins with the head and what of the body came with it.
   *
   * @returns the index up to which bytes were used.
   * @throws {HttpError} when that part of the body is malformed or too large.
   */
  start(
    head: RequestHead,
    bytes: Uint8Array,
    headEnd: number,
    end: number,
    buffer: SharedBuffer,
    passage: RequestPassage,
  ): number {
    this.method = head.method;
    this.isHttp10 = head.minorVersion === 0;
    this.isUpgrade = head.isUpgrade;
    const framing = requestFraming(head);
    let bodyEnd = headEnd;
    if (framing === "none") {
      this.isDone = true;
    } else {
      this.#checkSize(head.contentLength);
      this.#body = new BodyScanner();
      this.#body.start(framing, head.contentLength);
      bodyEnd = this.scan(bytes, headEnd, end);
      this.isDone = this.#body.isDone;
    }
    const isJoined = bodyEnd - headEnd <= MAX_JOINED_BYTES;
    const { writer } = this.#frontend;
    writer.begin(requestHeadRoom(head, passage) + (isJoined ? bodyEnd - headEnd : 0));
    writeRequestHead(writer, head, passage);
    if (isJoined) writer.copy(bytes, headEnd, bodyEnd);
    this.#kept = new KeptRequest(writer.view(), writer.buffer);
    if (!isJoined) this.#kept.add(bytes.subarray(headEnd, bodyEnd), buffer, Infinity);
    return bodyEnd;
  }

  /**
   * Gives the index up to which bytes are the body's.
   *
   * @throws {HttpError} when they are malformed, or the body is too large.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    const bodyEnd = this.#body!.scan(bytes, start, end);
    this.#checkSize(this.#bodyBytes += bodyEnd - start);
    return bodyEnd;
  }

  /** Keeps a piece of the body that is sent, as far as the settings allow. */
  keep(piece: Uint8Array, buffer: SharedBuffer): void {
    this.#kept?.add(piece, buffer, this.#frontend.settings.replayBytes);
  }

  /** Sends what is kept; false if the upstream has had enough for now. */
  sendTo({ duplex, hostHeader }: Upstream): boolean {
    return this.#kept!.sendTo(duplex, hostHeader, this.#frontend.sentHead);
  }

  /** It will not be sent again. */
  forget(): void {
    this.#kept?.release();
    this.#kept = undefined;
  }

  #checkSize(bytes: number): void {
    const { maxBodyBytes } = this.#frontend.settings;
    if (maxBodyBytes > 0 && bytes > maxBodyBytes) {
      throw new HttpError(413, "limit", bytes, `its body is over ${maxBodyBytes} bytes`);
    }
  }
}
