/** Pictures of a server: its counts, its hosts with what passes now, and those that are away. */
import type { Runtime } from "../runtime.ts";
import type { Departure } from "../server/departures.ts";
import type { HostOverride } from "../server/host_overrides.ts";
import type { Host } from "../server/host.ts";
import type { RunningServer } from "../server/server.ts";
import { hostsOf } from "./host_list.ts";
import type { LiveSource } from "./live.ts";
import type { Fields, Picture } from "./live_changes.ts";
import { departureView, hostView, statusView } from "./server_views.ts";

/** Hosts that a picture shows; of more, those with the most under way. */
const MAX_HOSTS = 1000;

/** What a host's rates are made of. */
interface Counts {
  readonly requests: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Makes them; each has rates over the time since the one before. */
export class ServerPictures implements LiveSource {
  readonly #server: RunningServer;
  readonly #runtime: Runtime;
  #counts = new Map<Host, Counts>();
  #lastMs = 0;
  #away: readonly Departure[] = [];
  #awayOverrides: readonly HostOverride[] = [];
  isAwaySame = false;

  constructor(server: RunningServer, runtime: Runtime) {
    this.#server = server;
    this.#runtime = runtime;
  }

  make(): Picture {
    const nowMs = this.#runtime.nowMs();
    const seconds = (nowMs - this.#lastMs) / 1000;
    const before = this.#counts;
    this.#counts = new Map();
    this.#lastMs = nowMs;
    return {
      ts: new Date().toISOString(),
      status: statusView(this.#server, this.#runtime),
      hosts: busiest(hostsOf(this.#server, null)).map((host) =>
        this.#view(host, before.get(host), seconds)
      ),
      away: this.#awayNow().map((departure) => departureView(departure, this.#server.registry)),
    };
  }

  #view(host: Host, before: Counts | undefined, seconds: number): Fields {
    const view = hostView(host, this.#server, this.#runtime);
    const now: Counts = {
      requests: host.requests,
      receivedBytes: view["received_bytes"] as number,
      sentBytes: view["sent_bytes"] as number,
    };
    this.#counts.set(host, now);
    const rate = (of: keyof Counts) =>
      before === undefined ? 0 : Math.round(Math.max(0, now[of] - before[of]) / seconds * 10) / 10;
    return {
      ...view,
      "requests_per_second": rate("requests"),
      "received_bytes_per_second": rate("receivedBytes"),
      "sent_bytes_per_second": rate("sentBytes"),
    };
  }

  #awayNow(): readonly Departure[] {
    const before = this.#away;
    // What is remembered of a host is never changed, but replaced.
    const now = this.#away = this.#server.departures.away().slice(0, MAX_HOSTS);
    const { overrides } = this.#server.registry;
    const overridesBefore = this.#awayOverrides;
    const overridesNow = this.#awayOverrides = now.map(({ cluster, hostName }) =>
      overrides.of(cluster, hostName)
    );
    this.isAwaySame = now.length === before.length &&
      now.every((departure, index) =>
        departure === before[index] && overridesNow[index] === overridesBefore[index]
      );
    return now;
  }
}

function busiest(hosts: Host[]): Host[] {
  if (hosts.length <= MAX_HOSTS) return hosts;
  return hosts.sort((a, b) => b.inFlight - a.inFlight).slice(0, MAX_HOSTS);
}
