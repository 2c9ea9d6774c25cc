/** What is told of an exchange: to counts, to those who watch, to a client that asks for its times. */
import type { Upstream } from "../upstream.ts";
import type { Answer } from "./answer.ts";
import { serverTiming } from "./hop_clock.ts";
import type { HopClock } from "./hop_clock.ts";
import type { HttpFrontend } from "./http_frontend.ts";
import type { Route } from "./route.ts";
import type { WatchedRequest } from "./watched_request.ts";

/** What of a request is to be known. */
export interface ExchangeTiming {
  readonly clock: HopClock | undefined;
  /** What its watchers are told at its end. */
  readonly watched: WatchedRequest | undefined;
  /** The client is to be told of its times, and gets a stream of its own for it. */
  readonly isTraced: boolean;
}

const UNTIMED: ExchangeTiming = { clock: undefined, watched: undefined, isTraced: false };

/** Bytes of the bodies, with the framing of their chunks. */
export interface BodyBytes {
  readonly request: number;
  readonly response: number;
}

/** That of one exchange. */
export class ExchangeReport {
  /** When its request's head was whole, of the runtime's clock. */
  readonly startedMs: number;
  readonly #frontend: HttpFrontend;
  readonly #clock: HopClock | undefined;
  /** Until they are told of it. */
  #watched: WatchedRequest | undefined;
  /** The client is told its times, and gets a stream of its own for it. */
  readonly isTraced: boolean;
  /** What goes with the request, where it is traced. */
  traceparent: string | undefined;
  /** From the request's head to the answer's, ms. */
  #answerMs = 0;
  /** When the target's answer had passed; 0 while it has not. */
  #passedMs = 0;

  /** @param startedMs its request's head is whole, of the runtime's clock. */
  constructor(
    frontend: HttpFrontend,
    startedMs: number,
    { clock, watched, isTraced }: ExchangeTiming = UNTIMED,
  ) {
    this.#frontend = frontend;
    this.#clock = clock;
    this.#watched = watched;
    this.isTraced = isTraced;
    this.startedMs = startedMs;
  }

  /** The agent is to say how long its dial takes. */
  get isTimed(): boolean {
    return this.#clock !== undefined;
  }

  /** The request's head is about to be written; gives the `traceparent` that it has. */
  begins(): string | undefined {
    if (this.#watched === undefined) return undefined;
    return this.traceparent = this.#frontend.beginWatching(this.#watched);
  }

  /** The request's head was written. */
  begun(route: Route): void {
    const watched = this.#watched;
    if (watched === undefined) return;
    watched.cluster = route.cluster;
    watched.targetName = route.target;
    if (watched.requestId.length === 0) this.#frontend.requestId.tell(watched);
  }

  /** There is a stream for it; `isAtOnce` if no time has passed since the request came. */
  found(upstream: Upstream, isAtOnce: boolean): void {
    if (this.#clock === undefined) return;
    this.#clock.found(upstream, isAtOnce ? this.startedMs : this.#frontend.runtime.nowMs());
    if (this.#watched !== undefined) this.#watched.hostName = upstream.hostName;
  }

  /** The answer's head is about to be written; gives the line that it has for the client. */
  answers(): string | undefined {
    const clock = this.#clock;
    if (clock === undefined) return undefined;
    clock.answeredMs = this.#frontend.runtime.nowMs();
    return this.isTraced ? serverTiming(clock.times(clock.answeredMs)) : undefined;
  }

  /** The answer begins, or will not: then `status` is 0. `code` is that of an answer of our own. */
  answered(
    status: number,
    code: string | undefined,
    at: { cluster: string; hostName: string | undefined },
  ): void {
    const { onAnswer, runtime } = this.#frontend;
    const watched = this.#watched;
    if (watched !== undefined) {
      watched.status = status;
      watched.code = code;
    }
    // The clock was read when the head was about to be written.
    const nowMs = status !== 0 && this.#clock !== undefined && this.#clock.answeredMs > 0
      ? this.#clock.answeredMs
      : runtime.nowMs();
    this.#answerMs = nowMs - this.startedMs;
    const { cluster, hostName } = at;
    onAnswer?.({ cluster, hostName, status, code, durationMs: this.#answerMs });
  }

  /** The target's answer has passed; one that came at once took as long as its first byte did. */
  passed(isAtOnce: boolean): void {
    const { onPassed, runtime } = this.#frontend;
    if (!isAtOnce) this.#passedMs = runtime.nowMs();
    onPassed?.(isAtOnce ? this.#answerMs : this.#passedMs - this.startedMs);
    if (isAtOnce) this.#passedMs = this.startedMs + this.#answerMs;
  }

  /** An answer of our own, with what the client asked to be told. */
  told(answer: Answer): Answer {
    const line = this.answers();
    return line === undefined ? answer : { ...answer, fields: [...answer.fields ?? [], line] };
  }

  /** Hands over what watchers are to be told by whoever writes an answer of our own. */
  handOver(requestBytes: number): WatchedRequest | undefined {
    const watched = this.#watched;
    this.#watched = undefined;
    if (watched === undefined) return undefined;
    watched.requestBytes = requestBytes;
    watched.isWhole = true;
    return watched;
  }

  /** It is over: tells those who watch, once. */
  ended(isWhole: boolean, { request, response }: BodyBytes): void {
    const watched = this.#watched;
    if (watched === undefined) return;
    this.#watched = undefined;
    watched.isWhole = isWhole;
    watched.requestBytes = request;
    watched.responseBytes = response;
    this.#frontend.tellWatchers(watched, this.#passedMs);
  }

  /** Somebody has still to be told of its end. */
  get isWatched(): boolean {
    return this.#watched !== undefined;
  }
}
