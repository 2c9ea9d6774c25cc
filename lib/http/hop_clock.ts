/** How long each hop of one request took. */
import type { Upstream } from "../upstream.ts";

/** All in ms; they follow each other, and make the time to the answer's first byte together. */
export interface HopTimes {
  /** From the head's first byte until it was known where the request goes. */
  readonly frontendMs: number;
  /** Until there was a stream for it: waiting for a host, and attempts that failed. */
  readonly queueMs: number;
  /** There and back between server and agent. */
  readonly tunnelMs: number;
  /** The agent's connecting to the target; 0 where the connection was there already. */
  readonly dialMs: number;
  /** The rest: what the target took to begin its answer. */
  readonly firstByteMs: number;
}

/** Takes the times of a request on its way; of the runtime's clock, in ms. May be used again. */
export class HopClock {
  /** The head's first byte was here. */
  headMs = 0;
  /** It was decided where the request goes. */
  routedMs = 0;
  /** There was a stream for it, the latest one of several attempts; 0 while there is none. */
  foundMs = 0;
  /** The answer began; 0 while it has not. */
  answeredMs = 0;
  #upstream: Upstream | undefined;

  begin(headMs: number, routedMs: number): void {
    this.headMs = headMs;
    this.routedMs = routedMs;
    this.foundMs = this.answeredMs = 0;
    this.#upstream = undefined;
  }

  found(upstream: Upstream, nowMs: number): void {
    this.#upstream = upstream;
    this.foundMs = nowMs;
  }

  /** The agent makes a span of its dial itself. */
  get isDialTraced(): boolean {
    return this.#upstream?.opening?.isTraced === true;
  }

  /** The times so far; what has not come yet is 0. */
  times(nowMs: number): HopTimes {
    const frontendMs = this.routedMs - this.headMs;
    const { foundMs } = this;
    if (foundMs === 0) {
      const queueMs = nowMs - this.routedMs;
      return { frontendMs, queueMs, tunnelMs: 0, dialMs: 0, firstByteMs: 0 };
    }
    const restMs = (this.answeredMs === 0 ? nowMs : this.answeredMs) - foundMs;
    const { opening, rttMs } = this.#upstream!;
    // On a stream that was there already the tunnel's part is not seen, but known from its pings.
    const openMs = Math.min(opening === undefined ? rttMs : opening.openMs ?? restMs, restMs);
    // Measured by the agent's clock: it cannot have been more than what is seen from here.
    const dialMs = Math.min(opening?.dialMs ?? 0, openMs);
    return {
      frontendMs,
      queueMs: foundMs - this.routedMs,
      tunnelMs: openMs - dialMs,
      dialMs,
      firstByteMs: restMs - openMs,
    };
  }
}

/** A field for the client, as W3C's Server Timing has it. */
export function serverTiming(times: HopTimes): string {
  const { frontendMs, queueMs, tunnelMs, dialMs, firstByteMs } = times;
  return `Server-Timing: frontend;dur=${short(frontendMs)}, queue;dur=${short(queueMs)}, ` +
    `tunnel;dur=${short(tunnelMs)}, dial;dur=${short(dialMs)}, ` +
    `first-byte;dur=${short(firstByteMs)}`;
}

function short(ms: number): string {
  return ms.toFixed(3);
}
