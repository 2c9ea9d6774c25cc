/** Clusters, their hosts, and the hosts' connections: pure data that knows no socket. */
import type { Permit } from "../auth/permit.ts";
import type { InitInfo } from "../codec/message.ts";
import { Host } from "./host.ts";
import type { HostConnection } from "./host.ts";
import { HostOverrides } from "./host_overrides.ts";
import { NO_SLOW_START, slowStartMs } from "./slow_start.ts";
import type { SlowStart } from "./slow_start.ts";

/** A named group of hosts. */
export interface Cluster {
  readonly name: string;
  /** By host id. */
  readonly hosts: Map<string, Host>;
  /** Declared in the configuration: there even while it has no host. */
  isDeclared: boolean;
}

/** A host that registers. */
export interface Registration {
  info: InitInfo;
  permit: Permit;
  /** Address that the server sees, which names a MOSN agent's connection. */
  remoteAddress: string;
}

/** What a registry goes by. */
export interface RegistryOptions {
  /** Declared clusters. */
  readonly clusters: readonly string[];
  /** Any cluster name may be registered. */
  readonly isOpen: boolean;
  readonly slowStart: SlowStart;
}

/** Clusters without hosts that are remembered, so that requests wait for their hosts to return. */
const MAX_EMPTY_CLUSTERS = 1000;

/** Who is there. */
export class Registry {
  /** What an operator has set for hosts, those that are away too. */
  readonly overrides: HostOverrides = new HostOverrides();
  readonly #clusters = new Map<string, Cluster>();
  /** Undeclared clusters without hosts, the one that lost its last one first in front. */
  readonly #empty = new Set<Cluster>();
  #isOpen = false;
  #slowStart = NO_SLOW_START;
  readonly #onChange: (cluster: Cluster) => void;
  /** Called when a host or a connection came or left, or a host's standing is another. */
  onNews: (() => void) | undefined;

  /** @param options `onChange` is called when a cluster got capacity: a connection was added. */
  constructor(options: RegistryOptions & { onChange: (cluster: Cluster) => void }) {
    this.#onChange = options.onChange;
    this.configure(options);
  }

  /** Goes by other rules from now on; hosts that are there stay, whatever their cluster. */
  configure({ clusters, isOpen, slowStart }: RegistryOptions): void {
    this.#isOpen = isOpen;
    this.#slowStart = slowStart;
    const declared = new Set(clusters);
    for (const cluster of this.#clusters.values()) {
      cluster.isDeclared = declared.has(cluster.name);
      if (cluster.isDeclared) this.#empty.delete(cluster);
      else if (cluster.hosts.size === 0) this.#keepEmpty(cluster);
    }
    for (const name of declared) this.#clusterFor(name).isDeclared = true;
  }

  /** By name, in the order of their coming. */
  get clusters(): ReadonlyMap<string, Cluster> {
    return this.#clusters;
  }

  /** Hosts in all clusters. */
  get hostCount(): number {
    let count = 0;
    for (const cluster of this.#clusters.values()) count += cluster.hosts.size;
    return count;
  }

  /** Agents may register in a cluster of this name. */
  allows(clusterName: string): boolean {
    return this.#isOpen || this.#clusters.get(clusterName)?.isDeclared === true;
  }

  /**
   * The host that a registration belongs to, made if it is new. Connections of one agent process
   * under one host name are one host; a MOSN agent sends no id, so each of its connections is one.
   * Whoever asks has made sure that it belongs to nobody else, by {@link rivalOf}.
   */
  hostFor(registration: Registration, nowMs: number): Host {
    const { info, permit, remoteAddress } = registration;
    const hostName = info.hostName === "" ? remoteAddress : info.hostName;
    const id = info.hello === undefined ? remoteAddress : `${hostName}/${info.hello.agentId}`;
    const host = this.#clusters.get(info.clusterName)?.hosts.get(id);
    if (host !== undefined) {
      host.declared(info.weight);
      host.follow(permit);
      // A connection made after the agent's settings have changed says so.
      host.targets = info.hello?.targets ?? {};
      return host;
    }
    const fresh = new Host({
      id,
      cluster: info.clusterName,
      hostName,
      givenName: info.hostName,
      permit,
      weight: info.weight,
      nowMs,
      slowStartMs: slowStartMs(this.#slowStart, info.clusterName),
      targets: info.hello?.targets,
    });
    fresh.override = this.overrides.of(info.clusterName, hostName);
    return fresh;
  }

  /** A host that bears this name in its cluster and belongs to another identity. */
  rivalOf(info: InitInfo, identity: string): Host | undefined {
    if (info.hostName === "") return undefined;
    for (const host of this.#clusters.get(info.clusterName)?.hosts.values() ?? []) {
      // A name taken while nobody had to show anything belongs to nobody.
      const isOwned = host.identity !== "" && host.identity !== identity;
      if (host.hostName === info.hostName && isOwned) return host;
    }
    return undefined;
  }

  /**
   * Gives `connection` to `host`; the host is registered if it was not. Whatever else goes by its
   * name is asked for life: an agent that comes back is the first sign that its old connections are
   * dead. Those that are not stay, and share.
   */
  add(host: Host, connection: HostConnection): void {
    const cluster = this.#clusterFor(host.cluster);
    if (cluster.hosts.has(host.id)) {
      for (const older of host.connections) older.doubt();
    } else {
      for (const other of cluster.hosts.values()) {
        if (other.hostName !== host.hostName) continue;
        for (const older of other.connections) older.doubt();
      }
      cluster.hosts.set(host.id, host);
      this.#empty.delete(cluster);
    }
    host.connections.push(connection);
    this.#onChange(cluster);
    this.onNews?.();
  }

  /** A host of a cluster may take work that it did not take before: who waits is to be served. */
  capacityChanged(clusterName: string): void {
    const cluster = this.#clusters.get(clusterName);
    if (cluster !== undefined) this.#onChange(cluster);
    this.onNews?.();
  }

  /** Takes a connection away; its host goes with its last one. True if it did. */
  remove(host: Host, connection: HostConnection): boolean {
    const index = host.connections.indexOf(connection);
    if (index !== -1) host.connections.splice(index, 1);
    this.onNews?.();
    if (host.connections.length > 0) return false;
    const cluster = this.#clusters.get(host.cluster);
    if (cluster?.hosts.get(host.id) !== host) return false;
    cluster.hosts.delete(host.id);
    if (cluster.hosts.size === 0 && !cluster.isDeclared) this.#keepEmpty(cluster);
    return true;
  }

  #clusterFor(name: string): Cluster {
    let cluster = this.#clusters.get(name);
    if (cluster === undefined) {
      cluster = { name, hosts: new Map(), isDeclared: false };
      this.#clusters.set(name, cluster);
    }
    return cluster;
  }

  #keepEmpty(cluster: Cluster): void {
    this.#empty.add(cluster);
    if (this.#empty.size <= MAX_EMPTY_CLUSTERS) return;
    const [oldest] = this.#empty;
    this.#empty.delete(oldest!);
    this.#clusters.delete(oldest!.name);
  }
}
