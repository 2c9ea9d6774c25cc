/** What those who watch a server are told: its counts, its hosts with what passes, who is away. */
import type { Runtime } from "../runtime.ts";
import type { Host } from "../server/host.ts";
import type { RunningServer } from "../server/server.ts";
import { order } from "./host_list.ts";
import type { LiveSource } from "./live.ts";
import { changedFields } from "./live_changes.ts";
import type { Changes, Fields, Picture, Row } from "./live_changes.ts";
import { departureView, statusView, wallClock } from "./server_views.ts";
import { ToldHost } from "./told_host.ts";

/** Hosts that a picture shows; of more, those with the most under way. */
const MAX_HOSTS = 1000;

/** What a look at all hosts goes by, and gathers. */
interface Look {
  readonly nowMs: number;
  readonly isAwaySame: boolean;
  readonly rows: Row[];
  /** Since the last look at figures; undefined where none are wanted. */
  readonly seconds: number | undefined;
}

/** Keeps what was told last, and compares. */
export class ServerLive implements LiveSource {
  readonly #server: RunningServer;
  readonly #runtime: Runtime;
  readonly #started: string;
  readonly #hosts = new Map<Host, ToldHost>();
  /** Hosts that were ever met: each has a number of its own. */
  #met = 0;
  #ts = "";
  #status: Fields = {};
  #away: readonly Fields[] = [];
  /** What `away` was made of, as it is counted there. */
  #awayAs = "";
  /** When rates were made last. */
  #ratesMs = 0;

  constructor(server: RunningServer, runtime: Runtime) {
    this.#server = server;
    this.#runtime = runtime;
    this.#started = wallClock(runtime)(server.startedMs);
  }

  forget(): void {
    this.#hosts.clear();
    this.#awayAs = "";
  }

  picture(): Picture {
    return {
      ts: this.#ts,
      status: this.#status,
      hosts: [...this.#hosts.values()].sort((a, b) => order(a.key, b.key))
        .map((told) => told.view()),
      away: this.#away,
    };
  }

  look({ withFigures }: { withFigures: boolean }): Changes {
    const nowMs = this.#runtime.nowMs();
    const seconds = withFigures ? (nowMs - this.#ratesMs) / 1000 : undefined;
    if (withFigures) this.#ratesMs = nowMs;
    this.#ts = new Date().toISOString();
    const { departures, registry } = this.#server;
    const awayAs = `${departures.changes} ${registry.overrides.changes}`;
    const isAwaySame = this.#awayAs === awayAs;
    const hosts = this.#shown();
    const changed: Fields[] = [];
    const rows: Row[] = [];
    for (const host of hosts) {
      const fields = this.#lookAt(host, { nowMs, isAwaySame, rows, seconds });
      if (fields !== undefined) changed.push(fields);
    }
    if (!isAwaySame) {
      this.#awayAs = awayAs;
      this.#away = departures.away().slice(0, MAX_HOSTS)
        .map((departure) => departureView(departure, registry));
    }
    return {
      ts: this.#ts,
      status: this.#lookAtStatus(),
      changed,
      gone: this.#hosts.size === hosts.length ? [] : this.#partFromOthers(hosts),
      ...(!isAwaySame && { away: this.#away }),
      rows,
      ...(seconds !== undefined && { seconds }),
    };
  }

  /** What is told of a host besides its row. */
  #lookAt(host: Host, { nowMs, isAwaySame, rows, seconds }: Look): Fields | undefined {
    const told = this.#hosts.get(host);
    if (told === undefined) return this.#meet(host, nowMs);
    const connections = told.hasOtherConnections ? told.readConnections() : undefined;
    const state = told.readState(this.#server, nowMs, !isAwaySame);
    if (connections !== undefined || seconds !== undefined) {
      if (told.readFigures() || connections !== undefined) rows.push(told.row);
      told.count(seconds);
    }
    if (state === undefined && connections === undefined) return undefined;
    const { cluster, id } = host;
    return { cluster, id, ...state, ...(connections !== undefined && { connections }) };
  }

  #meet(host: Host, nowMs: number): Fields {
    const told = new ToldHost(host, this.#met++, wallClock(this.#runtime)(host.joinedMs));
    this.#hosts.set(host, told);
    told.begin(this.#server, nowMs);
    return told.view();
  }

  #partFromOthers(hosts: readonly Host[]): Fields[] {
    const here = new Set(hosts);
    const gone: Fields[] = [];
    for (const host of this.#hosts.keys()) {
      if (here.has(host)) continue;
      this.#hosts.delete(host);
      const { cluster, id } = host;
      const next = this.#server.registry.clusters.get(cluster)?.hosts.get(id);
      // An agent that came back meanwhile has a new host of the same name.
      if (next === undefined || !here.has(next)) gone.push({ cluster, id });
    }
    return gone;
  }

  #lookAtStatus(): Fields {
    // The wall clock may be set meanwhile; the server did not start anew.
    const now = { ...statusView(this.#server, this.#runtime), started: this.#started };
    const changed = changedFields(this.#status, now) ?? {};
    this.#status = now;
    return changed;
  }

  #shown(): Host[] {
    const hosts: Host[] = [];
    for (const cluster of this.#server.registry.clusters.values()) {
      for (const host of cluster.hosts.values()) hosts.push(host);
    }
    if (hosts.length <= MAX_HOSTS) return hosts;
    return hosts.sort((a, b) => b.inFlight - a.inFlight).slice(0, MAX_HOSTS);
  }
}
