/** One request and its answer: from a client's connection to an upstream and back. */
import type { SharedBuffer } from "../buffer.ts";
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import { requestFraming, responseFraming } from "../codec/http1/framing.ts";
import type { Framing } from "../codec/http1/framing.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { ResponseHead } from "../codec/http1/response_head.ts";
import type { Sink } from "../duplex.ts";
import { ClosedError, DeadlineError, DialError } from "../errors.ts";
import type { Upstream } from "../upstream.ts";
import { formatForHead } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { ClientConnection } from "./client_connection.ts";
import {
  answerForLoss,
  answerForRequest,
  answerForResponse,
  answerForUpstream,
  isTunnelLoss,
} from "./failure.ts";
import type { HttpFrontend } from "./http_frontend.ts";
import { KeptRequest } from "./kept_request.ts";
import { requestHeadRoom, writeRequestHead } from "./request_writer.ts";
import type { RequestPassage } from "./request_writer.ts";
import { responseHeadRoom, writeResponseHead } from "./response_writer.ts";
import type { Passage, Route } from "./route.ts";

/**
 * - `opening`: no upstream yet;
 * - `waiting`: the request goes out, nothing of the answer's head has been passed on;
 * - `streaming`: the answer's body passes;
 * - `answered`: the answer is whole, the request's body still comes;
 * - `raw`: the connection was upgraded, bytes pass both ways;
 * - `over`.
 */
type State = "opening" | "waiting" | "streaming" | "answered" | "raw" | "over";

/** A body's bytes up to this many travel in one write with its head; more are not copied. */
const MAX_JOINED_BYTES = 8 << 10;
/** What may be sent again even if a target may have seen it (RFC 9110 section 9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** A request under way. */
export class Exchange implements Sink {
  readonly #connection: ClientConnection;
  readonly #frontend: HttpFrontend;
  readonly #route: Route;
  readonly #passage: Passage | undefined;
  readonly #startMs: number;
  #method = "";
  #isHttp10 = false;
  #isUpgrade = false;
  #state: State = "opening";
  /** Counts every sign of life; compared when a deadline passes. */
  #progress = 0;
  #progressAtDeadline = 0;

  #upstream: Upstream | undefined;
  #isUpstreamPaused = false;
  #isUpstreamEnded = false;
  #attempts = 0;
  #excludedHosts: Set<string> | undefined;
  #lastFailure: Answer | undefined;

  #request: KeptRequest | undefined;
  #requestBody: BodyScanner | undefined;
  #bodyBytes = 0;
  #isRequestDone = false;
  /** The upstream takes no more of the request for now. */
  #isUpstreamFull = false;

  #responseBody: BodyScanner | undefined;
  #heldResponse: HeldBytes | undefined;
  #isResponseReusable = false;
  #isClientKept = false;
  #isDechunked = false;

  constructor(
    connection: ClientConnection,
    frontend: HttpFrontend,
    route: Route,
  ) {
    this.#connection = connection;
    this.#frontend = frontend;
    this.#route = route;
    this.#passage = route.passage;
    this.#startMs = frontend.onAnswer === undefined ? 0 : frontend.runtime.nowMs();
  }

