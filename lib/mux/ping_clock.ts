/** Measures round trips by pings. */

/** Pings of callers that may wait for their answers at once. */
const MAX_WAITING = 64;
/** Weight of a new measurement in the smoothed round trip (RFC 6298, alpha). */
const SMOOTHING = 1 / 8;

interface WaitingPing {
  sentMs: number;
  settle?: { resolve(rttMs: number): void; reject(error: Error): void };
}

/** Sends pings and knows how long their answers took. */
export class PingClock {
  readonly #sendPing: (value: number) => void;
  readonly #onRtt: ((rttMs: number) => void) | undefined;
  readonly #waiting = new Map<number, WaitingPing>();
  #nextValue = 0;
  #rttMs = 0;
  #closedBy: Error | undefined;

  /** @param onRtt called with each round trip, in ms. */
  constructor(sendPing: (value: number) => void, onRtt?: (rttMs: number) => void) {
    this.#sendPing = sendPing;
    this.#onRtt = onRtt;
  }

  /** Smoothed round trip in ms; 0 while none was measured. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** Sends a ping whose answer only updates `rttMs`. */
  measure(nowMs: number): void {
    this.#start({ sentMs: nowMs });
  }

  /**
   * Sends a ping and resolves with its own round trip in ms.
   *
   * @throws {ClosedError} what `close()` was given.
   */
  send(nowMs: number): Promise<number> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
    return new Promise((resolve, reject) => {
      this.#start({ sentMs: nowMs, settle: { resolve, reject } });
    });
  }

  /** Takes an answer; one that nobody waits for is ignored. */
  answered(value: number, nowMs: number): void {
    const ping = this.#waiting.get(value);
    if (ping === undefined) return;
    this.#waiting.delete(value);
    const rttMs = nowMs - ping.sentMs;
    this.#rttMs = this.#rttMs === 0 ? rttMs : this.#rttMs + (rttMs - this.#rttMs) * SMOOTHING;
    this.#onRtt?.(rttMs);
    ping.settle?.resolve(rttMs);
  }

  /** Fails those that wait. */
  close(error: Error): void {
    this.#closedBy = error;
    for (const ping of this.#waiting.values()) ping.settle?.reject(error);
    this.#waiting.clear();
  }

  #start(ping: WaitingPing): void {
    if (this.#waiting.size >= MAX_WAITING) {
      const [oldest, lost] = this.#waiting.entries().next().value!;
      this.#waiting.delete(oldest);
      lost.settle?.reject(new RangeError("Cannot wait for more pings at once"));
    }
    const value = this.#nextValue;
    this.#nextValue = (value + 1) >>> 0;
    this.#waiting.set(value, ping);
    this.#sendPing(value);
  }
}
