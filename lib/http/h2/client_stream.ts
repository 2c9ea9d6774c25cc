/**
 * A client's stream of HTTP/2 as a connection of HTTP/1 with one request on it: so that routes,
 * rules, edits, retries and answers are the same for both.
 */
import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import type {
  Http2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import { SharedBuffer } from "../../buffer.ts";
import { BodyScanner } from "../../codec/http1/body_scanner.ts";
import { responseFraming } from "../../codec/http1/framing.ts";
import { HttpError } from "../../codec/http1/http_error.ts";
import type { ResponseHead } from "../../codec/http1/response_head.ts";
import type { Duplex, Sink } from "../../duplex.ts";
import { ClosedError } from "../../errors.ts";
import { bodyBytes } from "./body_bytes.ts";
import { grpcAnswer, isGrpc } from "./grpc_answer.ts";
import { addTrailer, fieldLines, fieldsOf, MalformedHeaders, noFields } from "./header_text.ts";
import { codeOf, H2_CODE, H2ResetError } from "./reset.ts";

/** Bytes of an answer that wait for a slow client before its target is held up. */
const HIGH_WATER_BYTES = 256 << 10;
/** Written by us, in HTTP/1's own way. */
const REPLACED: ReadonlySet<string> = new Set(["host", "content-length"]);
const NO_FIELDS: ReadonlySet<string> = new Set();

/** The server's half of one stream. */
export class ClientStream implements Duplex {
  readonly name: string;
  readonly #stream: ServerHttp2Stream;
  readonly #head: ResponseHead;
  readonly #requestHead: string;
  readonly #method: string;
  readonly #isGrpc: boolean;
  /** The request's body goes on in chunks; otherwise as many bytes as were announced. */
  readonly #isChunked: boolean;
  #leftBytes: number;
  #requestTrailers = "";
  #sink: Sink | undefined;
  #isRequestDone: boolean;
  #isClosed = false;
  #body: BodyScanner | undefined;
  #trailers: OutgoingHttpHeaders | undefined;
  #hasAnswer = false;
  #isAnswerDone = false;

  /**
   * @param head scratch to read the answer's head with.
   * @throws {MalformedHeaders} the request is none that HTTP/1 could carry.
   */
  constructor(
    name: string,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    isEnded: boolean,
    head: ResponseHead,
  ) {
    this.name = name;
    this.#stream = stream;
    this.#head = head;
    this.#isRequestDone = isEnded;
    this.#method = pseudo(headers, ":method");
    this.#isGrpc = isGrpc(headers["content-type"]);
    const length = headers["content-length"];
    if (length !== undefined && !/^\d{1,15}$/.test(length)) {
      throw new MalformedHeaders("content-length is no number");
    }
    this.#isChunked = !isEnded && length === undefined;
    this.#leftBytes = Number(length ?? 0);
    if (isEnded && this.#leftBytes > 0) throw new MalformedHeaders("the body is missing");
    this.#requestHead = this.#headText(headers, length);
    stream.on("error", () => {});
    stream.on("close", () => this.#gone());
    stream.on("aborted", () => dropAborted(stream));
    stream.on("drain", () => this.#sink?.onDrain());
  }

  get queuedBytes(): number {
    return this.#stream.writableLength;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  attach(sink: Sink): void {
    this.#sink = sink;
    queueMicrotask(() => this.#begin());
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isRequestDone) this.#stream.resume();
  }

  write(bytes: Uint8Array): boolean {
    // A stream that was reset is told of later than it is gone, and may not be answered then.
    const stream = this.#stream;
    if (this.#isClosed || this.#isAnswerDone || stream.closed || stream.destroyed) return false;
    try {
      if (this.#hasAnswer) this.#passBody(bytes, 0);
      else this.#takeHeads(bytes);
    } catch (error) {
      // What we write ourselves is well-formed, and a target's was checked on its way here; but Node
      // refuses some that HTTP/1 lets pass.
      if (!(error instanceof HttpError) && !isH2Error(error)) throw error;
      this.close(error);
    }
    return this.#stream.writableLength < HIGH_WATER_BYTES;
  }

  end(): void {
    if (this.#isClosed) return;
    if (this.#hasAnswer && !this.#isAnswerDone) {
      this.#isAnswerDone = true;
      this.#stream.end();
    }
    queueMicrotask(() => {
      if (!this.#isRequestDone) this.#stream.close(H2_CODE.noError);
      this.#closed(undefined);
    });
  }

  close(error?: Error): void {
    if (this.#isClosed) return;
    if (!this.#isAnswerDone || !this.#isRequestDone) {
      this.#stream.close(this.#isAnswerDone ? H2_CODE.noError : codeOf(error));
    }
    this.#closed(error);
  }

  #headText(headers: IncomingHttpHeaders, length: string | undefined): string {
    const path = pseudo(headers, ":path");
    const authority = headers[":authority"];
    const host = headers["host"];
    if (authority !== undefined && host !== undefined && authority !== host) {
      throw new MalformedHeaders("host and :authority differ");
    }
    if (/[\s\0]/.test(path) || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(this.#method)) {
      throw new MalformedHeaders(":method or :path is malformed");
    }
    const place = authority ?? host ?? "";
    if (/[^!-~]/.test(place)) throw new MalformedHeaders(":authority is malformed");
    const framing = this.#isChunked
      ? "transfer-encoding: chunked\r\n"
      : length === undefined
      ? ""
      : `content-length: ${length}\r\n`;
    return `${this.#method} ${path} HTTP/1.1\r\nhost: ${place}\r\n` +
      fieldLines(headers, REPLACED) + framing + "connection: close\r\n\r\n";
  }

  #begin(): void {
    if (this.#isClosed) return;
    const stream = this.#stream;
    this.#deliver(Buffer.from(this.#requestHead, "latin1"));
    if (this.#isRequestDone || this.#isClosed) return;
    stream.on("trailers", (trailers: IncomingHttpHeaders) => {
      try {
        this.#requestTrailers = fieldLines(trailers, NO_FIELDS);
      } catch {
        stream.close(H2_CODE.protocolError);
      }
    });
    stream.on("data", (bytes: Uint8Array) => this.#bodyCame(bytes));
    stream.on("end", () => this.#bodyEnded());
  }

  #bodyCame(bytes: Uint8Array): void {
    if (this.#isClosed || bytes.length === 0) return;
    if (this.#isChunked) {
      this.#deliver(asChunk(bytes));
      return;
    }
    this.#leftBytes -= bytes.length;
    if (this.#leftBytes < 0) {
      this.#malformed("The body is longer than its content-length says");
      return;
    }
    if (this.#leftBytes === 0) this.#isRequestDone = true;
    this.#deliver(bytes);
  }

  #bodyEnded(): void {
    if (this.#isClosed) return;
    if (!this.#isChunked) {
      if (this.#leftBytes > 0) this.#malformed("The body is shorter than its content-length says");
      return;
    }
    // Node tells of the end of streams that were reset, too.
    if (this.#stream.aborted) return;
    this.#isRequestDone = true;
    this.#deliver(Buffer.from(`0\r\n${this.#requestTrailers}\r\n`, "latin1"));
  }

  #deliver(bytes: Uint8Array): void {
    this.#sink?.onData(bytes, new SharedBuffer(bytes as Uint8Array<ArrayBuffer>));
  }

  #malformed(detail: string): void {
    this.#stream.close(H2_CODE.protocolError);
    this.#closed(new ClosedError("peer", detail));
  }

  /** Takes an answer's heads, each of them whole, and what of the body is behind the last. */
  #takeHeads(bytes: Uint8Array): void {
    const head = this.#head;
    for (let at = 0; at < bytes.length && !this.#hasAnswer;) {
      const end = head.parse(bytes, at, bytes.length);
      if (end < 0) head.fail(500, at, "a head came in pieces");
      if (head.isInterim) this.#passInterim(head);
      else this.#passHead(head, bytes, end);
      at = end;
    }
  }

  #passInterim(head: ResponseHead): void {
    const headers = Object.assign(noFields(), { ":status": head.status });
    fieldsOf(head, headers);
    this.#stream.additionalHeaders(headers);
  }

  #passHead(head: ResponseHead, bytes: Uint8Array, bodyStart: number): void {
    this.#hasAnswer = true;
    const stream = this.#stream;
    const framing = responseFraming(head, this.#method);
    const code = this.#isGrpc && head.status >= 400 ? head.header("x-revtun-error") : undefined;
    if (code !== undefined) {
      this.#isAnswerDone = true;
      stream.respond(grpcAnswer(head.status, code), { endStream: true });
      return;
    }
    const headers = Object.assign(noFields(), { ":status": head.status });
    fieldsOf(head, headers);
    if (framing === "none") {
      this.#isAnswerDone = true;
      stream.respond(headers, { endStream: true });
      return;
    }
    this.#body = new BodyScanner();
    this.#body.onTrailer = (line) => addTrailer(this.#trailers ??= noFields(), line);
    this.#body.start(framing, head.contentLength);
    const waitForTrailers = framing === "chunked";
    stream.respond(headers, { waitForTrailers });
    if (waitForTrailers) {
      stream.on("wantTrailers", () => sendTrailers(stream, this.#trailers));
    }
    this.#passBody(bytes, bodyStart);
  }

  #passBody(bytes: Uint8Array, start: number): void {
    const body = this.#body!;
    const whole = bodyBytes(body, bytes, start);
    if (body.isDone) {
      this.#isAnswerDone = true;
      if (whole === undefined) this.#stream.end();
      else this.#stream.end(whole);
    } else if (whole !== undefined && whole.length > 0) {
      this.#stream.write(whole);
    }
  }

  /** The stream is gone: by both ends, by a reset, or with its connection. */
  #gone(): void {
    if (this.#isClosed) return;
    const code = this.#stream.rstCode ?? H2_CODE.noError;
    const isDone = this.#isAnswerDone && this.#isRequestDone;
    this.#closed(isDone ? undefined : new H2ResetError(code, "The client cut its request off"));
  }

  #closed(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onClose(error);
  }
}

/** Ends a stream with trailers; one that was reset meanwhile cannot take them. */
export function sendTrailers(
  stream: Pick<Http2Stream, "closed" | "destroyed" | "sendTrailers" | "close">,
  trailers: OutgoingHttpHeaders = {},
): void {
  if (stream.closed || stream.destroyed) return;
  try {
    stream.sendTrailers(trailers);
  } catch (error) {
    if (!isH2Error(error)) throw error;
    stream.close(H2_CODE.internalError);
  }
}

/**
 * Destroys a stream that was reset: Deno 2.9.6 keeps one whose last bytes had not left. Not from
 * within the library that tells of it.
 */
export function dropAborted(stream: { readonly destroyed: boolean; destroy(): void }): void {
  setImmediate(() => {
    if (!stream.destroyed) stream.destroy();
  });
}

/** Node refuses what is to be sent. */
export function isH2Error(error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof Error && /^ERR_(HTTP2|INVALID)_/.test(String(code));
}

/** A chunk of HTTP/1 around some bytes. */
export function asChunk(bytes: Uint8Array): Buffer {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1");
  const chunk = Buffer.allocUnsafe(size.length + bytes.length + 2);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.write("\r\n", size.length + bytes.length, "latin1");
  return chunk;
}

function pseudo(headers: IncomingHttpHeaders, name: ":method" | ":path"): string {
  const value = headers[name];
  if (value === undefined || value === "") throw new MalformedHeaders(`${name} is missing`);
  return value;
}
