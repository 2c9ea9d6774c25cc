/** Finds streams for frontends: a host by the balancer, or a bounded wait for one. */
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { UpstreamError } from "../upstream.ts";
import type { Upstream, UpstreamRequest, Upstreams } from "../upstream.ts";
import { pickHost } from "./balancer.ts";
import type { Host } from "./host.ts";
import type { Cluster, Registry } from "./registry.ts";
import type { ServerStats } from "./stats.ts";
import { plural } from "../plural.ts";

interface Waiter {
  request: UpstreamRequest;
  resolve(upstream: Upstream): void;
  reject(error: Error): void;
  deadline: Timer;
}

/** The server's {@link Upstreams}. */
export class ServerUpstreams implements Upstreams {
  readonly #registry: Registry;
  readonly #runtime: Runtime;
  readonly #stats: ServerStats;
  readonly #maxWaiting: number;
  readonly #maxWaitingBytes: number;
  #waitingBytes = 0;
  readonly #isOutOfMemory: () => boolean;
  readonly #waiting = new Map<string, Set<Waiter>>();
  #isClosing = false;

  constructor(init: {
    registry: Registry;
    runtime: Runtime;
    stats: ServerStats;
    /** Requests that may wait in one cluster. */
    maxWaiting: number;
    /** Bytes that all waiting requests may hold together. */
    maxWaitingBytes: number;
    /** Clients that read too slowly hold so much that no further stream is opened. */
    isOutOfMemory: () => boolean;
  }) {
    this.#registry = init.registry;
    this.#runtime = init.runtime;
    this.#stats = init.stats;
    this.#maxWaiting = init.maxWaiting;
    this.#maxWaitingBytes = init.maxWaitingBytes;
    this.#isOutOfMemory = init.isOutOfMemory;
  }

