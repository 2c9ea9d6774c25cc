/** The servers of an agent: names to addresses, addresses to peers, each started exactly once. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { AgentPeer } from "./agent_peer.ts";
import type { PeerDeps } from "./agent_peer.ts";
import { NameWatch } from "./name_watch.ts";
import type { ServerTally } from "./server_tally.ts";

/** Addresses that are dialled at most: what a name or a lister gives beyond is left out. */
const MAX_PEERS = 256;

/** A server as it was written, and what its name resolves to. */
interface NamedServer {
  readonly server: Address;
  readonly watch: NameWatch;
  /** Its name is looked up here, not by a proxy. */
  readonly isResolved: boolean;
  addresses: readonly Address[];
}

/** What a set of peers needs of its agent. */
export interface PeerSetDeps extends PeerDeps {
  /** Gives the IP addresses of a name. @throws {DialError} */
  resolve(host: string, timeoutMs: number): Promise<string[]>;
}

/** Peers by their addresses, kept as the list of servers says. */
export class PeerSet {
  #deps: PeerSetDeps;
  /** Servers as their user or a lister wrote them. */
  readonly #names = new Map<string, NamedServer>();
  readonly #peers = new Map<string, AgentPeer>();
  /** Peers that were taken out and still have work in flight. */
  readonly #leaving = new Set<AgentPeer>();
  /** Peers that leave as soon as their successor, the key, is connected. */
  readonly #successions = new Map<AgentPeer, AgentPeer>();
  /** Servers that go by their name now and went by addresses before, or the other way round. */
  readonly #renamed = new Set<string>();
  #isStopping = false;
  /** Half of a new list must not count: an address that moves to another name stays. */
  #isUpdating = false;
  #wasCut = false;

  constructor(deps: PeerSetDeps) {
    this.#deps = this.#withTally(deps, deps.tally);
  }

  /** Peers that are kept up. */
  get peers(): Iterable<AgentPeer> {
    return this.#peers.values();
  }

