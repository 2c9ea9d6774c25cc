/** What is known of hosts that left: an agent that is gone must not vanish from sight. */

/** A host that left at least once since the server started. */
export interface Departure {
  readonly cluster: string;
  readonly hostName: string;
  /** Where its last connection came from. */
  readonly remoteAddress: string;
  /** Wall clock of its last moment here, ms since 1970. */
  readonly lastSeenMs: number;
  /** Why its last connection ended. */
  readonly reason: string;
  /** Counts the departures of all hosts: the later one has the larger number. */
  readonly number: number;
  /** How often it has left: many times in a short while is a flapping link. */
  readonly times: number;
  /** It has come back since. */
  readonly isBack: boolean;
}

/** Remembers departures, a bounded number: the hosts that left longest ago are forgotten first. */
export class Departures {
  readonly #maxHosts: number;
  readonly #byName = new Map<string, Departure>();
  #count = 0;
  #changes = 0;

  /** @param maxHosts hosts that are remembered; 1,000 by default. */
  constructor(maxHosts = 1000) {
    this.#maxHosts = maxHosts;
  }

  /** Counts up with each departure and return: while it stays, so does all that is asked for here. */
  get changes(): number {
    return this.#changes;
  }

  /** A host's last connection has ended. */
  left(departure: Omit<Departure, "number" | "times" | "isBack">): void {
    const key = keyOf(departure.cluster, departure.hostName);
    const times = (this.#byName.get(key)?.times ?? 0) + 1;
    this.#changes += 1;
    // Behind all others: the map's order is the order of leaving.
    this.#byName.delete(key);
    this.#byName.set(key, { ...departure, number: ++this.#count, times, isBack: false });
    if (this.#byName.size > this.#maxHosts) {
      this.#byName.delete(this.#byName.keys().next().value!);
    }
  }

  /** A host has registered. */
  joined(cluster: string, hostName: string): void {
    const key = keyOf(cluster, hostName);
    const known = this.#byName.get(key);
    if (known === undefined) return;
    this.#changes += 1;
    this.#byName.set(key, { ...known, isBack: true });
  }

  /** Hosts that are away, the one that left last first. */
  away(): Departure[] {
    return [...this.#byName.values()].filter((departure) => !departure.isBack).reverse();
  }

  /** What is known of a host that has left at least once, back or not. */
  of(cluster: string, hostName: string): Departure | undefined {
    return this.#byName.get(keyOf(cluster, hostName));
  }

  /** How often a host has left. */
  timesOf(cluster: string, hostName: string): number {
    return this.of(cluster, hostName)?.times ?? 0;
  }
}

function keyOf(cluster: string, hostName: string): string {
  // No name has a slash.
  return `${cluster}/${hostName}`;
}
