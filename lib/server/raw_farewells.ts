/**
 * What MOSN agents say before they stop. Their frame names local addresses, which behind NAT a
 * server never sees, and comes on a connection that says nothing of who sends it.
 */
import type { Address } from "../address.ts";
import type { GracefulClose } from "../codec/message.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { Host } from "./host.ts";
import type { Registry } from "./registry.ts";
import type { ServerStats } from "./stats.ts";

/**
 * A host that is still connected this long after a farewell was not the one that said it: a MOSN
 * agent stops after 15 s by default.
 */
const STILL_HERE_MS = 60_000;

/** Takes farewells for the hosts at their sender's address, and for those alone. */
export class RawFarewells {
  readonly #registry: Registry;
  readonly #runtime: Runtime;
  readonly #stats: ServerStats;
  readonly #timers = new Set<Timer>();

  constructor(registry: Registry, runtime: Runtime, stats: ServerStats) {
    this.#registry = registry;
    this.#runtime = runtime;
    this.#stats = stats;
  }

  /** Hosts of MOSN agents at `ip`. */
  hostsAt(ip: string): Host[] {
    const hosts: Host[] = [];
    for (const cluster of this.#registry.clusters.values()) {
      for (const host of cluster.hosts.values()) {
        const isThere = host.connections.some((connection) =>
          connection.mode === "raw" && ipOfText(connection.remoteAddress) === ip
        );
        if (isThere) hosts.push(host);
      }
    }
    return hosts;
  }

  /** A MOSN agent at `ip` stops: the hosts that it means get no new work. */
  take(message: GracefulClose, ip: string): void {
    const hosts = this.hostsAt(ip).filter((host) => host.cluster === message.clusterName);
    const leaving = meantBy(message, hosts).filter((host) => !host.isDraining);
    if (leaving.length === 0) {
      this.#stats.gracefulClosesIgnored += 1;
      return;
    }
    for (const host of leaving) {
      host.isDraining = true;
      this.#stats.gracefulCloses += 1;
      this.#runtime.log.info("host.draining", "A MOSN agent stops: no new work for it", {
        cluster: host.cluster,
        host: host.hostName,
      });
    }
    this.#registry.onNews?.();
    const timer = this.#runtime.timers.after(STILL_HERE_MS, () => {
      this.#timers.delete(timer);
      for (const host of leaving) this.#takeBack(host);
    });
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #takeBack(host: Host): void {
    if (host.connections.length === 0) return;
    host.isDraining = false;
    this.#registry.capacityChanged(host.cluster);
    this.#runtime.log.info("host.stays", "It did not leave: it gets work again", {
      cluster: host.cluster,
      host: host.hostName,
    });
  }
}

/**
 * The hosts that a farewell names; behind NAT those of the named ports, which most NATs keep where
 * they can, else all at that address.
 */
function meantBy(message: GracefulClose, hosts: Host[]): Host[] {
  const named = hosts.filter((host) => message.addresses.includes(host.id));
  if (named.length > 0) return named;
  const ports = new Set(message.addresses.map(portOf));
  const ofPorts = hosts.filter((host) => ports.has(portOf(host.id)));
  return ofPorts.length > 0 ? ofPorts : hosts;
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}

/** Connections are counted by address; those of a Unix socket have one in common. */
export function ipOf(address: Address): string {
  return address.kind === "tcp" ? address.host : "unix";
}

/** The same for "ip:port" or "[ip]:port". */
function ipOfText(address: string): string {
  return address.startsWith("unix:")
    ? "unix"
    : address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}
