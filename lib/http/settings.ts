/** Limits and deadlines of HTTP frontends, in one place. */
import { DEFAULT_HEAD_LIMITS } from "../codec/http1/head.ts";
import type { HeadLimits } from "../codec/http1/head.ts";

/** What a frontend allows, and for how long. */
export type HttpSettings = Readonly<{
  /** Size of a request's head (414 and 431 beyond it) and of a response's (502). */
  headLimits: HeadLimits;
  /** From a head's first byte to its last, ms; then 408. 15 s (nginx has 60 s, Apache 20 s). */
  headTimeoutMs: number;
  /** Keep-alive without a request, ms; then closed. 75 s, as nginx has it. */
  keepAliveTimeoutMs: number;
  /** Nothing of an unfinished request body came or left, ms; then 408, or 504. 60 s. */
  bodyTimeoutMs: number;
  /** From a whole request to the first byte of its answer, ms; then 504. 60 s. */
  answerTimeoutMs: number;
  /** The same for a client that ended its side, since it may have gone altogether. 10 s. */
  halfClosedTimeoutMs: number;
  /** No byte either way while an answer or an upgraded stream is under way, ms; 0 for never. 5 min. */
  idleTimeoutMs: number;
  /** How long what a refused client still sends is read, so that it sees the refusal; ms. 5 s. */
  lingerMs: number;
  /** What a connection without a request is given to send one when the frontend drains, ms. 1 s. */
  drainIdleMs: number;
  /** How long a request waits for a host of its cluster, ms. 5 s. */
  holdMs: number;
  /** Hosts that one request is sent to at most, where sending it again is safe. 3. */
  maxAttempts: number;
  /** Bytes of a request that are kept for sending it again. 64 KiB. */
  replayBytes: number;
  /** Largest request body, with the framing of its chunks; 413 beyond it. 0, the default, for any. */
  maxBodyBytes: number;
  /** A request that asks for it by `x-revtun-trace` is told the times of its hops. No. */
  tellsTimings: boolean;
}>;

export const DEFAULT_HTTP_SETTINGS: HttpSettings = {
  headLimits: DEFAULT_HEAD_LIMITS,
  headTimeoutMs: 15_000,
  keepAliveTimeoutMs: 75_000,
  bodyTimeoutMs: 60_000,
  answerTimeoutMs: 60_000,
  halfClosedTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  lingerMs: 5_000,
  drainIdleMs: 1_000,
  holdMs: 5_000,
  maxAttempts: 3,
  replayBytes: 64 << 10,
  maxBodyBytes: 0,
  tellsTimings: false,
};
