/** What one address may do at the tunnel port: dial so often, and guess so many credentials. */
import { parseIp } from "../ip_network.ts";
import { Allowance } from "../mux/abuse.ts";

/** How much of it. */
export interface AddressLimits {
  /** Handshakes a second in the long run; twice as many at once. */
  readonly handshakesPerSecond: number;
  /** Credentials that may fail before the answers to further ones are held back. */
  readonly freeFailures: number;
}

/** One failure is forgiven in this time. */
const FORGIVE_MS = 10_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 4000;
/** Answers held back at once; while so many are, no further credential is looked at. */
const MAX_HELD = 32;
/** Addresses that are remembered; beyond, those that dialled first are forgotten. */
const MAX_ADDRESSES = 20_000;
/** Bits of an IPv6 address that its owner does not choose. */
const V6_NETWORK_BITS = 64n;

interface Record {
  handshakes: Allowance;
  failures: number;
  failedMs: number;
  held: number;
}

/** Keeps count by address; time is an argument. */
export class AddressGate {
  #limits: AddressLimits;
  readonly #records = new Map<string, Record>();

  constructor(limits: AddressLimits) {
    this.#limits = limits;
  }

  /** Goes by other limits from now on; who is known for failures stays so. */
  configure(limits: AddressLimits, nowMs: number): void {
    const isSameRate = limits.handshakesPerSecond === this.#limits.handshakesPerSecond;
    this.#limits = limits;
    if (isSameRate) return;
    for (const record of this.#records.values()) record.handshakes = this.#allowance(nowMs);
  }

  /** Counts a connection from `ip`; false if it is one too many. */
  dialled(ip: string, nowMs: number): boolean {
    const key = keyOf(ip);
    let record = this.#records.get(key);
    if (record === undefined) {
      record = { handshakes: this.#allowance(nowMs), failures: 0, failedMs: nowMs, held: 0 };
      if (this.#records.size >= MAX_ADDRESSES) this.#forgetOne();
      this.#records.set(key, record);
    }
    return record.handshakes.take(nowMs);
  }

  /** So many wrong credentials of `ip` wait for their answers that no further one is looked at. */
  isShut(ip: string): boolean {
    return (this.#records.get(keyOf(ip))?.held ?? 0) >= MAX_HELD;
  }

  /** A credential from `ip` failed: how long its answer is held back, ms; then `answered()`. */
  failed(ip: string, nowMs: number): number {
    const record = this.#records.get(keyOf(ip));
    if (record === undefined) return 0;
    const forgiven = (nowMs - record.failedMs) / FORGIVE_MS;
    record.failures = Math.max(0, record.failures - forgiven) + 1;
    record.failedMs = nowMs;
    const surplus = Math.floor(record.failures) - this.#limits.freeFailures;
    if (surplus <= 0) return 0;
    record.held += 1;
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (surplus - 1));
  }

  /** An answer that was held back has left, or its peer has. */
  answered(ip: string): void {
    const record = this.#records.get(keyOf(ip));
    if (record !== undefined && record.held > 0) record.held -= 1;
  }

  #allowance(nowMs: number): Allowance {
    const { handshakesPerSecond } = this.#limits;
    return new Allowance(handshakesPerSecond * 2, handshakesPerSecond, nowMs);
  }

  #forgetOne(): void {
    // Whoever waits for an answer is remembered, or its place would be lost count of.
    for (const [key, { held }] of this.#records) {
      if (held > 0) continue;
      this.#records.delete(key);
      return;
    }
  }
}

/** Who has one IPv6 address has its whole network. */
function keyOf(ip: string): string {
  if (!ip.includes(":")) return ip;
  const address = parseIp(ip);
  return address === undefined ? ip : `v6:${address.bits >> V6_NETWORK_BITS}`;
}