  /** More of the client's bytes could be used now. */
  get canTake(): boolean {
    if (this.#state === "opening") return this.#isRequestDone;
    // A client that sent its whole request is read on, to learn at once if it leaves.
    return this.#isRequestDone && this.#state !== "raw" || !this.#isUpstreamFull;
  }

  /**
   * Begins with the request's head and what of its body came with it.
   *
   * @returns the index up to which bytes were used.
   * @throws {HttpError} when that part of the body is malformed; nothing was sent anywhere then.
   */
  start(
    head: RequestHead,
    bytes: Uint8Array,
    headEnd: number,
    end: number,
    buffer: SharedBuffer,
  ): number {
    this.#method = head.method;
    this.#isHttp10 = head.minorVersion === 0;
    this.#isUpgrade = head.isUpgrade;
    const framing = requestFraming(head);
    let bodyEnd = headEnd;
    if (framing === "none") {
      this.#isRequestDone = true;
    } else {
      this.#checkBodySize(head.contentLength);
      this.#requestBody = new BodyScanner();
      this.#requestBody.start(framing, head.contentLength);
      bodyEnd = this.#requestBody.scan(bytes, headEnd, end);
      this.#checkBodySize(this.#bodyBytes += bodyEnd - headEnd);
      this.#isRequestDone = this.#requestBody.isDone;
    }
    const isJoined = bodyEnd - headEnd <= MAX_JOINED_BYTES;
    const { writer } = this.#frontend;
    const passage: RequestPassage = {
      facts: this.#connection.facts,
      clusterName: this.#route.cluster,
      rewrite: this.#passage?.rewrite,
      edits: this.#passage?.requestEdits,
      requestId: this.#frontend.requestId,
    };
    writer.begin(requestHeadRoom(head, passage) + (isJoined ? bodyEnd - headEnd : 0));
    writeRequestHead(writer, head, passage);
    if (isJoined) writer.copy(bytes, headEnd, bodyEnd);
    this.#request = new KeptRequest(writer.view(), writer.buffer);
    if (!isJoined) {
      this.#request.add(bytes.subarray(headEnd, bodyEnd), buffer, Infinity);
    }
    this.#frontend.retries.deposit();
    this.#acquire(this.#holdMs);
    return bodyEnd;
  }

  /** Takes what the client sends after the first bytes; gives the index up to which it was used. */
  clientData(bytes: Uint8Array, start: number, end: number, buffer: SharedBuffer): number {
    if (this.#state === "raw") {
      this.#progress += 1;
      this.#isUpstreamFull = !this.#upstream!.duplex.write(slice(bytes, start, end), buffer);
      if (this.#isUpstreamFull) this.#connection.pause();
      return end;
    }
    if (this.#isRequestDone || this.#state === "opening" || this.#state === "over") return start;
    const bodyEnd = this.#requestBody!.scan(bytes, start, end);
    this.#checkBodySize(this.#bodyBytes += bodyEnd - start);
    const piece = slice(bytes, start, bodyEnd);
    this.#progress += 1;
    this.#request?.add(piece, buffer, this.#frontend.settings.replayBytes);
    this.#isUpstreamFull = !this.#upstream!.duplex.write(piece, buffer);
    if (this.#requestBody!.isDone) this.#requestDone();
    else if (this.#isUpstreamFull) this.#connection.pause();
    return bodyEnd;
  }

  /** The client can take more of the answer. */
  clientDrained(): void {
    this.#progress += 1;
    if (!this.#isUpstreamPaused) return;
    this.#isUpstreamPaused = false;
    this.#upstream?.duplex.resume();
  }

  /** The client will send no more. */
  clientEnded(): void {
    if (this.#state === "raw") {
      this.#upstream!.duplex.end();
    } else if (!this.#isRequestDone) {
      this.#connection.close(new ClosedError("peer", "The client ended within its request"));
    } else if (this.#state !== "over") {
      // It may only have ended its side, or be gone: a broken wire would show at the next write.
      this.#connection.setDeadline(this.#frontend.settings.halfClosedTimeoutMs);
    }
  }

  /** The client is gone. True if the exchange still has something to do and will say when not. */
  clientClosed(error: Error | undefined): boolean {
    const isOrderly = error === undefined && this.#connection.hasEnded;
    if (this.#state === "raw" && isOrderly && this.#upstream?.duplex.isClosed === false) {
      // The client's last bytes are still on their way to the target.
      return true;
    }
    if (this.#state === "waiting" || this.#state === "opening") this.#report(0, undefined);
    this.#end(false);
    return false;
  }

  /** What the client sent is malformed. */
  refuseRequest(error: HttpError): void {
    if (!this.#hasBegun) {
      this.#answer(answerForRequest(error), false);
      return;
    }
    this.#end(false);
    this.#connection.close(error);
  }

  onDeadline(): void {
    const { settings } = this.#frontend;
    const hasProgressed = this.#progress !== this.#progressAtDeadline;
    this.#progressAtDeadline = this.#progress;
    if (this.#hasBegun) {
      const periodMs = this.#quietMs;
      if (hasProgressed) {
        this.#connection.setDeadline(periodMs);
      } else {
        const error = new DeadlineError(`Nothing passed for ${periodMs} ms`);
        this.#end(false);
        this.#connection.close(error);
        this.#connection.exchangeOver();
      }
      return;
    }
    if (!this.#isRequestDone && hasProgressed) {
      this.#connection.setDeadline(settings.bodyTimeoutMs);
      return;
    }
    if (!this.#isRequestDone && !this.#isUpstreamFull) {
      this.#answer(
        answerForRequest(
          new HttpError(
            408,
            "limit",
            0,
            `nothing of its body came for ${settings.bodyTimeoutMs} ms`,
          ),
        ),
        false,
      );
      return;
    }
    this.#answer({
      status: 504,
      code: "answer-timeout",
      hop: "target",
      detail: "The target did not answer in time.",
      cluster: this.#route.cluster,
      ...(this.#upstream !== undefined && { hostName: this.#upstream.hostName }),
    }, this.#isRequestDone);
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.#progress += 1;
    switch (this.#state) {
      case "waiting":
        this.#takeAnswer(bytes, buffer);
        break;
      case "streaming":
        this.#passBody(bytes, 0, bytes.length, buffer);
        break;
      case "raw":
        this.#toClient(bytes, buffer);
        break;
      case "answered":
        this.#isResponseReusable = false;
        break;
    }
  }

  onDrain(): void {
    if (!this.#isUpstreamFull) return;
    this.#isUpstreamFull = false;
    this.#progress += 1;
    this.#connection.resume();
  }

  onEnd(): void {
    this.#isUpstreamEnded = true;
    if (this.#state === "raw") this.#connection.client.end();
    else this.#lost(undefined);
  }

  onClose(error?: Error): void {
    if (this.#state !== "raw") {
      this.#lost(error);
      return;
    }
    const isOrderly = error === undefined && this.#isUpstreamEnded;
    this.#end(false);
    // In order, the client's side has its last bytes to send and closes by itself.
    if (!isOrderly) this.#connection.close(error);
    this.#connection.exchangeOver();
  }

  /** Something of the answer has gone to the client, so that nothing else can be said any more. */
  get #hasBegun(): boolean {
    return this.#state === "streaming" || this.#state === "answered" || this.#state === "raw";
  }

  get #holdMs(): number {
    return this.#passage?.holdMs ?? this.#frontend.settings.holdMs;
  }

  get #answerTimeoutMs(): number {
    return this.#passage?.answerTimeoutMs ?? this.#frontend.settings.answerTimeoutMs;
  }

  get #idleTimeoutMs(): number {
    return this.#passage?.idleTimeoutMs ?? this.#frontend.settings.idleTimeoutMs;
  }

  /** How long nothing may pass once an answer has begun, ms. */
  get #quietMs(): number {
    const { settings } = this.#frontend;
    if (this.#state === "answered") return settings.bodyTimeoutMs;
    return this.#state === "streaming" && this.#connection.hasEnded
      ? settings.halfClosedTimeoutMs
      : this.#idleTimeoutMs;
  }

  #acquire(waitMs: number): void {
    this.#state = "opening";
    this.#attempts += 1;
    const { target, cluster, hostName, hostIds, hashKey } = this.#route;
    let found: Upstream | Promise<Upstream>;
    try {
      found = this.#frontend.upstreams.acquire({
        cluster,
        target,
        protocol: "http",
        waitMs,
        heldBytes: this.#request!.size,
        ...(this.#connection.remote !== undefined && { source: this.#connection.remote }),
        ...(hostName !== undefined && { hostName }),
        ...(hostIds !== undefined && { hostIds }),
        ...(hashKey !== undefined && { hashKey }),
        ...(this.#excludedHosts !== undefined && { excludedHosts: this.#excludedHosts }),
      });
    } catch (error) {
      this.#noUpstream(error);
      return;
    }
    if (!(found instanceof Promise)) {
      this.#send(found);
      return;
    }
    if (!this.#isRequestDone) this.#connection.pause();
    this.#connection.setDeadline(this.#answerTimeoutMs);
    found.then(
      (upstream) => {
        if (this.#state === "opening") {
          this.#send(upstream);
          if (!this.#isRequestDone) this.#connection.resume();
        } else {
          upstream.release(true);
        }
      },
      (error) => {
        if (this.#state === "opening") this.#noUpstream(error);
      },
    );
  }

  #noUpstream(error: unknown): void {
    const { cluster, hostName } = this.#route;
    const where = { cluster, ...(hostName !== undefined && { hostName }) };
    this.#answer(this.#lastFailure ?? answerForUpstream(error, where), this.#isRequestDone);
  }

  #send(upstream: Upstream): void {
    this.#upstream = upstream;
    this.#state = "waiting";
    if (upstream.duplex.isClosed) {
      // It broke between its being found and now; nothing of the request was sent.
      const detail = "the stream was closed before its use";
      this.#lost(new DialError(upstream.duplex.name, "unreachable", detail, { cause: undefined }));
      return;
    }
    upstream.duplex.attach(this);
    const { duplex, hostHeader } = upstream;
    this.#isUpstreamFull = !this.#request!.sendTo(duplex, hostHeader, this.#frontend.sentHead);
    if (this.#upstream !== upstream) return;
    if (this.#isRequestDone) {
      this.#requestDone();
    } else {
      if (this.#isUpstreamFull) this.#connection.pause();
      this.#connection.setDeadline(this.#frontend.settings.bodyTimeoutMs);
    }
  }

  #checkBodySize(bytes: number): void {
    const { maxBodyBytes } = this.#frontend.settings;
    if (maxBodyBytes > 0 && bytes > maxBodyBytes) {
      throw new HttpError(413, "limit", bytes, `its body is over ${maxBodyBytes} bytes`);
    }
  }

  #requestDone(): void {
    this.#isRequestDone = true;
    if (this.#state === "answered") {
      this.#complete();
    } else if (this.#state === "waiting") {
      this.#connection.setDeadline(
        this.#connection.hasEnded
          ? this.#frontend.settings.halfClosedTimeoutMs
          : this.#answerTimeoutMs,
      );
    }
  }

  /** Takes bytes of the answer's head, and whatever is behind it. */
  #takeAnswer(bytes: Uint8Array, buffer: SharedBuffer): void {
    const held = this.#heldResponse;
    try {
      if (held === undefined) {
        const used = this.#takeHeads(bytes, 0, bytes.length, buffer);
        if (used === bytes.length) return;
        this.#heldResponse = new HeldBytes(this.#frontend.runtime.pool);
        this.#heldResponse.append(bytes.subarray(used));
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
      if (held.length === 0) this.#heldResponse = undefined;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#responseIsBad(error);
    }
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
    // The target is at work on it: from here on it may not be sent again.
    this.#forgetRequest();
    if (this.#isHttp10) return;
    const { writer } = this.#frontend;
    writer.begin(responseHeadRoom(head, undefined));
    writeResponseHead(writer, head, { connection: undefined, isDechunked: false });
    this.#toClient(writer.view(), writer.buffer);
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
    const framing = responseFraming(head, this.#method);
    if (framing === "tunnel") {
      this.#beginRaw(head, bytes, headEnd, end, buffer);
      return;
    }
    this.#isDechunked = framing === "chunked" && this.#isHttp10;
    this.#isClientKept = this.#connection.isKeepAlive && framing !== "close" && !this.#isDechunked;
    this.#isResponseReusable = head.isKeepAlive && framing !== "close";
    const isWhole = framing === "length" && head.contentLength <= end - headEnd;
    const body = isWhole ? undefined : this.#startBody(framing, head.contentLength);
    const ranges: number[] | undefined = this.#isDechunked ? [] : undefined;
    let bodyEnd = isWhole ? headEnd + head.contentLength : headEnd;
    if (body !== undefined) bodyEnd = body.scan(bytes, headEnd, end, ranges && pushRange(ranges));
    const isJoined = !this.#isDechunked && bodyEnd - headEnd <= MAX_JOINED_BYTES;
    const { writer } = this.#frontend;
    const edits = this.#passage?.responseEdits;
    writer.begin(responseHeadRoom(head, edits) + (isJoined ? bodyEnd - headEnd : 0));
    const connection = this.#isClientKept ? (this.#isHttp10 ? "keep-alive" : undefined) : "close";
    writeResponseHead(writer, head, { connection, isDechunked: this.#isDechunked, edits });
    if (isJoined) writer.copy(bytes, headEnd, bodyEnd);
    this.#state = "streaming";
    this.#forgetRequest();
    this.#report(head.status, undefined);
    this.#toClient(writer.view(), writer.buffer);
    writer.buffer.release();
    if (ranges !== undefined) this.#passRanges(bytes, ranges, buffer);
    else if (!isJoined) this.#toClient(bytes.subarray(headEnd, bodyEnd), buffer);
    if (bodyEnd < end) this.#isResponseReusable = false;
    if (body === undefined || body.isDone) this.#responseDone();
    else this.#connection.setDeadline(this.#quietMs);
  }

  #startBody(framing: Framing, contentLength: number): BodyScanner | undefined {
    if (framing === "none") return undefined;
    this.#responseBody = new BodyScanner();
    this.#responseBody.start(framing, contentLength);
    return this.#responseBody;
  }

  #beginRaw(
    head: ResponseHead,
    bytes: Uint8Array,
    headEnd: number,
    end: number,
    buffer: SharedBuffer,
  ): void {
    if (!this.#isUpgrade || !this.#isRequestDone) {
      head.fail(400, head.start, "it switches protocols, which nobody asked for");
    }
    const { writer } = this.#frontend;
    const edits = this.#passage?.responseEdits;
    writer.begin(responseHeadRoom(head, edits));
    writeResponseHead(writer, head, { connection: "upgrade", isDechunked: false, edits });
    this.#state = "raw";
    this.#forgetRequest();
    this.#report(head.status, undefined);
    this.#toClient(writer.view(), writer.buffer);
    writer.buffer.release();
    if (headEnd < end) this.#toClient(bytes.subarray(headEnd, end), buffer);
    this.#connection.setDeadline(this.#idleTimeoutMs);
    // What the client sent behind its request is the new protocol's first.
    this.#connection.resume();
    if (this.#connection.hasEnded) this.#upstream?.duplex.end();
  }

  #passBody(bytes: Uint8Array, start: number, end: number, buffer: SharedBuffer): void {
    const body = this.#responseBody!;
    const ranges: number[] | undefined = this.#isDechunked ? [] : undefined;
    let bodyEnd: number;
    try {
      bodyEnd = body.scan(bytes, start, end, ranges && pushRange(ranges));
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#responseIsBad(error);
      return;
    }
    if (ranges !== undefined) this.#passRanges(bytes, ranges, buffer);
    else this.#toClient(slice(bytes, start, bodyEnd), buffer);
    if (bodyEnd < end) this.#isResponseReusable = false;
    if (body.isDone) this.#responseDone();
  }

  #passRanges(bytes: Uint8Array, ranges: readonly number[], buffer: SharedBuffer): void {
    for (let i = 0; i < ranges.length; i += 2) {
      this.#toClient(bytes.subarray(ranges[i], ranges[i + 1]), buffer);
    }
  }

  #toClient(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (this.#connection.write(bytes, buffer) || this.#isUpstreamPaused) return;
    this.#isUpstreamPaused = true;
    this.#upstream?.duplex.pause();
  }

  #responseDone(): void {
    if (this.#isRequestDone || !this.#isResponseReusable) {
      this.#complete();
      return;
    }
    // The target has answered early and still reads; its answer may even be an echo's.
    this.#state = "answered";
    this.#connection.setDeadline(this.#frontend.settings.bodyTimeoutMs);
  }

  #complete(): void {
    const isWhole = this.#isRequestDone;
    this.#end(this.#isResponseReusable && isWhole);
    this.#connection.exchangeDone(
      this.#isClientKept && isWhole && !this.#connection.client.isClosed,
    );
  }

