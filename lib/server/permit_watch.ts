/** Ends connections with what let them in: when it expires, and when it is revoked. */
import type { CredentialPolicy, Verdict } from "../auth/credential_policy.ts";
import type { Permit } from "../auth/permit.ts";
import type { Timer, TimerWheel } from "../timer.ts";
import type { Host, HostConnection } from "./host.ts";

/** How long before the end of a permit its agent is asked to dial anew, with a newer one if it has. */
const RENEWAL_LEAD_MS = 15_000;
/** Part of a permit's life that the lead takes at most. */
const RENEWAL_LEAD_SHARE = 0.2;
/** Clocks are set: the end of a permit is looked at again at least so often. */
const MAX_WAIT_MS = 60_000;

/** What the watch is given. */
export interface PermitWatchOptions {
  /** At first. */
  readonly policy: CredentialPolicy;
  readonly timers: TimerWheel;
  /** ms since 1970. */
  clockMs(): number;
  /** `connection` may not stay. */
  onEnd(host: Host, connection: HostConnection, reason: string): void;
}

interface Watched {
  readonly host: Host;
  readonly connection: HostConnection;
  permit: Permit;
  timer: Timer | undefined;
  isAskedToRenew: boolean;
}

/** Follows the permits of all tunnel connections; those that never change or expire cost nothing. */
export class PermitWatch {
  readonly #options: PermitWatchOptions;
  readonly #watched = new Map<HostConnection, Watched>();
  #policy: CredentialPolicy;

  constructor(options: PermitWatchOptions) {
    this.#options = options;
    this.#policy = options.policy;
    this.#follow();
  }

  /**
   * Goes by another policy from now on. Permits of one of the same kind are looked at again; those
   * of another kind hold as long as they would have: an agent that is there is not cut off because
   * the next one has to show something else.
   */
  setPolicy(policy: CredentialPolicy): void {
    const before = this.#policy;
    if (policy === before) return;
    before.onChange = undefined;
    this.#policy = policy;
    this.#follow();
    if (policy.review !== undefined && policy.names[0] === before.names[0]) this.#review();
  }

  /** Watches a connection that was let in by `permit`. */
  add(host: Host, connection: HostConnection, permit: Permit): void {
    const isFixed = this.#policy.review === undefined && permit.expiresMs === Infinity;
    if (isFixed) return;
    const watched = { host, connection, permit, timer: undefined, isAskedToRenew: false };
    this.#watched.set(connection, watched);
    this.#setTimer(watched);
  }

  /** The connection has ended. */
  remove(connection: HostConnection): void {
    const watched = this.#watched.get(connection);
    watched?.timer?.cancel();
    this.#watched.delete(connection);
  }

  #follow(): void {
    if (this.#policy.review !== undefined) this.#policy.onChange = () => this.#review();
  }

  /** What was given may have changed. */
  #review(): void {
    for (const watched of [...this.#watched.values()]) {
      const { host, connection } = watched;
      const verdict = this.#verdictOn(watched);
      if (!verdict.isAllowed) {
        this.#options.onEnd(host, connection, verdict.reason);
        continue;
      }
      const { permit } = verdict;
      if (host.permit === watched.permit) host.follow(permit);
      watched.permit = permit;
      watched.timer?.cancel();
      this.#setTimer(watched);
    }
  }

  #verdictOn({ host, permit }: Watched): Verdict {
    const place = { clusterName: host.cluster, hostName: host.givenName };
    return this.#policy.review!(permit, place);
  }

  #setTimer(watched: Watched): void {
    const { expiresMs } = watched.permit;
    if (expiresMs === Infinity) return;
    const { timers, clockMs } = this.#options;
    const leftMs = expiresMs - clockMs();
    const leadMs = watched.isAskedToRenew
      ? 0
      : Math.min(RENEWAL_LEAD_MS, Math.max(0, leftMs * RENEWAL_LEAD_SHARE));
    watched.timer = timers.after(
      Math.min(Math.max(0, leftMs - leadMs), MAX_WAIT_MS),
      () => this.#onTimer(watched),
    );
  }

  #onTimer(watched: Watched): void {
    const { host, connection, permit } = watched;
    const leftMs = permit.expiresMs - this.#options.clockMs();
    if (leftMs <= 0) {
      const since = new Date(permit.expiresMs).toISOString();
      this.#options.onEnd(host, connection, `its credential expired at ${since}`);
      return;
    }
    if (!watched.isAskedToRenew && leftMs <= RENEWAL_LEAD_MS) {
      watched.isAskedToRenew = true;
      connection.goAway();
    }
    this.#setTimer(watched);
  }
}
