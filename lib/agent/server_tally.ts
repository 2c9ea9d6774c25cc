/**
 * Which servers the agent's connections reach, whatever addresses lead there: several addresses may
 * be one server (IPv4 and IPv6), and one address may be several (a load balancer).
 */

/** Counts connections by the id that a server gives itself; MOSN servers give none and are not here. */
export class ServerTally {
  readonly #connectionNum: number;
  readonly #connections = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #serverCount = 0;
  /** Addresses that the agent dials. */
  addressCount = 0;

  /** @param connectionNum connections wanted to each server. */
  constructor(connectionNum: number) {
    this.#connectionNum = connectionNum;
  }

  /** Servers there are, by what the last one said. */
  get serverCount(): number {
    return this.#serverCount;
  }

  /** True when each server that is said to exist has its connections: nothing to look for. */
  get isSatisfied(): boolean {
    if (this.#connections.size < this.#serverCount) return false;
    for (const count of this.#connections.values()) {
      if (count < this.#connectionNum) return false;
    }
    return true;
  }

  /**
   * True while dialling on may find a server that has too few connections. Not where there is an
   * address for each server: the missing one is then down, or its own address will find it.
   */
  get isSearchWorthwhile(): boolean {
    return this.addressCount < this.#serverCount && !this.isSatisfied;
  }

  /** Connections to a server. */
  countOf(serverId: string): number {
    return this.#connections.get(serverId) ?? 0;
  }

  /** Counts a connection in; false, and not counted, if that server has all it should have. */
  join(serverId: string, serverCount: number): boolean {
    const isMore = serverCount > this.#serverCount;
    this.#serverCount = serverCount;
    const count = this.countOf(serverId);
    const isWanted = count < this.#connectionNum;
    if (isWanted) this.#connections.set(serverId, count + 1);
    if (isMore) this.#changed();
    return isWanted;
  }

  /** Counts a connection out. */
  leave(serverId: string): void {
    const count = this.countOf(serverId);
    if (count > 1) this.#connections.set(serverId, count - 1);
    else this.#connections.delete(serverId);
    this.#changed();
  }

  /** Calls `run` once, when a connection is missing that was not; the result takes that back. */
  onMissing(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  #changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const run of waiting) run();
  }
}
