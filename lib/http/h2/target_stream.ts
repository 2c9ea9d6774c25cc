/** A request of HTTP/2 to a target as a connection of HTTP/1 to it, for one exchange. */
import { Buffer } from "node:buffer";
import type {
  ClientHttp2Stream,
  ClientSessionRequestOptions,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from "node:http2";
import { SharedBuffer } from "../../buffer.ts";
import { BodyScanner } from "../../codec/http1/body_scanner.ts";
import { FIELD, fieldMask } from "../../codec/http1/field_id.ts";
import { requestFraming } from "../../codec/http1/framing.ts";
import { latin1 } from "../../codec/http1/latin1.ts";
import type { RequestHead } from "../../codec/http1/request_head.ts";
import type { Duplex, Sink } from "../../duplex.ts";
import { ClosedError, DialError } from "../../errors.ts";
import { bodyBytes } from "./body_bytes.ts";
import { asChunk, dropAborted, sendTrailers } from "./client_stream.ts";
import { addTrailer, fieldLines, fieldsOf, MalformedHeaders, noFields } from "./header_text.ts";
import { codeOf, H2_CODE, H2ResetError } from "./reset.ts";

/** What a request needs of its session. */
export interface TargetStreamDeps {
  /** Scratch to read the request's head with. */
  readonly requestHead: RequestHead;
  request(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream;
  /** Names the target in place of the request's Host. */
  readonly authority: string | undefined;
  readonly scheme: "http" | "https";
  /** Why the session broke; undefined while it has not. */
  lossOf(): Error | undefined;
  /** It is over, one way or another; called once. */
  onGone(): void;
}

/** Bytes of a request that wait for a slow target before its client is held up. */
const HIGH_WATER_BYTES = 256 << 10;
const END_STREAM = 0x1;
const DROPPED = fieldMask(FIELD.host, FIELD.te);
const NO_FIELDS: ReadonlySet<string> = new Set();
const LENGTH: ReadonlySet<string> = new Set(["content-length"]);

/** The client's half of one stream. */
export class TargetStream implements Duplex {
  readonly name: string;
  readonly #deps: TargetStreamDeps;
  #stream: ClientHttp2Stream | undefined;
  #sink: Sink | undefined;
  #isPaused = false;
  #isClosed = false;
  #method = "";
  #body: BodyScanner | undefined;
  #isRequestDone = false;
  #requestTrailers: OutgoingHttpHeaders | undefined;
  #hasAnswer = false;
  #isAnswerDone = false;
  #isChunked = false;
  #leftBytes = 0;
  #trailers = "";

  constructor(name: string, deps: TargetStreamDeps) {
    this.name = name;
    this.#deps = deps;
  }

  get queuedBytes(): number {
    return this.#stream?.writableLength ?? 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  attach(sink: Sink): void {
    this.#sink = sink;
  }

  pause(): void {
    this.#isPaused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#hasAnswer && !this.#isAnswerDone) this.#stream?.resume();
  }

  /** The first call has the whole head, as {@link Exchange} writes it. */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isRequestDone) return false;
    if (this.#stream === undefined) this.#open(bytes);
    else this.#passBody(bytes, 0);
    return this.queuedBytes < HIGH_WATER_BYTES;
  }

  end(): void {
    if (!this.#isRequestDone) this.close(new ClosedError("us", "The request was given up"));
  }

  close(error?: Error): void {
    if (this.#isClosed) return;
    const isWhole = this.#isAnswerDone && this.#isRequestDone;
    if (!isWhole) this.#stream?.close(error === undefined ? H2_CODE.cancel : codeOf(error));
    this.#closed(error);
  }

  #open(bytes: Uint8Array): void {
    const head = this.#deps.requestHead;
    const end = head.parse(bytes, 0, bytes.length);
    if (end < 0) throw new RangeError("A request's head must be written at once");
    this.#method = head.method;
    const headers = Object.assign(noFields(), {
      ":method": head.method,
      ":path": latin1(bytes, head.targetStart, head.targetEnd),
      ":scheme": this.#deps.scheme,
      ":authority": this.#deps.authority ?? head.host,
    });
    fieldsOf(head, headers, DROPPED);
    const hasTrailers = head.has(FIELD.te);
    if (hasTrailers) headers["te"] = "trailers";
    const framing = requestFraming(head);
    const endStream = framing === "none";
    const waitForTrailers = framing === "chunked";
    const { contentLength } = head;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#deps.request(headers, { endStream, waitForTrailers });
    } catch (error) {
      // The session went between its being found and now: nothing was sent.
      this.#lostLater(new DialError(this.name, "unreachable", (error as Error).message));
      return;
    }
    this.#stream = stream;
    stream.on("error", () => {});
    stream.on("close", () => this.#gone());
    stream.on("aborted", () => dropAborted(stream));
    stream.on("headers", (interim: IncomingHttpHeaders) => this.#passInterim(interim));
    stream.on("response", (answer: IncomingHttpHeaders, flags: number) => {
      this.#passHead(answer, (flags & END_STREAM) !== 0, hasTrailers);
    });
    stream.on("drain", () => this.#sink?.onDrain());
    if (endStream) {
      this.#isRequestDone = true;
      return;
    }
    if (waitForTrailers) {
      stream.on("wantTrailers", () => sendTrailers(stream, this.#requestTrailers));
    }
    this.#body = new BodyScanner();
    this.#body.onTrailer = (line) => addTrailer(this.#requestTrailers ??= noFields(), line);
    this.#body.start(framing, contentLength);
    this.#passBody(bytes, end);
  }

  #passBody(bytes: Uint8Array, start: number): void {
    const body = this.#body!;
    const whole = bodyBytes(body, bytes, start);
    if (whole !== undefined && whole.length > 0) this.#stream!.write(whole);
    if (!body.isDone) return;
    this.#isRequestDone = true;
    this.#stream!.end();
  }

  #passInterim(interim: IncomingHttpHeaders): void {
    try {
      const lines = fieldLines(interim, NO_FIELDS);
      this.#deliver(Buffer.from(`HTTP/1.1 ${interim[":status"]} \r\n${lines}\r\n`, "latin1"));
    } catch (error) {
      this.#malformed(error);
    }
  }

  #passHead(answer: IncomingHttpHeaders, isEnded: boolean, hasTrailers: boolean): void {
    const status = Number(answer[":status"] ?? 0);
    const length = answer["content-length"];
    const isBodiless = this.#method === "HEAD" || status === 204 || status === 304;
    let framing = "";
    if (isBodiless || isEnded) {
      if (!isBodiless && length === undefined) framing = "content-length: 0\r\n";
    } else if (length === undefined || hasTrailers) {
      this.#isChunked = true;
      framing = "transfer-encoding: chunked\r\n";
    } else {
      this.#leftBytes = Number(length);
    }
    let lines: string;
    try {
      if (length !== undefined && !/^\d{1,15}$/.test(length)) {
        throw new MalformedHeaders("content-length is no number");
      }
      if (isEnded && !isBodiless && Number(length ?? 0) > 0) {
        throw new MalformedHeaders("its body is missing");
      }
      lines = fieldLines(answer, this.#isChunked ? LENGTH : NO_FIELDS);
    } catch (error) {
      this.#malformed(error);
      return;
    }
    this.#hasAnswer = true;
    const stream = this.#stream!;
    if (isBodiless || isEnded) this.#isAnswerDone = true;
    this.#deliver(Buffer.from(`HTTP/1.1 ${status} \r\n${lines}${framing}\r\n`, "latin1"));
    if (this.#isClosed || this.#isAnswerDone) {
      stream.resume();
      return;
    }
    stream.on("trailers", (trailers: IncomingHttpHeaders) => {
      try {
        this.#trailers = fieldLines(trailers, NO_FIELDS);
      } catch (error) {
        this.#malformed(error);
      }
    });
    stream.on("data", (bytes: Uint8Array) => this.#bodyCame(bytes));
    stream.on("end", () => this.#bodyEnded());
    if (this.#isPaused) stream.pause();
  }

  #bodyCame(bytes: Uint8Array): void {
    if (this.#isClosed || bytes.length === 0) return;
    if (this.#isChunked) {
      this.#deliver(asChunk(bytes));
      return;
    }
    this.#leftBytes -= bytes.length;
    if (this.#leftBytes < 0) {
      this.#malformed(new MalformedHeaders("its body is longer than its content-length says"));
      return;
    }
    if (this.#leftBytes === 0) this.#isAnswerDone = true;
    this.#deliver(bytes);
  }

  #bodyEnded(): void {
    // Node tells of the end of streams that were reset, too.
    if (this.#isClosed || !this.#isChunked || this.#isCut) return;
    this.#isAnswerDone = true;
    this.#deliver(Buffer.from(`0\r\n${this.#trailers}\r\n`, "latin1"));
  }

  get #isCut(): boolean {
    return (this.#stream!.rstCode ?? 0) !== H2_CODE.noError || this.#stream!.aborted;
  }

  #deliver(bytes: Uint8Array): void {
    this.#sink?.onData(bytes, new SharedBuffer(bytes as Uint8Array<ArrayBuffer>));
  }

  #malformed(cause: unknown): void {
    const detail = `The target's HTTP/2 is malformed: ${(cause as Error).message}`;
    this.#stream!.close(H2_CODE.protocolError);
    this.#closed(new ClosedError("peer", detail, { cause }));
  }

  #gone(): void {
    if (this.#isClosed) return;
    if (this.#isAnswerDone) {
      // The target may be done before the request is; whoever holds this gives it back or closes it.
      this.#closed(undefined);
      return;
    }
    const loss = this.#deps.lossOf();
    const code = this.#stream!.rstCode ?? H2_CODE.noError;
    // What no target saw may go elsewhere; the tunnel says so by a DialError of its own.
    if (loss !== undefined && !this.#hasAnswer) this.#closed(loss);
    else if (code === H2_CODE.refusedStream) {
      this.#closed(new DialError(this.name, "unreachable", "the target refuses more requests"));
    } else this.#closed(new H2ResetError(code, "The target cut the request off"));
  }

  #lostLater(error: Error): void {
    queueMicrotask(() => this.#closed(error));
  }

  #closed(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const sink = this.#sink;
    this.#sink = undefined;
    this.#deps.onGone();
    sink?.onClose(error);
  }
}
