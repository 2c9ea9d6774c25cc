/** What of a request has failed at upstreams so far, and whether it may go to another one. */
import type { Upstream } from "../upstream.ts";
import { DialError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import { answerForLoss, isTunnelLoss } from "./failure.ts";
import type { HttpFrontend } from "./http_frontend.ts";

/** What may be sent again even if a target may have seen it (RFC 9110 section 9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** A request that an upstream failed. */
export interface FailedRequest {
  readonly method: string;
  /** All of it is still here, and nothing of an answer has come. */
  readonly isRepeatable: boolean;
  /** Upstreams that it may be sent to in all. */
  readonly maxAttempts: number;
}

/** The failures of one request; made at the first one. */
export class Attempts {
  readonly #frontend: HttpFrontend;
  #failures = 0;
  #excludedHosts: Set<string> | undefined;
  #lastAnswer: Answer | undefined;

  constructor(frontend: HttpFrontend) {
    this.#frontend = frontend;
  }

  /** Hosts that could not reach their target. */
  get excludedHosts(): ReadonlySet<string> | undefined {
    return this.#excludedHosts;
  }

  /** What the client is told if there is no further upstream. */
  get lastAnswer(): Answer | undefined {
    return this.#lastAnswer;
  }

  /**
   * `upstream` was lost before it answered.
   *
   * @returns what to tell the client, or how the request goes on: "now" to another host, or "wait"
   * for one if need be.
   */
  failed(upstream: Upstream, error: Error | undefined, request: FailedRequest): Answer | Next {
    const { cluster, hostId, hostName, isReused } = upstream;
    this.#failures += 1;
    const isUntouched = error instanceof DialError;
    const isLost = isTunnelLoss(error) || !isUntouched;
    const answer = answerForLoss(error, { cluster, hostName });
    // A host that could not reach its target is left alone; a lost stream says nothing of its host.
    if (!isLost) (this.#excludedHosts ??= new Set()).add(hostId);
    const mayRepeat = (isUntouched || SAFE_METHODS.has(request.method)) && request.isRepeatable &&
      this.#failures < request.maxAttempts && (isReused || this.#frontend.retries.withdraw());
    if (!mayRepeat) return answer;
    this.#lastAnswer = answer;
    return isLost ? "wait" : "now";
  }
}

/** How a request goes on. */
export type Next = "now" | "wait";
