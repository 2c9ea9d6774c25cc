/** Follows what a server's name resolves to, while the agent runs. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { Backoff } from "../backoff.ts";
import { parseIp } from "../ip_network.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";

/** Lookups in a row without an address before it counts as gone: some name servers deal out parts. */
const MISSES_UNTIL_GONE = 3;
/** Longest wait for one lookup, in ms. */
const RESOLVE_TIMEOUT_MS = 10_000;

/** How to follow a name. */
export interface NameWatchOptions {
  readonly runtime: Runtime;
  /** False where the name is left to who is dialled: a proxy. */
  readonly isResolved: boolean;
  /** How often the name is looked up, in ms. */
  readonly intervalMs: number;
  /** Ceilings of the waits after a failed lookup, in ms. */
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  /** Failures in a row before giving up a name that never resolved, -1 for never. */
  readonly retryTimes: number;
  /** Gives the IP addresses of a name. @throws {DialError} */
  resolve(host: string, timeoutMs: number): Promise<string[]>;
  /** Told whenever the addresses are others than before; never an empty list after a full one. */
  onAddresses(addresses: readonly Address[]): void;
  /** Told when the name was given up. */
  onGivenUp(): void;
}

/** One server as its user wrote it. */
export class NameWatch {
  readonly #server: Address;
  readonly #options: NameWatchOptions;
  readonly #backoff: Backoff;
  /** Lookups that went by without each known address. */
  readonly #misses = new Map<string, number>();
  #timer: Timer | undefined;
  #failures = 0;
  #lastError: Error | undefined;
  #isClosed = false;

  constructor(server: Address, options: NameWatchOptions) {
    this.#server = server;
    this.#options = options;
    this.#backoff = new Backoff({
      get baseMs() {
        return options.retryBaseMs;
      },
      get maxMs() {
        return options.retryMaxMs;
      },
      random: () => options.runtime.random(),
    });
  }

  /** The last lookup failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** The name never resolved, and is not looked up any more. */
  get isGivenUp(): boolean {
    const { retryTimes } = this.#options;
    return retryTimes !== -1 && this.#failures > retryTimes && this.#misses.size === 0;
  }

  /** Why the last lookup failed; undefined if it did not. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Gives the addresses, at once where `server` counts as one, and goes on looking a name up. */
  start(): void {
    const server = this.#server;
    const { isResolved } = this.#options;
    if (!isResolved || server.kind === "unix" || parseIp(server.host) !== undefined) {
      this.#options.onAddresses([server]);
    } else {
      void this.#lookUp(server.host, server.port);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Never rejects. */
  async #lookUp(host: string, port: number): Promise<void> {
    let waitMs: number;
    try {
      const ips = await this.#options.resolve(host, RESOLVE_TIMEOUT_MS);
      if (this.#isClosed) return;
      this.#succeeded();
      if (this.#merge(ips)) {
        const addresses = [...this.#misses.keys()];
        this.#options.onAddresses(addresses.map((ip) => ({ kind: "tcp", host: ip, port })));
      }
      // Agents that started together need not look up together.
      waitMs = this.#options.intervalMs * (0.75 + this.#options.runtime.random() / 2);
    } catch (error) {
      if (this.#isClosed) return;
      waitMs = this.#backoff.failed();
      this.#failed(error as Error);
      if (this.isGivenUp) return this.#options.onGivenUp();
    }
    this.#timer = this.#options.runtime.timers.after(waitMs, () => void this.#lookUp(host, port));
  }

  /** True if the known addresses changed. */
  #merge(ips: readonly string[]): boolean {
    let isChanged = false;
    for (const ip of ips) {
      isChanged ||= !this.#misses.has(ip);
      this.#misses.set(ip, 0);
    }
    for (const [ip, misses] of this.#misses) {
      if (ips.includes(ip)) continue;
      if (misses + 1 < MISSES_UNTIL_GONE) {
        this.#misses.set(ip, misses + 1);
      } else {
        this.#misses.delete(ip);
        isChanged = true;
      }
    }
    return isChanged;
  }

  #succeeded(): void {
    this.#backoff.reset();
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#options.runtime.log.info("name.resolved", "The server's name resolves again", {
      server: formatAddress(this.#server),
    });
  }

  #failed(error: Error): void {
    this.#failures += 1;
    this.#lastError = error;
    if (this.#failures > 1) return;
    this.#options.runtime.log.warn("name.failed", error.message, {
      server: formatAddress(this.#server),
      known_addresses: this.#misses.size,
    });
  }
}
