/**
 * How long to wait before the next try: the arithmetic alone.
 *
 * Full jitter (any wait between nothing and the ceiling is as likely) spreads the agents of a
 * server that comes back; a cap keeps an edge that was cut off for a night from waiting for hours.
 */

/** How waits grow. */
export interface BackoffOptions {
  /** Ceiling of the first wait in ms; doubles with each failure in a row. */
  baseMs: number;
  /** Ceiling that is never passed, in ms. */
  maxMs: number;
  /** Ceiling of the wait after a refusal for good, in ms: nothing but a person can help there. */
  refusedMs?: number;
  /** A connection that lasted this long, in ms, proved good; five times `baseMs` by default. */
  provenMs?: number;
  /** A number from 0 up to 1. */
  random(): number;
}

/** Shortest part of `refusedMs` that is waited: a refused agent must not knock at random moments. */
const REFUSED_FLOOR = 0.5;
/** Longest wait that a server may ask for, in ms. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Waits of one connection that is kept up. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;
  #refusals = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Failures since a connection last proved good. */
  get failures(): number {
    return this.#failures;
  }

  /** Refusals for good in a row. */
  get refusals(): number {
    return this.#refusals;
  }

  /**
   * Counts a failure and gives the wait after it in ms.
   *
   * @param retryAfterMs what the server asked for: a floor, with the jitter on top of it.
   */
  failed(retryAfterMs = 0): number {
    const ceilingMs = this.#ceilingMs();
    this.#failures += 1;
    this.#refusals = 0;
    return this.#floorMs(retryAfterMs) + this.#options.random() * ceilingMs;
  }

  /** Counts a refusal that trying again as we are cannot help, and gives the long wait after it. */
  refused(retryAfterMs = 0): number {
    this.#failures += 1;
    this.#refusals += 1;
    const { refusedMs = this.#options.maxMs * 10, random } = this.#options;
    const waitMs = refusedMs * (REFUSED_FLOOR + random() * (1 - REFUSED_FLOOR));
    return Math.max(waitMs, this.#floorMs(retryAfterMs));
  }

  /**
   * Gives the wait after a connection that was up for `upMs`: from the start again if it proved
   * good, else as after a failure, since a server that accepts and drops is not to be hammered.
   */
  lost(upMs: number, retryAfterMs = 0): number {
    if (upMs >= (this.#options.provenMs ?? this.#options.baseMs * 5)) this.reset();
    this.#refusals = 0;
    return this.failed(retryAfterMs);
  }

  /** A wait as after a failure, which is not counted as one. */
  pause(): number {
    return this.#options.random() * this.#ceilingMs();
  }

  /** The wait of one who has heard that the next try will succeed: what failed is forgotten. */
  encouraged(): number {
    this.reset();
    return this.pause();
  }

  /** Forgets what failed. */
  reset(): void {
    this.#failures = 0;
    this.#refusals = 0;
  }

  #ceilingMs(): number {
    // Beyond 2^30 the cap has long been reached, and 2^1024 would be Infinity.
    return Math.min(this.#options.maxMs, this.#options.baseMs * 2 ** Math.min(this.#failures, 30));
  }

  #floorMs(retryAfterMs: number): number {
    return Math.min(Math.max(0, retryAfterMs), MAX_RETRY_AFTER_MS);
  }
}
