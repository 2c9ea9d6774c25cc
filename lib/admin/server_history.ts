/** What passed through a server in the last minutes, for who comes after something went wrong. */
import type { Runtime } from "../runtime.ts";
import type { Host, HostConnection } from "../server/host.ts";
import type { RunningServer } from "../server/server.ts";
import type { Timer } from "../timer.ts";
import type { Admin } from "./admin.ts";
import { HistoryRing } from "./history_ring.ts";
import { historyView } from "./history_view.ts";
import { HostHistories } from "./host_histories.ts";
import type { Passed } from "./host_histories.ts";

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
 * 6 figures: 19.2 kB, whatever the server has to do. Hosts have rings of their own besides.
 */
export class ServerHistory {
  readonly #server: RunningServer;
  readonly #runtime: Runtime;
  readonly #ring = new HistoryRing(HISTORY_SECONDS, FIGURES.length);
  readonly #hosts = new HostHistories();
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
    this.#hosts.begin(this.#lookedMs);
    this.#timer = this.#runtime.timers.after(STEP_MS, () => this.#tick());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The last `seconds`, as the API tells them. */
  view(seconds: number): Record<string, unknown> {
    const nowMs = this.#runtime.nowMs();
    return historyView(this.#ring, FIGURES, { nowMs, forMs: seconds * 1000 });
  }

  /** What passed through one host, as the API tells it. */
  hostView(host: Host): Record<string, unknown> {
    return this.#hosts.view(host, this.#runtime.nowMs());
  }

  #tick(): void {
    this.#timer!.restart(STEP_MS);
    const nowMs = this.#runtime.nowMs();
    const seconds = (nowMs - this.#lookedMs) / 1000;
    // What a clock that stands still counts comes with the next moment.
    if (seconds <= 0) return;
    this.#lookedMs = nowMs;
    this.#ring.add(nowMs, this.#look(seconds));
    this.#hosts.counted(nowMs);
  }

  /** Sums of all hosts; what is of each of them goes to its own history. */
  #look(seconds: number): number[] {
    let requests = 0;
    let receivedBytes = 0;
    let sentBytes = 0;
    let inFlight = 0;
    const rttsMs: number[] = [];
    for (const cluster of this.#server.registry.clusters.values()) {
      for (const host of cluster.hosts.values()) {
        const passed = this.#passedOn(host);
        requests += passed.requests;
        receivedBytes += passed.receivedBytes;
        sentBytes += passed.sentBytes;
        inFlight += passed.inFlight;
        if (!Number.isNaN(passed.rttMs)) rttsMs.push(passed.rttMs);
        this.#hosts.count(host, passed);
      }
    }
    rttsMs.sort((a, b) => a - b);
    const median = rttsMs[Math.floor((rttsMs.length - 1) / 2)] ?? NaN;
    return [
      ...[requests / seconds, receivedBytes / seconds, sentBytes / seconds],
      ...[inFlight, median, rttsMs.at(-1) ?? NaN],
    ];
  }

  #passedOn(host: Host): Passed {
    const requests = host.requests - (this.#requests.get(host) ?? 0);
    this.#requests.set(host, host.requests);
    let receivedBytes = 0;
    let sentBytes = 0;
    let inFlight = 0;
    let rttMs = Infinity;
    for (const connection of host.connections) {
      const bytes = this.#bytesOf(connection);
      receivedBytes += connection.receivedBytes - bytes.received;
      sentBytes += connection.sentBytes - bytes.sent;
      bytes.received = connection.receivedBytes;
      bytes.sent = connection.sentBytes;
      inFlight += connection.inFlight;
      if (connection.rttMs > 0) rttMs = Math.min(rttMs, connection.rttMs);
    }
    if (rttMs === Infinity) rttMs = NaN;
    return { requests, receivedBytes, sentBytes, inFlight, rttMs };
  }

  #bytesOf(connection: HostConnection): { received: number; sent: number } {
    let bytes = this.#bytes.get(connection);
    if (bytes === undefined) this.#bytes.set(connection, bytes = { received: 0, sent: 0 });
    return bytes;
  }
}
