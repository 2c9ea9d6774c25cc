/** When to ping a silent peer and when to call it dead: arithmetic alone, time as an argument. */

/** How long silence is borne. */
export interface KeepaliveOptions {
  /** A ping is sent after this long without a byte from the peer; 10 s by default, 0 for never. */
  intervalMs: number;
  /** The peer is dead if nothing at all comes within this long after the ping; 10 s by default. */
  timeoutMs: number;
}

export const DEFAULT_KEEPALIVE: KeepaliveOptions = { intervalMs: 10_000, timeoutMs: 10_000 };

/** What to do now. */
export type KeepaliveStep =
  | { readonly action: "wait"; readonly ms: number }
  | { readonly action: "ping"; readonly ms: number }
  | { readonly action: "dead" };

/**
 * Any byte received is life: a peer whose answers wait behind a full uplink is not dead, so only
 * silence counts, never the age of a ping.
 */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  #lastHeardMs: number;
  #pingedMs = -1;

  constructor(options: KeepaliveOptions, nowMs: number) {
    this.#options = options;
    this.#lastHeardMs = nowMs;
  }

  /** Something arrived. */
  heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
  }

  /** Says what is due, and after how many ms to ask again. */
  step(nowMs: number): KeepaliveStep {
    const { intervalMs, timeoutMs } = this.#options;
    const isPinged = this.#pingedMs > this.#lastHeardMs;
    if (isPinged) {
      const leftMs = this.#pingedMs + timeoutMs - nowMs;
      return leftMs > 0 ? { action: "wait", ms: leftMs } : { action: "dead" };
    }
    const leftMs = this.#lastHeardMs + intervalMs - nowMs;
    if (leftMs > 0) return { action: "wait", ms: leftMs };
    this.#pingedMs = nowMs;
    return { action: "ping", ms: timeoutMs };
  }
}
