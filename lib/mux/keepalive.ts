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
  | { readonly action: "dead" }
  /** Silence is borne for ever, and nothing was asked. */
  | { readonly action: "rest" };

/**
 * Any byte received is life: a peer whose answers wait behind a full uplink is not dead, so only
 * silence counts, never the age of a ping.
 */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  #lastHeardMs: number;
  #pingedMs = -1;
  /** How long silence is borne after the last ping. */
  #patienceMs: number;

  constructor(options: KeepaliveOptions, nowMs: number) {
    this.#options = options;
    this.#patienceMs = options.timeoutMs;
    this.#lastHeardMs = nowMs;
  }

  /** Something arrived. */
  heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
  }

  /** Ms since something arrived. */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastHeardMs;
  }

  /** A ping was sent out of turn: the peer is dead if nothing comes within `timeoutMs`. */
  suspect(nowMs: number, timeoutMs: number): void {
    this.#pingedMs = nowMs;
    this.#patienceMs = timeoutMs;
  }

  /** A ping was sent and nothing has come since. */
  get isInDoubt(): boolean {
    return this.#pingedMs > this.#lastHeardMs;
  }

  /** Says what is due, and after how many ms to ask again. */
  step(nowMs: number): KeepaliveStep {
    const { intervalMs, timeoutMs } = this.#options;
    if (this.isInDoubt) {
      const leftMs = this.#pingedMs + this.#patienceMs - nowMs;
      return leftMs > 0 ? { action: "wait", ms: leftMs } : { action: "dead" };
    }
    if (intervalMs === 0) return { action: "rest" };
    const leftMs = this.#lastHeardMs + intervalMs - nowMs;
    if (leftMs > 0) return { action: "wait", ms: leftMs };
    this.#pingedMs = nowMs;
    this.#patienceMs = timeoutMs;
    return { action: "ping", ms: timeoutMs };
  }
}
