/** One request and its answer: from a client's connection to an upstream and back. */
import type { SharedBuffer } from "../buffer.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { Address } from "../address.ts";
import type { Sink } from "../duplex.ts";
import { ClosedError, DeadlineError, DialError } from "../errors.ts";
import type { LiveState, LiveStream } from "../live_streams.ts";
import type { Upstream } from "../upstream.ts";
import { formatForHead } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { Attempts } from "./attempts.ts";
import type { ClientConnection } from "./client_connection.ts";
import { answerForRequest, answerForResponse, answerForUpstream } from "./failure.ts";
import { ExchangeReport } from "./exchange_report.ts";
import type { ExchangeTiming } from "./exchange_report.ts";
import type { HttpFrontend } from "./http_frontend.ts";
import { OutgoingRequest } from "./outgoing_request.ts";
import { ResponseRelay } from "./response_relay.ts";
import type { ResponseUser } from "./response_relay.ts";
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

const LIVE_STATES: Readonly<Record<State, LiveState>> = {
  opening: "waiting",
  waiting: "sent",
  streaming: "answering",
  answered: "answering",
  raw: "open",
  over: "answering",
};

/** A request under way. */
export class Exchange implements Sink, ResponseUser, LiveStream {
  readonly id: number;
  readonly protocol = "http";
  toTargetBytes = 0;
  toClientBytes = 0;
  readonly #connection: ClientConnection;
  readonly #frontend: HttpFrontend;
  readonly #route: Route;
  readonly #passage: Passage | undefined;
  readonly #request: OutgoingRequest;
  readonly #response: ResponseRelay;
  readonly #report: ExchangeReport;
  #state: State = "opening";
  /** Counts every sign of life; compared when a deadline passes. */
  #progress = 0;
  #progressAtDeadline = 0;
  #upstream: Upstream | undefined;
  #isUpstreamPaused = false;
  #isUpstreamEnded = false;
  /** The upstream takes no more of the request for now. */
  #isUpstreamFull = false;
  #attempts: Attempts | undefined;
  constructor(
    connection: ClientConnection,
    frontend: HttpFrontend,
    route: Route,
    nowMs: number,
    timing?: ExchangeTiming,
  ) {
    this.#connection = connection;
    this.#frontend = frontend;
    this.#route = route;
    this.#passage = route.passage;
    this.id = frontend.streamIds.next();
    this.#report = new ExchangeReport(frontend, nowMs, timing);
    this.#request = new OutgoingRequest(frontend);
    this.#response = new ResponseRelay(
      frontend,
      this.#request,
      route.passage?.responseEdits,
      this,
    );
  }

  get startedMs(): number {
    return this.#report.startedMs;
  }

  get client(): Address | undefined {
    return this.#connection.remote;
  }

  get cluster(): string {
    return this.#route.cluster;
  }

  get target(): string {
    return this.#route.destination ?? this.#route.target;
  }

  get hostName(): string | undefined {
    return this.#upstream?.hostName;
  }

  get state(): LiveState {
    return LIVE_STATES[this.#state];
  }

  /** More of the client's bytes could be used now. */
  get canTake(): boolean {
    if (this.#state === "opening") return this.#request.isDone;
    // A client that sent its whole request is read on, to learn at once if it leaves.
    return this.#request.isDone && this.#state !== "raw" || !this.#isUpstreamFull;
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
    const bodyEnd = this.#request.start(head, bytes, headEnd, end, buffer, {
      facts: this.#connection.facts,
      clusterName: this.#route.cluster,
      rewrite: this.#passage?.rewrite,
      edits: this.#passage?.requestEdits,
      requestId: this.#frontend.requestId,
      traceparent: this.#report.begins(),
    });
    this.#report.begun(this.#route);
    this.#frontend.retries.deposit();
    this.#acquire(this.#holdMs);
    return bodyEnd;
  }

  /** Takes what the client sends after the first bytes; gives the index up to which it was used. */
  clientData(bytes: Uint8Array, start: number, end: number, buffer: SharedBuffer): number {
    if (this.#state === "raw") {
      this.#progress += 1;
      this.toTargetBytes += end - start;
      this.#isUpstreamFull = !this.#upstream!.duplex.write(slice(bytes, start, end), buffer);
      if (this.#isUpstreamFull) this.#connection.pause();
      return end;
    }
    if (this.#request.isDone || this.#state === "opening" || this.#state === "over") return start;
    const bodyEnd = this.#request.scan(bytes, start, end);
    const piece = slice(bytes, start, bodyEnd);
    this.#progress += 1;
    this.toTargetBytes += piece.length;
    this.#request.keep(piece, buffer);
    this.#isUpstreamFull = !this.#upstream!.duplex.write(piece, buffer);
    if (this.#request.isBodyWhole) this.#requestDone();
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
    } else if (!this.#request.isDone) {
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
    if (this.#state === "waiting" || this.#state === "opening") this.#answered(0, undefined);
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
    if (!this.#request.isDone && hasProgressed) {
      this.#connection.setDeadline(settings.bodyTimeoutMs);
      return;
    }
    if (!this.#request.isDone && !this.#isUpstreamFull) {
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
    }, this.#request.isDone);
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.#progress += 1;
    switch (this.#state) {
      case "waiting":
        this.#response.takeHeads(bytes, buffer);
        break;
      case "streaming":
        this.#response.takeBody(bytes, buffer);
        break;
      case "raw":
        this.toClient(bytes, buffer);
        break;
      case "answered":
        this.#response.isReusable = false;
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
    this.#end(false, isOrderly);
    // In order, the client's side has its last bytes to send and closes by itself.
    if (!isOrderly) this.#connection.close(error);
    this.#connection.exchangeOver();
  }

  get mayKeepClient(): boolean {
    return this.#connection.isKeepAlive;
  }

  ownLine(): string | undefined {
    return this.#report.answers();
  }

  interimCame(): void {
    // From here on the request may not be sent again.
    this.#request.forget();
  }

  began(status: number, isRaw: boolean): void {
    this.#state = isRaw ? "raw" : "streaming";
    this.#request.forget();
    this.#answered(status, undefined);
  }

  toClient(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.toClientBytes += bytes.length;
    if (this.#connection.write(bytes, buffer) || this.#isUpstreamPaused) return;
    this.#isUpstreamPaused = true;
    this.#upstream?.duplex.pause();
  }

  goesOn(): void {
    this.#connection.setDeadline(this.#quietMs);
  }

  ended(isAtOnce: boolean): void {
    if (this.#request.isDone || !this.#response.isReusable) {
      this.#complete(isAtOnce);
      return;
    }
    // The target has answered early and still reads; its answer may even be an echo's.
    this.#state = "answered";
    this.#connection.setDeadline(this.#frontend.settings.bodyTimeoutMs);
  }

  switched(): void {
    this.#connection.setDeadline(this.#idleTimeoutMs);
    // What the client sent behind its request is the new protocol's first.
    this.#connection.resume();
    if (this.#connection.hasEnded) this.#upstream?.duplex.end();
  }

  isBad(error: HttpError): void {
    if (!this.#hasBegun) {
      const { cluster } = this.#route;
      const hostName = this.#upstream?.hostName;
      const where = { cluster, ...(hostName !== undefined && { hostName }) };
      this.#answer(answerForResponse(error, where), this.#request.isDone);
      return;
    }
    this.#end(false);
    this.#connection.close(error);
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
    const { target, destination, cluster, hostName, hostIds, hashKey } = this.#route;
    const excludedHosts = this.#attempts?.excludedHosts;
    let found: Upstream | Promise<Upstream>;
    try {
      found = this.#frontend.upstreams.acquire({
        cluster,
        target,
        protocol: "http",
        waitMs,
        heldBytes: this.#request.keptBytes,
        ...(this.#connection.remote !== undefined && { source: this.#connection.remote }),
        ...(destination !== undefined && { destination }),
        ...(hostName !== undefined && { hostName }),
        ...(hostIds !== undefined && { hostIds }),
        ...(hashKey !== undefined && { hashKey }),
        ...(excludedHosts !== undefined && { excludedHosts }),
        isTimed: this.#report.isTimed,
        isFresh: this.#report.isTraced,
        traceparent: this.#report.traceparent,
      });
    } catch (error) {
      this.#noUpstream(error);
      return;
    }
    if (!(found instanceof Promise)) {
      this.#send(found, this.#attempts === undefined);
      return;
    }
    if (!this.#request.isDone) this.#connection.pause();
    this.#connection.setDeadline(this.#answerTimeoutMs);
    found.then(
      (upstream) => {
        if (this.#state === "opening") {
          this.#send(upstream);
          if (!this.#request.isDone) this.#connection.resume();
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
    this.#answer(
      this.#attempts?.lastAnswer ?? answerForUpstream(error, where),
      this.#request.isDone,
    );
  }

  /** @param isAtOnce no time has passed since the request came. */
  #send(upstream: Upstream, isAtOnce = false): void {
    this.#upstream = upstream;
    this.#state = "waiting";
    this.#report.found(upstream, isAtOnce);
    if (upstream.duplex.isClosed) {
      // It broke between its being found and now; nothing of the request was sent.
      const detail = "the stream was closed before its use";
      this.#lost(new DialError(upstream.duplex.name, "unreachable", detail, { cause: undefined }));
      return;
    }
    upstream.duplex.attach(this);
    this.toTargetBytes = this.#request.keptBytes;
    this.#isUpstreamFull = !this.#request.sendTo(upstream);
    if (this.#upstream !== upstream) return;
    if (this.#request.isDone) {
      this.#requestDone();
    } else {
      if (this.#isUpstreamFull) this.#connection.pause();
      this.#connection.setDeadline(this.#frontend.settings.bodyTimeoutMs);
    }
  }

  #requestDone(): void {
    this.#request.isDone = true;
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

  #complete(isAtOnce = false): void {
    const isWhole = this.#request.isDone;
    this.#report.passed(isAtOnce);
    this.#end(this.#response.isReusable && isWhole, true);
    this.#connection.exchangeDone(
      this.#response.isClientKept && isWhole && !this.#connection.client.isClosed,
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
      const isEnd = error === undefined && this.#response.endsWithStream;
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
    const upstream = this.#upstream!;
    this.#attempts ??= new Attempts(this.#frontend);
    const next = this.#attempts.failed(upstream, error, {
      method: this.#request.method,
      isRepeatable: this.#request.isKept && !this.#response.holdsHead,
      maxAttempts: this.#passage?.maxAttempts ?? this.#frontend.settings.maxAttempts,
    });
    this.#releaseUpstream(false);
    if (typeof next === "string") this.#acquire(next === "wait" ? this.#holdMs : 0);
    else this.#answer(next, this.#request.isDone);
  }

  /** Ends it by an answer of our own. */
  #answer(answer: Answer, isKept: boolean): void {
    const format = formatForHead(this.#request.head);
    this.#answered(answer.status, answer.code);
    const watched = this.#report.handOver(this.#request.bodyBytes);
    const told = this.#report.told(answer);
    this.#end(false);
    const wishes = {
      format,
      isHead: this.#request.method === "HEAD",
      isHttp10: this.#request.isHttp10,
    };
    this.#connection.answer(told, wishes, isKept, watched);
  }

  /** Lets go of everything; the connection must be told in its own way. */
  #end(isReusable: boolean, isWhole = false): void {
    this.#state = "over";
    if (this.#report.isWatched) {
      const response = this.toClientBytes - this.#response.headBytes;
      this.#report.ended(isWhole, { request: this.#request.bodyBytes, response });
    }
    this.#request.forget();
    this.#response.clear();
    this.#releaseUpstream(isReusable);
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

  #answered(status: number, code: string | undefined): void {
    const { cluster } = this.#route;
    this.#report.answered(status, code, { cluster, hostName: this.#upstream?.hostName });
  }
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
