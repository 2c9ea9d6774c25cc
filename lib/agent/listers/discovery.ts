/** Follows a lister: what it finds becomes the agent's servers, at a pace that harms nobody. */
import { formatAddress } from "../../address.ts";
import type { Address } from "../../address.ts";
import { Backoff } from "../../backoff.ts";
import type { Runtime } from "../../runtime.ts";
import type { Timer } from "../../timer.ts";
import type { ServerLister } from "./server_lister.ts";

/** Servers that are followed at most. */
const MAX_SERVERS = 256;
/** New servers that are taken in at once, and again after each pause. */
const MAX_NEW_SERVERS = 64;
const NEW_SERVERS_PAUSE_MS = 10_000;
/** Bounds of the time between two looks, whatever a listing says of itself. */
const MIN_INTERVAL_MS = 1000;
const MAX_INTERVAL_MS = 300_000;
/** What goes on for longer is logged so often. */
const LOG_PAUSE_MS = 60_000;

/** How to follow. */
export interface DiscoveryOptions {
  readonly runtime: Runtime;
  /** Time between two looks where a listing does not say how long it holds, ms. */
  readonly intervalMs: number;
  /** Longest wait for one look, ms. */
  readonly timeoutMs: number;
  /**
   * How long a server has to be missing before it is given up, ms: one that comes and goes is not
   * dialled anew each time.
   */
  readonly removeAfterMs: number;
  /** Told whenever the servers are others than before; never of none. */
  onServers(servers: readonly Address[]): void;
}

/** How it goes. */
export interface DiscoveryStatus {
  readonly lister: string;
  readonly servers: number;
  /** Looks in a row that failed; the servers are those of the last one that did not. */
  readonly failures: number;
  readonly failingSince: Date | undefined;
  readonly lastError: string | undefined;
}

interface Known {
  readonly address: Address;
  /** When it was first missing in a listing; undefined while it is listed. */
  missingSinceMs: number | undefined;
}

/** One lister, followed. */
export class Discovery {
  readonly #lister: ServerLister;
  readonly #options: DiscoveryOptions;
  readonly #backoff: Backoff;
  readonly #known = new Map<string, Known>();
  readonly #changeLog: LogPace;
  readonly #failureLog: LogPace;
  readonly #excessLog: LogPace;
  /** As the lister has it, bounded. */
  #listing: ReadonlyMap<string, Address> = new Map();
  #lookTimer: Timer | undefined;
  #mergeTimer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #abort: AbortController | undefined;
  #unwatch: (() => Promise<void>) | undefined;
  #isChanged = false;
  #isClosed = false;
  #lastLookMs = -Infinity;
  /** New servers that may be taken in before `#pauseEndMs`. */
  #newLeft = MAX_NEW_SERVERS;
  #pauseEndMs = 0;
  #failures = 0;
  #failingSince: Date | undefined;
  #lastError: string | undefined;