  /** Requests that wait for a host now. */
  get waitingCount(): number {
    let count = 0;
    for (const waiters of this.#waiting.values()) count += waiters.size;
    return count;
  }

  clusterNames(): Iterable<string> {
    return this.#registry.clusters.keys();
  }

  hasCluster(name: string): boolean {
    return this.#registry.clusters.has(name);
  }

  acquire(request: UpstreamRequest): Upstream | Promise<Upstream> {
    if (this.#isClosing) throw new UpstreamError("closing", "The server is stopping");
    const cluster = this.#registry.clusters.get(request.cluster);
    if (cluster === undefined) {
      throw new UpstreamError("noCluster", `There is no cluster "${request.cluster}"`);
    }
    if (this.#isOutOfMemory()) {
      throw new UpstreamError("overloaded", "Too many bytes wait for clients that do not read");
    }
    return this.#tryOpen(cluster, request) ?? this.#wait(cluster, request);
  }

  /** A cluster got capacity: those that wait for it are served in their order. */
  served(cluster: Cluster): void {
    const waiters = this.#waiting.get(cluster.name);
    if (waiters === undefined) return;
    for (const waiter of waiters) {
      const upstream = this.#tryOpen(cluster, waiter.request);
      if (upstream === undefined) {
        // One that waits for a certain host must not hold up those behind it.
        if (hasCapacity(cluster)) continue;
        return;
      }
      this.#forget(cluster.name, waiter);
      waiter.resolve(upstream);
    }
  }

  /** Fails those that wait, and all that come. */
  close(): void {
    this.#isClosing = true;
    for (const [name, waiters] of this.#waiting) {
      for (const waiter of waiters) {
        this.#forget(name, waiter);
        waiter.reject(new UpstreamError("closing", "The server is stopping"));
      }
    }
  }

  #tryOpen(cluster: Cluster, request: UpstreamRequest): Upstream | undefined {
    const host: Host | undefined = pickHost(cluster.hosts.values(), {
      nowMs: this.#runtime.nowMs(),
      excluded: excludedHosts(cluster, request),
      hostName: request.hostName,
      hostIds: request.hostIds,
      hashKey: request.hashKey,
      target: request.destination === undefined ? request.target : undefined,
    });
    return host?.connectionFor(request.target)?.open(request);
  }

  #wait(cluster: Cluster, request: UpstreamRequest): Promise<Upstream> {
    if (request.waitMs <= 0) throw this.#failureOf(cluster, request);
    let waiters = this.#waiting.get(cluster.name);
    const count = waiters?.size ?? 0;
    if (count >= this.#maxWaiting) {
      throw new UpstreamError(
        "overloaded",
        `${plural(count, "request waits", "requests wait")} for cluster "${cluster.name}" already`,
      );
    }
    const heldBytes = request.heldBytes ?? 0;
    if (this.#waitingBytes + heldBytes > this.#maxWaitingBytes) {
      throw new UpstreamError(
        "overloaded",
        `The requests that wait for hosts already take ${this.#waitingBytes} bytes`,
      );
    }
    if (waiters === undefined) this.#waiting.set(cluster.name, waiters = new Set());
    this.#waitingBytes += heldBytes;
    this.#stats.holds += 1;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        request,
        resolve,
        reject,
        deadline: this.#runtime.timers.after(request.waitMs, () => {
          this.#forget(cluster.name, waiter);
          this.#stats.holdsExpired += 1;
          reject(this.#failureOf(cluster, request));
        }),
      };
      waiters.add(waiter);
    });
  }

  #failureOf(cluster: Cluster, request: UpstreamRequest): UpstreamError {
    const excluded = excludedHosts(cluster, request);
    const hosts = [...cluster.hosts.values()].filter((host) =>
      (request.hostName === undefined || host.hostName === request.hostName) &&
      request.hostIds?.has(host.id) !== false &&
      !excluded?.has(host.id) && host.mayServe(request.target)
    );
    if (hosts.length > 0 && hosts.every((host) => host.unhealthyTargets.has(request.target))) {
      return new UpstreamError(
        "unhealthy",
        `That target is unhealthy at ${
          hosts.length === 1 ? "the only host" : `all ${hosts.length} hosts`
        } of cluster "${cluster.name}"`,
      );
    }
    const canServe = (host: Host) => host.connections.some((one) => one.serves(request.target));
    if (hosts.length > 0 && !hosts.some(canServe)) {
      const detail = `The hosts of cluster "${cluster.name}" are MOSN agents, which have no ` +
        `target "${request.target}"`;
      return new UpstreamError("noHost", detail);
    }
    if (hosts.length > 0) {
      const detail = hosts.length === 1
        ? `The only host of cluster "${cluster.name}" is busy or draining`
        : `All ${hosts.length} hosts of cluster "${cluster.name}" are busy or draining`;
      return new UpstreamError("busy", detail);
    }
    if (request.excludedHosts === undefined && cluster.hosts.size > 0 && excluded !== undefined) {
      const wanted = request.destination === undefined ? "take datagrams" : "go to destinations";
      return new UpstreamError("noHost", `No host of cluster "${cluster.name}" may ${wanted}`);
    }
    if (request.excludedHosts !== undefined && cluster.hosts.size > 0) {
      return new UpstreamError("noHost", `Every host of cluster "${cluster.name}" failed`);
    }
    if ([...cluster.hosts.values()].some((host) => !host.mayServe(request.target))) {
      return new UpstreamError(
        "noHost",
        `No host of cluster "${cluster.name}" may serve that target`,
      );
    }
    const wanted = request.hostName === undefined ? "host" : `host "${request.hostName}"`;
    return new UpstreamError("noHost", `Cluster "${cluster.name}" has no ${wanted} connected now`);
  }

  #forget(clusterName: string, waiter: Waiter): void {
    waiter.deadline.cancel();
    const waiters = this.#waiting.get(clusterName);
    if (waiters?.delete(waiter)) this.#waitingBytes -= waiter.request.heldBytes ?? 0;
    if (waiters?.size === 0) this.#waiting.delete(clusterName);
  }
}

function hasCapacity(cluster: Cluster): boolean {
  for (const host of cluster.hosts.values()) if (host.isUsable) return true;
  return false;
}

/**
 * Hosts that cannot serve `request`, by their ids: a MOSN agent has its one target and no datagrams,
 * and who may serve certain targets only has no business with destinations.
 */
function excludedHosts(
  cluster: Cluster,
  { excludedHosts, destination, network }: UpstreamRequest,
): ReadonlySet<string> | undefined {
  if (destination === undefined && network === undefined) return excludedHosts;
  const excluded = new Set(excludedHosts);
  for (const { id, connections, permit } of cluster.hosts.values()) {
    const isRaw = connections.some(({ mode }) => mode === "raw");
    const isLimited = destination !== undefined && permit.targets !== undefined;
    if (isRaw || isLimited) excluded.add(id);
  }
  return excluded;
}