  /** The upstream has ended or broken, outside of an upgraded stream. */
  #lost(error: Error | undefined): void {
    if (this.#upstream === undefined) return;
    if (this.#state === "waiting") {
      this.#retryOrAnswer(error);
    } else if (this.#state === "answered") {
      this.#complete();
    } else if (this.#state === "streaming") {
      const isEnd = error === undefined && this.#responseBody?.framing === "close";
      if (isEnd) {
        this.#complete();
        return;
      }
      this.#end(false);
      this.#connection.close(
        new ClosedError("peer", "The target broke off within its answer", { cause: error }),
      );
    }
  }

  #retryOrAnswer(error: Error | undefined): void {
    const { hostId, hostName, isReused } = this.#upstream!;
    const { settings, retries } = this.#frontend;
    const maxAttempts = this.#passage?.maxAttempts ?? settings.maxAttempts;
    const isUntouched = error instanceof DialError;
    const isLost = isTunnelLoss(error) || !isUntouched;
    const failure = answerForLoss(error, { cluster: this.#route.cluster, hostName });
    // A host that could not reach its target is left alone; a lost stream says nothing of its host.
    if (!isLost) (this.#excludedHosts ??= new Set()).add(hostId);
    const mayRepeat = (isUntouched || SAFE_METHODS.has(this.#method)) &&
      this.#heldResponse === undefined && this.#request?.isWhole === true &&
      this.#attempts < maxAttempts && (isReused || retries.withdraw());
    this.#releaseUpstream(false);
    if (mayRepeat) {
      this.#lastFailure = failure;
      this.#acquire(isLost ? this.#holdMs : 0);
      return;
    }
    this.#answer(failure, this.#isRequestDone);
  }

  #responseIsBad(error: HttpError): void {
    const { cluster } = this.#route;
    const hostName = this.#upstream?.hostName;
    if (!this.#hasBegun) {
      const where = { cluster, ...(hostName !== undefined && { hostName }) };
      this.#answer(answerForResponse(error, where), this.#isRequestDone);
      return;
    }
    this.#end(false);
    this.#connection.close(error);
  }

  /** Ends it by an answer of our own. */
  #answer(answer: Answer, isKept: boolean): void {
    const format = formatForHead(this.#request?.first);
    this.#report(answer.status, answer.code);
    this.#end(false);
    const wishes = { format, isHead: this.#method === "HEAD", isHttp10: this.#isHttp10 };
    this.#connection.answer(answer, wishes, isKept);
  }

  /** Lets go of everything; the connection must be told in its own way. */
  #end(isReusable: boolean): void {
    this.#state = "over";
    this.#forgetRequest();
    this.#heldResponse?.clear();
    this.#heldResponse = undefined;
    this.#releaseUpstream(isReusable);
  }

  #forgetRequest(): void {
    this.#request?.release();
    this.#request = undefined;
  }

  #releaseUpstream(isReusable: boolean): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#upstream = undefined;
    if (this.#isUpstreamPaused) {
      this.#isUpstreamPaused = false;
      if (isReusable) upstream.duplex.resume();
    }
    upstream.release(isReusable && !this.#isUpstreamEnded);
  }

  #report(status: number, code: string | undefined): void {
    const { onAnswer, runtime } = this.#frontend;
    onAnswer?.({
      cluster: this.#route.cluster,
      hostName: this.#upstream?.hostName,
      status,
      code,
      durationMs: runtime.nowMs() - this.#startMs,
    });
  }
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function pushRange(ranges: number[]): (start: number, end: number) => void {
  return (start, end) => ranges.push(start, end);
}
