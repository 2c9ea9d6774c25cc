/**
 * Bounds how much of a frontend's traffic may be sent twice: in an outage, retries without a bound
 * multiply the load on the hosts that are left.
 *
 * Source: Finagle's RetryBudget and Envoy's retry budget, both at 20 % of requests by default.
 */

const SHARE = 0.2;
const RESERVE = 10;
const MAX_BALANCE = 100;

/** A balance that requests fill and retries empty. */
export class RetryBudget {
  #balance = RESERVE;

  /** Counts a request. */
  deposit(): void {
    if (this.#balance < MAX_BALANCE) this.#balance += SHARE;
  }

  /** Asks for a retry; false if there have been too many. */
  withdraw(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}
