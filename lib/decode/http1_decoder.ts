/** Follows the HTTP/1 messages of one direction of a raw connection. */
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import { requestFraming, responseFraming } from "../codec/http1/framing.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import { latin1 } from "../codec/http1/latin1.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import { ResponseHead } from "../codec/http1/response_head.ts";
import { DecodeError } from "../errors.ts";
import { guessProtocol } from "./first_bytes.ts";
import type { Follower } from "./follower.ts";
import { HeldHead } from "./held_head.ts";
import { OpaqueDecoder } from "./opaque_decoder.ts";
import type { DecodedRecord, DecodeOptions, Direction, Emit } from "./record.ts";

/** Requests that may wait for their responses: a capture of one direction never answers them. */
const MAX_PENDING_METHODS = 1000;
const EMPTY = new Uint8Array(0);
/** Parts of a query that let in who knows them. */
const SECRET_PARAMETER =
  /([?&;][^=&;\s]*(?:token|secret|passw|passwd|pwd|credential|api_?key|auth|signature)[^=&;\s]*=)[^&;\s]+/gi;
const MASKED = "$1***";

/** What requests and responses of a connection must know of each other. */
export class HttpExchanges {
  /** Methods of the requests whose responses have not come. */
  #methods: string[] = [];
  /** Something is missing: which response is whose can't be counted, only the last one is asked. */
  #isCounted = true;
  /** The connection speaks another protocol from here on. */
  isUpgraded = false;

  request(method: string): void {
    if (!this.#isCounted) this.#methods = [];
    if (this.#methods.length < MAX_PENDING_METHODS) this.#methods.push(method);
  }

  /** Method of the request that a response is for; "GET" where no request was seen. */
  response(isInterim: boolean): string {
    return (isInterim ? this.#methods[0] : this.#methods.shift()) ?? "GET";
  }

  lose(): void {
    this.#isCounted = false;
  }
}

/** One direction: requests from the server to the agent, responses back. */
export class Http1Decoder implements Follower {
  readonly #isRequests: boolean;
  readonly #direction: Direction;
  readonly #exchanges: HttpExchanges;
  readonly #emit: Emit;
  readonly #options: DecodeOptions;
  readonly #head: RequestHead | ResponseHead;
  readonly #held = new HeldHead();
  readonly #body = new BodyScanner();
  /** Counts what comes behind an upgrade. */
  #upgraded: OpaqueDecoder | undefined;
  #isInBody = false;
  #mayUpgrade = false;
  #headOffset = 0;
  #startLine = "";
  #refusal = "";
  #headBytes = 0;
  #bodyBytes = 0;
  #framedBytes = 0;

  constructor(
    direction: Direction,
    exchanges: HttpExchanges,
    emit: Emit,
    options: DecodeOptions,
  ) {
    this.#direction = direction;
    this.#isRequests = direction === "server-to-agent";
    this.#head = this.#isRequests ? new RequestHead() : new ResponseHead();
    this.#exchanges = exchanges;
    this.#emit = emit;
    this.#options = options;
  }

  push(bytes: Uint8Array, offset: number): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#isInBody) {
        at = this.#scanBody(bytes, at, offset);
        continue;
      }
      const rest = at === 0 ? bytes : bytes.subarray(at);
      if (this.#held.length === 0) {
        this.#headOffset = offset + at;
        if (this.#isOtherProtocol(rest)) {
          this.#upgraded ??= new OpaqueDecoder(
            "data",
            "bytes behind an upgrade, which are not looked into",
            this.#direction,
            this.#emit,
          );
        }
      }
      if (this.#upgraded !== undefined) return this.#upgraded.push(rest, offset + at);
      at += this.#readHead(rest);
    }
  }

