/** One client's connection: reads one request after the other, and gives each to an exchange. */
import type { Address } from "../address.ts";
import type { SharedBuffer } from "../buffer.ts";
import { FIELD } from "../codec/http1/field_id.ts";
import { requestFraming } from "../codec/http1/framing.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import { H2_PREFACE } from "../codec/http2/frame_guard.ts";
import { LF } from "../codec/http1/byte_class.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { Duplex, Sink } from "../duplex.ts";
import type { Linked } from "../linked_list.ts";
import type { Timer } from "../timer.ts";
import { TOO_MANY_CHECKS } from "./access.ts";
import { chooseFormat, renderAnswer } from "./answer.ts";
import type { Answer, AnswerStyle } from "./answer.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeTiming } from "./exchange_report.ts";
import { answerForRequest } from "./failure.ts";
import { HopClock } from "./hop_clock.ts";
import type { HttpFrontend } from "./http_frontend.ts";
import type { ClientFacts } from "./client_facts.ts";
import { isAnswer } from "./route.ts";
import { WatchedRequest } from "./watched_request.ts";

/**
 * - `idle`: between requests, nothing of the next is here;
 * - `head`: a part of a head is here;
 * - `checking`: a head is here, and it takes some time to know whether its sender may ask;
 * - `exchange`: a request is being answered; what follows it waits;
 * - `linger`: our side has ended, what still comes is dropped;
 * - `closed`.
 */
type State = "idle" | "head" | "checking" | "exchange" | "linger" | "closed";

/** How the request at hand wants its answer, for answers of our own. */
export type AnswerWishes = Omit<AnswerStyle, "isKeepAlive">;

/** The timer looks at the deadline at least so often, so that later ones need not move it. */
const MAX_TIMER_MS = 20_000;

/** What a client asks by for the times of its request's hops. */
export const TRACE_FIELD = "x-revtun-trace";

const NO_WISHES: AnswerWishes = { format: "text", isHead: false, isHttp10: false };

/** A client of an {@link HttpFrontend}. */
export class ClientConnection implements Sink, Linked<ClientConnection> {
  previous: ClientConnection | undefined;
  next: ClientConnection | undefined;
  readonly client: Duplex;
  /** Where the client is, as it is believed; undefined where it has no address. */
  readonly remote: Address | undefined;
  readonly #frontend: HttpFrontend;
  readonly #timer: Timer;
  /** When the timer fires, and when that is to count; by the coarse clock, which runs behind. */
  #timerMs = 0;
  #deadlineMs = Infinity;
  #facts: ClientFacts | undefined;
  #state: State = "idle";
  #exchange: Exchange | undefined;
  /** What came before it could be used; made only when there is such. */
  #held: HeldBytes | undefined;
  #isTaking = false;
  #isPaused = false;
  /** The client reads too slowly: no further request is begun until it has caught up. */
  #isFull = false;
  /** The client has ended its side. */
  #isEnded = false;
  #isKeepAlive = true;
  /** No request came yet: the client may turn out to speak HTTP/2. */
  #isFirst = true;
  readonly #isHttp2: boolean;
  /** Of the requests one after the other; made only where they are watched. */
  #watched: WatchedRequest | undefined;
  /** When the head at hand began; 0 where nobody wants to know. */
  #headMs = 0;

  /** @param isHttp2 the client is one stream of HTTP/2. */
  constructor(
    client: Duplex,
    remote: Address | undefined,
    frontend: HttpFrontend,
    isHttp2 = false,
  ) {
    this.#isHttp2 = isHttp2;
    this.client = client;
    this.remote = remote;
    this.#frontend = frontend;
    const { timers } = frontend.runtime;
    this.#timer = timers.after(MAX_TIMER_MS, () => this.#onTimer());
    this.#timerMs = timers.coarseNowMs + MAX_TIMER_MS;
    this.setDeadline(frontend.settings.keepAliveTimeoutMs);
    client.attach(this);
  }

  /** A request is being answered. */
  get isBusy(): boolean {
    return this.#state === "exchange" || this.#state === "checking";
  }

  /** The request that is being answered. */
  get exchange(): Exchange | undefined {
    return this.#exchange;
  }

  /** The connection may be kept after the answer to the request at hand. */
  get isKeepAlive(): boolean {
    return this.#isKeepAlive && !this.#frontend.isDraining;
  }

  get hasEnded(): boolean {
    return this.#isEnded;
  }

  /** What the targets of this client's requests are told of it. */
  get facts(): ClientFacts {
    return this.#facts ??= this.#frontend.factsOf(this.remote);
  }

