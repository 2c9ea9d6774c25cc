/**
 * How far a sender may go ahead of the reader of one stream, and when it may go farther: the
 * arithmetic alone, with time as an argument.
 *
 * A stream can carry one window per round trip: 256 KiB at 200 ms are 1.3 MB/s whatever the link
 * could do (frp#2987, yamux#24). So a window that is used up within a few round trips grows.
 */

/** What every stream starts with, in each direction, without asking (yamux spec.md). */
export const INITIAL_WINDOW_BYTES = 256 << 10;
/** What a stream's window may grow to by default; 16 MiB carry 80 MB/s at 200 ms. */
export const MAX_WINDOW_BYTES = 16 << 20;

/** Shortest round trip reckoned with: on loopback the far side's own delay is what counts. */
const MIN_RTT_MS = 2;
/** A window used up within this many round trips held its sender back. */
const GROW_WITHIN_RTTS = 4;
/** Growth a step; a 16 MiB window is reached in two, each about a round trip apart. */
const GROWTH_FACTOR = 8;
/**
 * What is not yet granted anew is missing from the window, so a large one is topped up in eighths:
 * in halves, 16 MiB carry no more than 8 MiB do. The smallest grant that is worth a frame is a half
 * of the initial window.
 */
const GRANT_SHARE_BITS = 3;
const MIN_GRANT_BYTES = INITIAL_WINDOW_BYTES >> 1;

/** Grants growth, or not: a share of a memory budget. */
export interface WindowBudget {
  /** Reserves `bytes` more; false if there is no room for them. */
  tryReserve(bytes: number): boolean;
  /** Gives back what was reserved. */
  release(bytes: number): void;
}

/** The receive window of one stream. */
export class ReceiveWindow {
  /** Bytes that the peer may still send. */
  leftBytes = INITIAL_WINDOW_BYTES;
  /** The whole window: what it may send beyond what our reader took. */
  sizeBytes = INITIAL_WINDOW_BYTES;
  readonly #budget: WindowBudget;
  readonly #maxBytes: number;
  /** Taken by our reader since the last grant. */
  #takenBytes = 0;
  /** Taken since the window was last asked whether it is the limit, and when that was. */
  #paceBytes = 0;
  #paceStartMs: number;

  constructor(budget: WindowBudget, nowMs: number, maxBytes = MAX_WINDOW_BYTES) {
    this.#budget = budget;
    this.#maxBytes = maxBytes;
    this.#paceStartMs = nowMs;
  }

  /** Counts bytes that our reader took; true when a grant is worth a frame. */
  take(bytes: number): boolean {
    this.#takenBytes += bytes;
    return this.#takenBytes >= Math.max(this.sizeBytes >> GRANT_SHARE_BITS, MIN_GRANT_BYTES);
  }

  /** Bytes of credit to grant now: what was taken, and growth where the window is the limit. */
  grant(nowMs: number, rttMs: number): number {
    const grantBytes = this.#takenBytes + this.#growth(nowMs, rttMs);
    this.#takenBytes = 0;
    this.leftBytes += grantBytes;
    return grantBytes;
  }

  /** Grows the window if half of it was used up within few round trips; returns by how much. */
  #growth(nowMs: number, rttMs: number): number {
    this.#paceBytes += this.#takenBytes;
    if (this.#paceBytes < this.sizeBytes >> 1) return 0;
    const elapsedMs = nowMs - this.#paceStartMs;
    this.#paceBytes = 0;
    this.#paceStartMs = nowMs;
    const limitMs = Math.max(rttMs, MIN_RTT_MS) * GROW_WITHIN_RTTS;
    if (elapsedMs >= limitMs || this.sizeBytes >= this.#maxBytes) return 0;
    const growthBytes = Math.min(this.sizeBytes * GROWTH_FACTOR, this.#maxBytes) - this.sizeBytes;
    if (!this.#budget.tryReserve(growthBytes)) return 0;
    this.sizeBytes += growthBytes;
    return growthBytes;
  }

  /** Gives the growth back to the budget. */
  close(): void {
    this.#budget.release(this.sizeBytes - INITIAL_WINDOW_BYTES);
    this.sizeBytes = INITIAL_WINDOW_BYTES;
  }
}