  /** False unless they belong to a body whose length is known. */
  skip(bytes: number): boolean {
    if (this.#upgraded !== undefined) return this.#upgraded.skip(bytes);
    const { framing, remainingBytes } = this.#body;
    if (!this.#isInBody || framing === "chunked" || framing === "none") return false;
    if (framing === "length" && bytes > remainingBytes) return false;
    // These framings only count: any bytes will do.
    this.#body.scan(EMPTY, 0, bytes);
    this.#bodyBytes += bytes;
    this.#framedBytes += bytes;
    if (this.#body.isDone) this.#finish(true);
    return true;
  }

  end(isCut: boolean): void {
    this.#upgraded?.end();
    if (this.#isInBody) {
      const { framing } = this.#body;
      const isWhole = !isCut && (framing === "close" || framing === "tunnel");
      this.#finish(isWhole);
      if (!isWhole && !isCut) throw this.#truncated("body");
    } else if (this.#held.length > 0) {
      if (isCut) return this.#tellCutHead();
      this.#parse(this.#held.bytes);
      throw this.#truncated("head");
    }
  }

  #isOtherProtocol(bytes: Uint8Array): boolean {
    if (this.#exchanges.isUpgraded) return true;
    // Without the other direction only the bytes tell whether an offered upgrade was taken.
    return this.#mayUpgrade && guessProtocol(bytes, this.#direction, true) !== "HTTP/1";
  }

  #scanBody(bytes: Uint8Array, at: number, offset: number): number {
    let end: number;
    try {
      end = this.#body.scan(bytes, at, bytes.length, (from, to) => {
        this.#bodyBytes += to - from;
      });
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#finish(false);
      throw shifted(error, offset + at);
    }
    this.#framedBytes += end - at;
    if (this.#body.isDone) this.#finish(true);
    return end;
  }

  /** Reads a head from what is held and `bytes`; returns how many of those it took. */
  #readHead(bytes: Uint8Array): number {
    const heldBytes = this.#held.length;
    let whole = bytes;
    if (heldBytes > 0) {
      this.#held.append(bytes);
      if (!this.#held.mayEndHead(bytes.length)) return bytes.length;
      whole = this.#held.bytes;
    }
    const end = this.#parse(whole);
    if (end === INCOMPLETE) {
      if (heldBytes === 0) this.#held.append(bytes);
      return bytes.length;
    }
    this.#startLine = firstLine(whole, end);
    this.#headBytes = end;
    this.#bodyBytes = this.#framedBytes = 0;
    this.#startBody();
    this.#held.clear();
    this.#isInBody = true;
    if (this.#body.isDone) this.#finish(true);
    return end - heldBytes;
  }

  #parse(bytes: Uint8Array): number {
    const head = this.#head;
    this.#refusal = "";
    head.end = INCOMPLETE;
    try {
      return head.parse(bytes, 0, bytes.length);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      if (head.end === INCOMPLETE) throw shifted(error, this.#headOffset);
      // All lines were read: what we would not pass on went over this connection all the same.
      this.#refusal = error.detail;
      return head.end;
    }
  }

  #startBody(): void {
    const head = this.#head;
    if (head instanceof RequestHead) {
      this.#body.start(requestFraming(head), head.contentLength);
      this.#exchanges.request(head.method);
      this.#mayUpgrade = head.hasUpgrade;
      return;
    }
    const method = this.#exchanges.response(head.isInterim);
    const framing = responseFraming(head, method);
    this.#body.start(framing, head.contentLength);
    if (framing === "tunnel") this.#exchanges.isUpgraded = true;
  }

  #finish(isComplete: boolean): void {
    this.#isInBody = false;
    this.#tell({
      headers: this.#head.fieldCount,
      "body_bytes": this.#bodyBytes,
      framing: this.#body.framing,
      ...(isComplete ? {} : { complete: false }),
      ...(this.#refusal === "" ? {} : { note: this.#refusal }),
    }, this.#headBytes + this.#framedBytes);
  }

  /** A head of which only the start is there. */
  #tellCutHead(): void {
    const { bytes, length } = this.#held;
    this.#startLine = firstLine(bytes, length);
    if (this.#isRequests) this.#exchanges.request(this.#startLine.split(" ", 1)[0]!);
    this.#tell({ complete: false }, length);
    this.#held.clear();
  }

  #tell(fields: DecodedRecord["fields"], bytes: number): void {
    const line = this.#startLine;
    const shown = this.#options.isCredentialShown
      ? line
      : line.replaceAll(SECRET_PARAMETER, MASKED);
    this.#emit({
      offset: this.#headOffset,
      direction: this.#direction,
      layer: "http1",
      frame: this.#isRequests ? "HTTP/1 request" : "HTTP/1 response",
      fields: { "start_line": shown, ...fields },
      bytes,
    });
  }

  #truncated(what: string): DecodeError {
    return new DecodeError({
      format: `HTTP/1 ${this.#isRequests ? "request" : "response"}`,
      reason: "truncated",
      offset: this.#headOffset,
      detail: `the capture ends within its ${what}`,
    });
  }
}

/** The error in terms of the direction; where something is too long, that is where it starts. */
function shifted({ format, reason, offset, detail }: DecodeError, by: number): DecodeError {
  const at = reason === "limit" ? by : offset + by;
  return new DecodeError({ format, reason, offset: at, detail });
}

function firstLine(bytes: Uint8Array, end: number): string {
  let from = 0;
  while (from < end && (bytes[from] === 0x0d || bytes[from] === 0x0a)) from += 1;
  let to = from;
  while (to < end && bytes[to] !== 0x0d) to += 1;
  return latin1(bytes, from, to);
}
