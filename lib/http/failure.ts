/** What went wrong behind a frontend, as an answer to its client. */
import { HttpError } from "../codec/http1/http_error.ts";
import { DialError, SessionLostError } from "../errors.ts";
import type { DialFailure } from "../errors.ts";
import { UpstreamError } from "../upstream.ts";
import type { UpstreamFailure } from "../upstream.ts";
import type { Answer } from "./answer.ts";

/** Where a request was on its way to. */
export interface Whereabouts {
  readonly cluster: string;
  readonly hostName?: string;
}

const DIAL_ANSWERS: Readonly<Record<DialFailure, Pick<Answer, "status" | "code" | "hop">>> = {
  refused: { status: 502, code: "target-refused", hop: "target" },
  unreachable: { status: 502, code: "target-unreachable", hop: "target" },
  timeout: { status: 504, code: "target-timeout", hop: "target" },
  notAllowed: { status: 403, code: "target-not-allowed", hop: "target" },
  noTarget: { status: 502, code: "no-such-target", hop: "target" },
  busy: { status: 503, code: "agent-busy", hop: "tunnel" },
  failed: { status: 502, code: "agent-failed", hop: "tunnel" },
};

const UPSTREAM_ANSWERS: Readonly<Record<UpstreamFailure, Pick<Answer, "status" | "code">>> = {
  noCluster: { status: 404, code: "no-cluster" },
  noHost: { status: 503, code: "no-host" },
  unhealthy: { status: 503, code: "target-unhealthy" },
  busy: { status: 503, code: "hosts-busy" },
  overloaded: { status: 503, code: "overloaded" },
  closing: { status: 503, code: "server-stopping" },
};

const REQUEST_CODES: Readonly<Record<number, string>> = {
  408: "request-timeout",
  413: "body-too-large",
  414: "line-too-long",
  431: "head-too-large",
  505: "unknown-version",
};

const RETRY_AFTER_S = 1;

/** True where the stream was lost with its tunnel, and not refused by the agent behind it. */
export function isTunnelLoss(error: Error | undefined): boolean {
  return error instanceof SessionLostError ||
    (error instanceof DialError && Object.hasOwn(error, "cause"));
}

/** The answer when no upstream could be had. */
export function answerForUpstream(error: unknown, at: Whereabouts): Answer {
  if (!(error instanceof UpstreamError)) {
    return { status: 500, code: "internal", hop: "frontend", detail: "The server failed.", ...at };
  }
  const answer = UPSTREAM_ANSWERS[error.failure];
  return {
    ...answer,
    hop: "frontend",
    detail: `${error.message}.`,
    ...at,
    ...(answer.status === 503 && { retryAfterS: RETRY_AFTER_S }),
  };
}

/** The answer when the upstream ended or broke before its response's head was there. */
export function answerForLoss(error: Error | undefined, at: Whereabouts): Answer {
  if (isTunnelLoss(error)) {
    return {
      status: 502,
      code: "tunnel-lost",
      hop: "tunnel",
      detail: `The tunnel to the agent was lost: ${error!.message}.`,
      ...at,
    };
  }
  if (error instanceof DialError) {
    const answer = DIAL_ANSWERS[error.failure];
    return {
      ...answer,
      detail: `${error.message}.`,
      ...at,
      ...(answer.status === 503 && { retryAfterS: RETRY_AFTER_S }),
    };
  }
  return {
    status: 502,
    code: "target-closed",
    hop: "target",
    detail: error === undefined
      ? "The target closed the connection without an answer."
      : `The connection to the target broke before its answer: ${error.message}.`,
    ...at,
  };
}

/** The answer when the target's response is none that we would pass on. */
export function answerForResponse(error: unknown, at: Whereabouts): Answer {
  const detail = error instanceof HttpError ? error.detail : String(error);
  return {
    status: 502,
    code: "bad-response",
    hop: "target",
    detail: `The target's response is malformed: ${detail}.`,
    ...at,
  };
}

/** The answer to a request that is none that we would pass on. */
export function answerForRequest(error: HttpError): Answer {
  return {
    status: error.status,
    code: REQUEST_CODES[error.status] ?? "bad-request",
    hop: "client",
    detail: `The request is refused: ${error.detail} (byte ${error.offset}).`,
  };
}
