/** Limits that were reached: counted each time, said once in a while. */
import type { LogFields } from "../log.ts";
import type { Runtime } from "../runtime.ts";
import type { ServerStats } from "./stats.ts";

/** What has a limit. */
export type LimitName =
  | "handshakes"
  | "handshakesPerAddress"
  | "handshakeRate"
  | "credentialFailures"
  | "tunnels"
  | "connectionsPerAgent"
  | "streamsPerSession"
  | "openRate"
  | "messageRate"
  | "clients"
  | "clientsPerAddress"
  | "memory";

/** One that lasts is logged again after this. */
const LOG_INTERVAL_MS = 10_000;

/** Counts and reports. */
export class Limits {
  readonly #stats: ServerStats;
  readonly #runtime: Runtime;
  readonly #loggedMs = new Map<LimitName, number>();
  readonly #unsaid = new Map<LimitName, number>();

  constructor(stats: ServerStats, runtime: Runtime) {
    this.#stats = stats;
    this.#runtime = runtime;
  }

  /** `limit` kept something out; `detail` says what, and what to do about it. */
  reached(limit: LimitName, detail: string, fields: LogFields = {}): void {
    this.#stats.limited(limit);
    const nowMs = this.#runtime.nowMs();
    const loggedMs = this.#loggedMs.get(limit);
    if (loggedMs !== undefined && nowMs - loggedMs < LOG_INTERVAL_MS) {
      this.#unsaid.set(limit, (this.#unsaid.get(limit) ?? 0) + 1);
      return;
    }
    const before = this.#unsaid.get(limit) ?? 0;
    this.#unsaid.delete(limit);
    this.#loggedMs.set(limit, nowMs);
    this.#runtime.log.warn("limit.reached", detail, {
      limit,
      ...fields,
      ...(before > 0 && { unsaid: before }),
    });
  }
}

/** How many there are of each. */
export class Tally {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  remove(key: string): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
