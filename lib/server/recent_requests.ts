/** The latest requests with the times of their hops, kept only while somebody looks at them. */
import type { HopTimes } from "../http/hop_clock.ts";
import type { WatchedRequest } from "../http/watched_request.ts";
import type { TrafficWatcher } from "./traffic_watch.ts";

/** One request that is over. */
export interface RecentRequest {
  /** Counts up from 1: who has seen n asks for what comes after n. */
  readonly id: number;
  /** When its head began, of the runtime's clock. */
  readonly startedMs: number;
  readonly durationMs: number;
  readonly hops: HopTimes;
  readonly frontend: string;
  readonly clientIp: string;
  /** "" for what was no request. */
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** 0 if the client left before its answer. */
  readonly status: number;
  readonly code: string | undefined;
  readonly cluster: string | undefined;
  readonly target: string;
  readonly hostName: string | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly isWhole: boolean;
}

/** Requests that are kept. */
const MAX_REQUESTS = 500;
/** Longest text of a client's that is kept, in characters. */
const MAX_TEXT = 200;
/** How long requests are kept from a look at them on, ms. */
export const RECORDING_MS = 60_000;

/** Off until somebody looks, and again some time after the last look. */
export class RecentRequests implements TrafficWatcher {
  readonly #nowMs: () => number;
  readonly #items: RecentRequest[] = [];
  #lastId = 0;
  /** 0 while it is off. */
  #untilMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get isOn(): boolean {
    if (this.#untilMs === 0) return false;
    if (this.#nowMs() < this.#untilMs) return true;
    this.#untilMs = 0;
    this.#items.length = 0;
    return false;
  }

  /** Id of the latest one; 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  /** The latest ones, up to `limit` after that of id `afterId`, oldest first; keeps it going. */
  look(afterId: number, limit: number): readonly RecentRequest[] {
    if (!this.isOn) this.#items.length = 0;
    this.#untilMs = this.#nowMs() + RECORDING_MS;
    return this.#items.filter(({ id }) => id > afterId).slice(-limit);
  }

  requestEnded(request: WatchedRequest): void {
    const { clock } = request;
    if (this.#items.length === MAX_REQUESTS) this.#items.shift();
    this.#items.push({
      id: this.#lastId += 1,
      startedMs: clock.headMs,
      durationMs: request.endedMs - clock.headMs,
      hops: clock.times(request.endedMs),
      frontend: request.frontend,
      clientIp: request.clientIp,
      method: request.method,
      host: request.text(request.host).slice(0, MAX_TEXT),
      path: request.text(request.target).slice(0, MAX_TEXT),
      status: request.status,
      code: request.code,
      cluster: request.cluster,
      target: request.targetName,
      hostName: request.hostName,
      requestBytes: request.requestBytes,
      responseBytes: request.responseBytes,
      isWhole: request.isWhole,
    });
  }

  /** Only requests have hops. */
  connectionEnded(): void {}
}