  closeIfIdle(): void {
    if (this.#state === "idle") this.#linger();
  }

  close(error?: Error): void {
    this.client.close(error);
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (this.#state === "linger") return;
    if (this.#held !== undefined && this.#held.length > 0) {
      this.#held.append(bytes);
      this.#continue();
      return;
    }
    const end = this.#take(bytes, 0, bytes.length, buffer);
    if (end < bytes.length) this.#hold(end === 0 ? bytes : bytes.subarray(end));
    this.#settle();
  }

  onEnd(): void {
    this.#isEnded = true;
    if (this.#state === "exchange") this.#exchange?.clientEnded();
    else if (this.#state === "linger") this.client.end();
    else this.#settle();
  }

  onDrain(): void {
    this.#isFull = false;
    this.#exchange?.clientDrained();
    if (this.#state === "idle" || this.#state === "head") this.#continue();
  }

  onClose(error?: Error): void {
    const exchange = this.#exchange;
    this.#state = "closed";
    this.#held?.clear();
    if (exchange !== undefined && exchange.clientClosed(error)) return;
    this.exchangeOver();
  }

  /** Writes to the client; false if it reads too slowly. */
  write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    const hasRoom = this.client.write(bytes, buffer);
    if (!hasRoom) this.#isFull = true;
    return hasRoom;
  }

  /** Stops and starts what the client sends, as the exchange can take it. */
  pause(): void {
    this.#isPaused = true;
    this.client.pause();
  }

  /** The exchange can take more of the client's bytes. */
  resume(): void {
    if (!this.#isTaking) this.#continue();
  }

  /** Sets the deadline of what is waited for now; 0 takes it back. */
  setDeadline(ms: number): void {
    if (ms === 0) {
      this.#deadlineMs = Infinity;
      return;
    }
    this.#deadlineMs = this.#frontend.runtime.timers.coarseNowMs + ms;
    if (this.#deadlineMs < this.#timerMs) this.#startTimer();
  }

  /** The exchange has ended well: on to the next request, or to the end of the connection. */
  exchangeDone(isKept: boolean): void {
    this.#exchange = undefined;
    if (this.#state === "closed") return;
    if (!isKept || this.#frontend.isDraining) {
      this.#linger();
      return;
    }
    this.#state = "idle";
    if (!this.#isTaking) this.#continue();
  }

  /** Answers the exchange's request by ourselves; `isKept` where its body has been read. */
  answer(
    answer: Answer,
    wishes: AnswerWishes,
    isKept: boolean,
    watched?: WatchedRequest,
  ): void {
    const isKeepAlive = isKept && this.isKeepAlive && !this.#isEnded;
    const bytes = renderAnswer(answer, { ...wishes, isKeepAlive });
    this.write(bytes);
    if (watched !== undefined) {
      watched.status = answer.status;
      watched.code = answer.code;
      watched.responseBytes = bodyBytesOf(bytes);
      this.#frontend.tellWatchers(watched);
    }
    this.exchangeDone(isKeepAlive);
  }

  /** Nothing is left to be waited for on either side. */
  exchangeOver(): void {
    this.#exchange = undefined;
    if (this.#state !== "closed") return;
    this.#timer.cancel();
    this.#frontend.forget(this);
  }

  /** Uses what is held, as far as it goes; then lets the client send more. */
  #continue(): void {
    const held = this.#held;
    const buffer = held?.buffer;
    const isWorthwhile = this.#state !== "head" || held!.isHeadLikely();
    if (held !== undefined && buffer !== undefined && isWorthwhile) {
      const { start, end } = held;
      // Slices of it may be on their way when it is consumed and given back.
      buffer.retain();
      const used = this.#take(buffer.bytes, start, end, buffer) - start;
      buffer.release();
      if (used > 0 && held.length > 0) held.consume(used);
    }
    this.#settle();
  }

  /** Uses bytes as requests and bodies; gives the index up to which it did. */
  #take(bytes: Uint8Array, start: number, end: number, buffer: SharedBuffer): number {
    let at = start;
    this.#isTaking = true;
    try {
      while (at < end) {
        const before = at;
        if (this.#state === "exchange") {
          at = this.#exchange!.clientData(bytes, at, end, buffer);
        } else if (this.#state === "linger" || this.#state === "closed") {
          at = end;
        } else if (!this.#isFull && this.#state !== "checking") {
          at = this.#takeHead(bytes, at, end, buffer);
        }
        if (at === before) break;
      }
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      at = end;
      this.#refuse(error);
    } finally {
      this.#isTaking = false;
    }
    return at;
  }

  /** Takes a request's head and what of its body is here. */
  #takeHead(bytes: Uint8Array, start: number, end: number, buffer: SharedBuffer): number {
    if (this.#isFirst && bytes[start] === H2_PREFACE[0]) {
      const count = Math.min(end - start, H2_PREFACE.length);
      if (H2_PREFACE.every((byte, index) => index >= count || bytes[start + index] === byte)) {
        if (count < H2_PREFACE.length) return start;
        this.#handOver(bytes.slice(start, end));
        return end;
      }
    }
    const head = this.#frontend.requestHead;
    const headEnd = head.parse(bytes, start, end);
    if (headEnd === INCOMPLETE) {
      this.#headBegan();
      return start;
    }
    this.#isFirst = false;
    this.#isKeepAlive = head.isKeepAlive;
    const refusal = this.#refusalOf(head);
    if (refusal !== undefined) {
      this.#answerHead(head, refusal);
      return headEnd;
    }
    const { view, access } = this.#frontend;
    view.show(this.remote, this.facts);
    const objection = access?.check(view);
    if (objection instanceof Promise) {
      this.#await(objection, head);
      return start;
    }
    if (objection !== undefined) {
      this.#answerHead(head, objection);
      return headEnd;
    }
    const verdict = this.#frontend.route(view);
    if (isAnswer(verdict)) {
      this.#answerHead(head, verdict);
      return headEnd;
    }
    const nowMs = this.#frontend.runtime.nowMs();
    const timing = this.#frontend.isTiming ? this.#timingOf(head, nowMs) : undefined;
    const exchange = new Exchange(this, this.#frontend, verdict, nowMs, timing);
    this.#exchange = exchange;
    this.#state = "exchange";
    return exchange.start(head, bytes, headEnd, end, buffer);
  }

  /** What is to be known of it takes more than this turn: the clock is read where it is wanted. */
  #headBegan(): void {
    if (this.#headMs !== 0 || !this.#frontend.isTiming) return;
    this.#headMs = this.#frontend.runtime.nowMs();
  }

  #timingOf(head: RequestHead, nowMs: number): ExchangeTiming | undefined {
    const headMs = this.#headMs === 0 ? nowMs : this.#headMs;
    this.#headMs = 0;
    const { settings } = this.#frontend;
    const isTraced = settings.tellsTimings && head.has(FIELD.xRevtun) &&
      head.header(TRACE_FIELD) !== undefined;
    const watched = this.#watch(head, headMs, nowMs);
    if (watched !== undefined) return { clock: watched.clock, watched, isTraced };
    if (!isTraced) return undefined;
    const clock = new HopClock();
    clock.begin(headMs, nowMs);
    return { clock, watched, isTraced };
  }

  /** Begins to watch a request; undefined where nobody wants to know. */
  #watch(
    head: RequestHead | undefined,
    headMs: number,
    nowMs: number,
  ): WatchedRequest | undefined {
    const { name, view } = this.#frontend;
    if (!this.#frontend.isWatched(head)) return undefined;
    const watched = this.#watched ??= new WatchedRequest(name, this.#isHttp2);
    // What came is no request: nothing of it is believed.
    const clientIp = head === undefined ? this.facts.address : view.clientIp;
    watched.begin(head, clientIp, headMs === 0 ? nowMs : headMs, nowMs);
    return watched;
  }

  /** Keeps the head until `check` has settled, and takes it then as if it came anew. */
  #await(check: Promise<unknown>, head: RequestHead): void {
    this.#state = "checking";
    this.#headBegan();
    this.setDeadline(this.#frontend.settings.headTimeoutMs);
    const wishes = wishesOf(head);
    check.then(() => {
      if (this.#state !== "checking") return;
      this.#state = "idle";
      this.#continue();
    }, () => {
      if (this.#state !== "checking") return;
      this.#report(TOO_MANY_CHECKS);
      this.answer(TOO_MANY_CHECKS, wishes, false);
    });
  }

  /** The client speaks HTTP/2, and is served as such from its first byte. */
  #handOver(first: Uint8Array): void {
    this.#state = "closed";
    this.#timer.cancel();
    this.#frontend.serveH2(this.client, this.remote, first);
    this.#frontend.forget(this);
  }

  /** Answers a request that goes no further; a body of it that comes is not read. */
  #answerHead(head: RequestHead, answer: Answer): void {
    const isKept = requestFraming(head) === "none";
    const headMs = this.#headMs;
    this.#headMs = 0;
    this.#report(answer);
    this.#frontend.view.show(this.remote, this.facts);
    const watched = this.#watch(head, headMs, this.#frontend.runtime.nowMs());
    if (watched !== undefined) watched.isWhole = true;
    this.answer(answer, wishesOf(head), isKept, watched);
  }

  #refusalOf(head: RequestHead): Answer | undefined {
    if (head.method === "CONNECT") {
      return {
        status: 501,
        code: "no-connect",
        hop: "frontend",
        detail: "This frontend forwards requests; it opens no tunnels by CONNECT.",
      };
    }
    if (head.has(FIELD.expect) && head.minorVersion === 1) {
      const expected = head.header("expect")!;
      if (expected.toLowerCase() !== "100-continue") {
        const detail = `Expect has "${expected.slice(0, 100)}", only 100-continue is known.`;
        return { status: 417, code: "unknown-expectation", hop: "frontend", detail };
      }
    }
    return undefined;
  }

  /** After a turn's bytes were used: what is waited for now, and may the client send? */
  #settle(): void {
    const isEmpty = this.#held === undefined || this.#held.length === 0;
    if (this.#state === "exchange") {
      const wantsMore = isEmpty && this.#exchange!.canTake;
      if (wantsMore) this.#unpause();
      else if (!isEmpty) this.pause();
      return;
    }
    if (this.#state === "linger" || this.#state === "closed") {
      this.#held?.clear();
      return;
    }
    if (this.#state === "checking") {
      this.pause();
      return;
    }
    const { settings } = this.#frontend;
    if (isEmpty) {
      this.#state = "idle";
      if (this.#isEnded) {
        this.client.end();
        return;
      }
      this.setDeadline(settings.keepAliveTimeoutMs);
    } else if (this.#isFull) {
      this.pause();
      return;
    } else if (this.#isEnded) {
      // Half a head, and no more of it will come.
      this.client.close();
      return;
    } else if (this.#state === "idle") {
      this.#state = "head";
      this.setDeadline(settings.headTimeoutMs);
    }
    this.#unpause();
  }

  #unpause(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.client.resume();
  }

  #hold(bytes: Uint8Array): void {
    if (this.#state === "linger" || this.#state === "closed") return;
    this.#held ??= new HeldBytes(this.#frontend.runtime.pool);
    this.#held.append(bytes);
    // The search for a head's end starts with what is already known to hold none.
    if (this.#state === "idle" || this.#state === "head") this.#held.isHeadLikely();
  }

  /** The client's bytes are no request: says so, unless an answer has begun. */
  #refuse(error: HttpError): void {
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      exchange.refuseRequest(error);
      return;
    }
    const answer = answerForRequest(error);
    this.#report(answer);
    this.answer(
      answer,
      NO_WISHES,
      false,
      this.#watch(undefined, this.#headMs, this.#frontend.runtime.nowMs()),
    );
  }

  #linger(): void {
    if (this.#state === "closed") return;
    this.#state = "linger";
    this.#held?.clear();
    this.client.end();
    this.setDeadline(this.#frontend.settings.lingerMs);
    this.#unpause();
  }

  #startTimer(): void {
    const nowMs = this.#frontend.runtime.timers.coarseNowMs;
    const ms = Math.min(this.#deadlineMs - nowMs, MAX_TIMER_MS);
    this.#timerMs = nowMs + ms;
    this.#timer.restart(ms);
  }

  #onTimer(): void {
    this.#timerMs = Infinity;
    if (this.#deadlineMs > this.#frontend.runtime.timers.coarseNowMs) {
      this.#startTimer();
      return;
    }
    this.#deadlineMs = Infinity;
    this.#onDeadline();
    if (this.#timerMs === Infinity && this.#state !== "closed") this.#startTimer();
  }

  #onDeadline(): void {
    if (this.#exchange !== undefined) {
      this.#exchange.onDeadline();
    } else if (this.#state === "head") {
      this.#refuse(
        new HttpError(408, "limit", this.#held!.length, "its head did not come in time"),
      );
    } else if (this.#state === "idle") {
      this.#linger();
    } else {
      this.client.close();
    }
  }

  #report(answer: Answer): void {
    this.#frontend.onAnswer?.({
      cluster: undefined,
      hostName: undefined,
      status: answer.status,
      code: answer.code,
      durationMs: 0,
    });
  }
}

/** Bytes behind the head of a whole answer. */
function bodyBytesOf(answer: Uint8Array): number {
  for (let i = 3; i < answer.length; i++) {
    if (answer[i] === LF && answer[i - 2] === LF) return answer.length - i - 1;
  }
  return 0;
}

function wishesOf(head: RequestHead): AnswerWishes {
  const accept = head.has(FIELD.accept) ? head.header("accept") : undefined;
  return {
    format: chooseFormat(accept),
    isHead: head.method === "HEAD",
    isHttp10: head.minorVersion === 0,
  };
}