  /** Every server is known to refuse this agent for good, or was given up. */
  get isHopeless(): boolean {
    if (this.#isStopping || this.#names.size === 0) return false;
    for (const { watch, addresses } of this.#names.values()) {
      if (!watch.isGivenUp && (addresses.length === 0 || watch.isFailing)) return false;
    }
    for (const peer of this.#peers.values()) {
      if (!peer.isRefused && !peer.isGivenUp) return false;
    }
    // What the servers refuse is another configuration than the one that is still at work.
    for (const old of this.#successions.values()) if (old.connections.size > 0) return false;
    return true;
  }

  /** Why a name that was given up did not resolve. */
  get lookupError(): Error | undefined {
    return [...this.#names.values()].find(({ watch }) => watch.isGivenUp)?.watch.lastError;
  }

  /** Sets which servers there are: new ones are dialled, gone ones closed gracefully. */
  setServers(servers: readonly Address[]): void {
    if (this.#isStopping) return;
    const wanted = new Map(servers.map((server) => [formatAddress(server), server]));
    this.#isUpdating = true;
    const isResolved = this.#deps.config.proxy === undefined;
    const renamed = new Map<string, readonly Address[]>();
    for (const [name, entry] of this.#names) {
      const isWanted = wanted.has(name);
      if (isWanted && entry.isResolved === isResolved) continue;
      entry.watch.close();
      this.#names.delete(name);
      if (isWanted) renamed.set(name, entry.addresses);
      else this.#renamed.delete(name);
    }
    for (const name of renamed.keys()) this.#renamed.add(name);
    for (const [name, server] of wanted) {
      if (!this.#names.has(name)) this.#watch(name, server, renamed.get(name) ?? []);
    }
    this.#isUpdating = false;
    this.#apply();
  }

  /**
   * Puts a new peer in the place of each, which goes by the configuration of now. The old one
   * leaves when the new one is connected: the servers are never without this agent.
   *
   * @param tally counts the new ones' connections.
   */
  renew(tally: ServerTally): void {
    if (this.#isStopping) return;
    this.#deps = this.#withTally(this.#deps, tally);
    tally.addressCount = this.#peers.size;
    for (const [key, old] of this.#peers) {
      const peer = new AgentPeer(old.address, old.server, this.#deps);
      this.#peers.set(key, peer);
      this.#leaving.add(old);
      const predecessor = this.#successions.get(old);
      this.#successions.delete(old);
      this.#successions.set(peer, predecessor ?? old);
      // It has not got as far as to be missed.
      if (predecessor !== undefined) this.#stop(old);
      peer.start();
    }
    this.#succeed();
  }

  /** Stops all peers gracefully, side by side; resolves when the last connection is gone. */
  async stop(timeoutMs: number): Promise<void> {
    this.#isStopping = true;
    for (const { watch } of this.#names.values()) watch.close();
    const all = [...this.#peers.values(), ...this.#leaving];
    await Promise.all(all.map((peer) => peer.stop(timeoutMs, "host")));
  }

  /** Closes everything at once. */
  close(): void {
    this.#isStopping = true;
    for (const { watch } of this.#names.values()) watch.close();
    for (const peer of [...this.#peers.values(), ...this.#leaving]) peer.close();
  }

  /** The same in all else, as it is at each time. */
  #withTally(deps: PeerSetDeps, tally: ServerTally): PeerSetDeps {
    const peerChanged = () => {
      this.#succeed();
      deps.peerChanged();
    };
    return Object.create(deps, { tally: { value: tally }, peerChanged: { value: peerChanged } });
  }

  /** Lets peers go whose successors are connected, and those that have nothing to lose. */
  #succeed(): void {
    for (const [peer, old] of this.#successions) {
      if (peer.connections.size === 0 && old.connections.size > 0) continue;
      this.#successions.delete(peer);
      this.#stop(old);
    }
  }

  /** @param addresses what counts until the name is looked up. */
  #watch(name: string, server: Address, addresses: readonly Address[]): void {
    const { runtime, resolve } = this.#deps;
    const settings = () => this.#deps.config;
    const isResolved = settings().proxy === undefined;
    const watch = new NameWatch(server, {
      runtime,
      resolve,
      isResolved,
      get intervalMs() {
        return settings().resolveIntervalMs;
      },
      get retryBaseMs() {
        return settings().reconnectBaseMs;
      },
      get retryMaxMs() {
        return settings().reconnectMaxMs;
      },
      get retryTimes() {
        return settings().connectRetryTimes;
      },
      onGivenUp: () => this.#deps.peerChanged(),
      onAddresses: (addresses) => {
        if (this.#names.get(name) !== entry) return;
        entry.addresses = addresses;
        this.#apply();
      },
    });
    const entry: NamedServer = { server, watch, isResolved, addresses };
    this.#names.set(name, entry);
    watch.start();
  }

  /** Makes the peers what the names' addresses say. */
  #apply(): void {
    if (this.#isStopping || this.#isUpdating) return;
    const wanted = new Map<string, { address: Address; server: Address }>();
    for (const { server, addresses } of this.#names.values()) {
      for (const address of addresses) {
        const key = formatAddress(address);
        if (!wanted.has(key)) wanted.set(key, { address, server });
      }
    }
    this.#cut(wanted);
    const gone = [...this.#peers].filter(([key]) => !wanted.has(key));
    const heirs = new Map<string, AgentPeer>();
    this.#deps.tally.addressCount = wanted.size;
    for (const [key, { address, server }] of wanted) {
      if (this.#peers.has(key)) continue;
      // In the map before it starts: a peer that is still connecting is not started again.
      const peer = new AgentPeer(address, server, this.#deps);
      this.#peers.set(key, peer);
      const name = formatAddress(server);
      if (this.#renamed.delete(name)) heirs.set(name, peer);
      peer.start();
    }
    for (const [key, peer] of gone) this.#retire(key, peer, heirs.get(formatAddress(peer.server)));
  }

  #cut(wanted: Map<string, unknown>): void {
    if (wanted.size <= MAX_PEERS) {
      this.#wasCut = false;
      return;
    }
    if (!this.#wasCut) {
      this.#deps.runtime.log.error(
        "servers.too_many",
        `More than ${MAX_PEERS} server addresses; the rest is left out`,
        { addresses: wanted.size },
      );
    }
    this.#wasCut = true;
    // Those that are connected stay before others come.
    const known = [...wanted.keys()].filter((key) => this.#peers.has(key));
    const fresh = [...wanted.keys()].filter((key) => !this.#peers.has(key));
    for (const key of [...known, ...fresh].slice(MAX_PEERS)) wanted.delete(key);
  }

  /** @param heir leads to the same server by another address: one peer stays until that is connected. */
  #retire(key: string, peer: AgentPeer, heir: AgentPeer | undefined): void {
    this.#peers.delete(key);
    this.#leaving.add(peer);
    const old = this.#successions.get(peer);
    this.#successions.delete(peer);
    if (heir !== undefined && !this.#successions.has(heir)) {
      this.#successions.set(heir, old ?? peer);
      if (old !== undefined) this.#stop(peer);
      return;
    }
    this.#deps.runtime.log.info("server.removed", "The server left the list; closing gracefully", {
      server: key,
    });
    if (old !== undefined) this.#stop(old);
    this.#stop(peer);
  }

  #stop(peer: AgentPeer): void {
    void peer.stop(this.#deps.config.drainTimeoutMs, "connection").then(() => {
      this.#leaving.delete(peer);
      this.#deps.peerChanged();
    });
  }
}
