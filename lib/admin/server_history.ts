/** What passed through a server in the last minutes, for who comes after something went wrong. */
import type { Runtime } from "../runtime.ts";
import type { Host, HostConnection } from "../server/host.ts";
import type { RunningServer } from "../server/server.ts";
import type { Timer } from "../timer.ts";
import type { Admin } from "./admin.ts";
import { HistoryRing } from "./history_ring.ts";

/** How far back it goes, and the time between two moments. */
export const HISTORY_SECONDS = 600;
const STEP_MS = 1000;

/** What each moment has, in the order of the ring, by names in the API: sums of all hosts. */
const FIGURES = [
  ["requests_per_second", 1],
  ["received_bytes_per_second", 1],
  ["sent_bytes_per_second", 1],
  ["in_flight", 0],
  // Of the hosts' fastest connections.
  ["median_rtt_ms", 3],
  ["worst_rtt_ms", 3],
] as const;

/**
 * Looks at the hosts once a second, from its start until it is closed. Its ring has 600 moments of
 * 6 figures: 19.2 kB, whatever the server has to do.
 */
export class ServerHistory {
  readonly #server: RunningServer;
  readonly #runtime: Runtime;
  readonly #ring = new HistoryRing(HISTORY_SECONDS, FIGURES.length);
  /** Counts that were seen last; who is gone is forgotten by itself. */
  readonly #requests = new WeakMap<Host, number>();
  readonly #bytes = new WeakMap<HostConnection, { received: number; sent: number }>();
  #lookedMs = 0;
  #timer: Timer | undefined;

  constructor(server: RunningServer, runtime: Runtime) {
    this.#server = server;
    this.#runtime = runtime;
  }

  /** Looks for as long as `admin` is up. */
  during(admin: Admin): Admin {
    this.start();
    return {
      address: admin.address,
      close: () => {
        this.close();
        return admin.close();
      },
    };
  }

  /** Begins to look; what it saw before it was closed is kept, what passed since is left out. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#lookedMs = this.#runtime.nowMs();
    // What was counted before is not of the first second.
    this.#look(1);
    this.#timer = this.#runtime.timers.after(STEP_MS, () => this.#tick());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The last `seconds`, as the API tells them. */
  view(seconds: number): Record<string, unknown> {
    const nowMs = this.#runtime.nowMs();
    const { timesMs, columns } = this.#ring.since(nowMs - seconds * 1000);
    return {
      ts: new Date().toISOString(),
      // The wall clock may have been set meanwhile: ages are right in any case.
      "age_ms": timesMs.map((timeMs) => Math.round(nowMs - timeMs)),
      ...Object.fromEntries(
        FIGURES.map(([name, digits], i) => [name, columns[i]!.map((value) => cut(value, digits))]),
      ),
    };
  }

  #tick(): void {
    this.#timer!.restart(STEP_MS);
    const nowMs = this.#runtime.nowMs();
    const seconds = (nowMs - this.#lookedMs) / 1000;
    // What a clock that stands still counts comes with the next moment.
    if (seconds <= 0) return;
    this.#lookedMs = nowMs;
    this.#ring.add(nowMs, this.#look(seconds));
  }

  #look(seconds: number): number[] {
    let requests = 0;
    let received = 0;
    let sent = 0;
    let inFlight = 0;
    const rttsMs: number[] = [];
    for (const cluster of this.#server.registry.clusters.values()) {
      for (const host of cluster.hosts.values()) {
        requests += host.requests - (this.#requests.get(host) ?? 0);
        this.#requests.set(host, host.requests);
        let rttMs = Infinity;
        for (const connection of host.connections) {
          const bytes = this.#bytesOf(connection);
          received += connection.receivedBytes - bytes.received;
          sent += connection.sentBytes - bytes.sent;
          bytes.received = connection.receivedBytes;
          bytes.sent = connection.sentBytes;
          inFlight += connection.inFlight;
          if (connection.rttMs > 0) rttMs = Math.min(rttMs, connection.rttMs);
        }
        if (rttMs !== Infinity) rttsMs.push(rttMs);
      }
    }
    rttsMs.sort((a, b) => a - b);
    const median = rttsMs[Math.floor((rttsMs.length - 1) / 2)] ?? NaN;
    return [
      ...[requests / seconds, received / seconds, sent / seconds],
      ...[inFlight, median, rttsMs.at(-1) ?? NaN],
    ];
  }

  #bytesOf(connection: HostConnection): { received: number; sent: number } {
    let bytes = this.#bytes.get(connection);
    if (bytes === undefined) this.#bytes.set(connection, bytes = { received: 0, sent: 0 });
    return bytes;
  }
}

/** @param digits behind the point */
function cut(value: number | null, digits: number): number | null {
  return value === null ? null : Number(value.toFixed(digits));
}