  constructor(lister: ServerLister, options: DiscoveryOptions) {
    const { runtime, intervalMs } = options;
    this.#lister = lister;
    this.#options = options;
    this.#backoff = new Backoff({
      baseMs: MIN_INTERVAL_MS,
      maxMs: Math.max(MIN_INTERVAL_MS, Math.min(intervalMs, 30_000)),
      random: () => runtime.random(),
    });
    this.#changeLog = new LogPace(runtime);
    this.#failureLog = new LogPace(runtime);
    this.#excessLog = new LogPace(runtime);
  }

  get status(): DiscoveryStatus {
    return {
      lister: this.#lister.name,
      servers: this.#known.size,
      failures: this.#failures,
      failingSince: this.#failingSince,
      lastError: this.#lastError,
    };
  }

  /** Looks at once, and goes on. */
  start(): void {
    this.#unwatch = this.#lister.watch?.(() => this.#changed());
    this.#look();
  }

  /** Resolves when nothing is looked at any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#lookTimer?.cancel();
    this.#mergeTimer?.cancel();
    this.#abort?.abort();
    await this.#unwatch?.();
    await this.#looking;
  }

  /** The lister has news: another look, but not more often than once in a while. */
  #changed(): void {
    if (this.#isClosed) return;
    this.#isChanged = true;
    if (this.#looking !== undefined) return;
    const { runtime } = this.#options;
    this.#lookIn(Math.max(0, this.#lastLookMs + MIN_INTERVAL_MS - runtime.nowMs()));
  }

  #lookIn(waitMs: number): void {
    this.#lookTimer?.cancel();
    this.#lookTimer = this.#options.runtime.timers.after(waitMs, () => this.#look());
  }

  #look(): void {
    this.#looking = this.#lookOnce().then((waitMs) => {
      this.#looking = undefined;
      if (this.#isClosed) return;
      this.#lookIn(this.#isChanged ? MIN_INTERVAL_MS : waitMs);
    });
  }

  /** Gives the time until the next look; never rejects. */
  async #lookOnce(): Promise<number> {
    const { runtime, timeoutMs, intervalMs } = this.#options;
    this.#isChanged = false;
    this.#lastLookMs = runtime.nowMs();
    const abort = this.#abort = new AbortController();
    const deadline = runtime.timers.after(timeoutMs, () => {
      abort.abort(new Error(`no answer within ${timeoutMs} ms`));
    });
    try {
      const { servers, validMs } = await this.#lister.list(abort.signal);
      if (this.#isClosed) return 0;
      if (servers.length === 0) throw new Error("it lists no server");
      this.#succeeded();
      this.#take(servers);
      const holdsMs = Math.min(Math.max(validMs ?? intervalMs, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
      // Agents that started together need not look together.
      return holdsMs * (1 + runtime.random() / 4);
    } catch (error) {
      if (this.#isClosed) return 0;
      const waitMs = Math.max(MIN_INTERVAL_MS, this.#backoff.failed());
      this.#failed(abort.signal.aborted ? abort.signal.reason : error as Error);
      return waitMs;
    } finally {
      deadline.cancel();
      this.#abort = undefined;
    }
  }

  /** Remembers a listing, those first that are known: what is beyond the bound is left out. */
  #take(servers: readonly Address[]): void {
    const listed = new Map<string, Address>();
    const others: [string, Address][] = [];
    for (const server of servers) {
      const key = formatAddress(server);
      if (this.#known.has(key)) listed.set(key, server);
      else if (others.length < MAX_SERVERS) others.push([key, server]);
    }
    for (const [key, server] of others) {
      if (listed.size < MAX_SERVERS) listed.set(key, server);
    }
    if (servers.length > MAX_SERVERS) {
      this.#excessLog.log((log, skipped) =>
        log.error("servers.too_many", `More than ${MAX_SERVERS} servers; the rest is left out`, {
          lister: this.#lister.name,
          servers: servers.length,
          skipped_lines: skipped,
        })
      );
    }
    this.#listing = listed;
    this.#merge();
  }

  /** Brings what is known nearer to the listing, as far as it may be now. */
  #merge(): void {
    const { runtime, removeAfterMs } = this.#options;
    const nowMs = runtime.nowMs();
    this.#mergeTimer?.cancel();
    let againMs = Infinity;
    let removed = 0;
    for (const [key, server] of this.#known) {
      if (this.#listing.has(key)) {
        server.missingSinceMs = undefined;
        continue;
      }
      server.missingSinceMs ??= nowMs;
      const leftMs = server.missingSinceMs + removeAfterMs - nowMs;
      if (leftMs > 0) {
        againMs = Math.min(againMs, leftMs);
      } else {
        this.#known.delete(key);
        removed += 1;
      }
    }
    if (nowMs >= this.#pauseEndMs) this.#newLeft = MAX_NEW_SERVERS;
    let added = 0;
    for (const [key, address] of this.#listing) {
      if (this.#known.has(key)) continue;
      if (this.#newLeft === 0) {
        againMs = Math.min(againMs, this.#pauseEndMs - nowMs);
        break;
      }
      // Those that are about to go still count.
      if (this.#known.size >= MAX_SERVERS) break;
      if (this.#newLeft === MAX_NEW_SERVERS) this.#pauseEndMs = nowMs + NEW_SERVERS_PAUSE_MS;
      this.#newLeft -= 1;
      this.#known.set(key, { address, missingSinceMs: undefined });
      added += 1;
    }
    if (againMs < Infinity) this.#mergeTimer = runtime.timers.after(againMs, () => this.#merge());
    if (added + removed > 0) this.#tell(added, removed);
  }

  #tell(added: number, removed: number): void {
    this.#changeLog.log((log, skipped) =>
      log.info("servers.changed", "The servers are others now", {
        lister: this.#lister.name,
        servers: this.#known.size,
        added,
        removed,
        skipped_lines: skipped,
      })
    );
    if (this.#known.size > 0) {
      this.#options.onServers([...this.#known.values()].map(({ address }) => address));
    }
  }

  #succeeded(): void {
    this.#backoff.reset();
    if (this.#failures === 0) return;
    this.#options.runtime.log.info("discovery.recovered", "The list of servers is known again", {
      lister: this.#lister.name,
      failures: this.#failures,
    });
    this.#failures = 0;
    this.#failingSince = this.#lastError = undefined;
  }

  #failed(error: Error): void {
    this.#failures += 1;
    this.#failingSince ??= new Date();
    this.#lastError = error.message;
    const since = this.#failingSince.toISOString();
    this.#failureLog.log((log, skipped) =>
      log.warn(
        "discovery.failed",
        `The servers stay as they were, the list cannot be had: ${error.message}`,
        {
          lister: this.#lister.name,
          servers: this.#known.size,
          since,
          failures: this.#failures,
          skipped_lines: skipped,
        },
      )
    );
  }
}

/** Logs one kind of event once a minute at most. */
class LogPace {
  readonly #runtime: Runtime;
  #nextMs = -Infinity;
  #skipped = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  log(write: (log: Runtime["log"], skipped: number | undefined) => void): void {
    const nowMs = this.#runtime.nowMs();
    if (nowMs < this.#nextMs) {
      this.#skipped += 1;
      return;
    }
    this.#nextMs = nowMs + LOG_PAUSE_MS;
    write(this.#runtime.log, this.#skipped === 0 ? undefined : this.#skipped);
    this.#skipped = 0;
  }
}
