/** What an operator has set for a host, which outlives its connections: it counts when it returns. */

/** Undefined where the agent's own word counts. */
export interface HostOverride {
  readonly weight?: number;
  readonly isDrained?: boolean;
}

/** Nothing is set: the same object each time, so that what is set can be compared. */
const NOTHING: HostOverride = {};

/** An override and whose it is. */
export interface NamedOverride extends HostOverride {
  readonly cluster: string;
  readonly host: string;
}

/** An operator's word on hosts, by name. */
export class HostOverrides {
  readonly #maxHosts: number;
  readonly #byName = new Map<string, HostOverride>();
  #changes = 0;

  /** @param maxHosts hosts that something can be set for; 10,000 by default. */
  constructor(maxHosts = 10_000) {
    this.#maxHosts = maxHosts;
  }

  /** Counts up with each word: while it stays, so does all that is set. */
  get changes(): number {
    return this.#changes;
  }

  /** What is set, another object when it has changed; an empty one if nothing is. */
  of(cluster: string, hostName: string): HostOverride {
    return this.#byName.get(`${cluster}/${hostName}`) ?? NOTHING;
  }

  /** All that is set. */
  list(): NamedOverride[] {
    return [...this.#byName].map(([key, override]) => {
      // No name has a slash.
      const slash = key.indexOf("/");
      return { cluster: key.slice(0, slash), host: key.slice(slash + 1), ...override };
    });
  }

  /** Forgets all that is set. */
  clear(): void {
    this.#byName.clear();
    this.#changes += 1;
  }

  /**
   * Adds to what is set; an undefined value takes its setting back.
   *
   * @throws {RangeError} something is set for as many hosts as may be.
   */
  set(
    cluster: string,
    hostName: string,
    change: { weight?: number | undefined; isDrained?: boolean | undefined },
  ): void {
    const key = `${cluster}/${hostName}`;
    this.#changes += 1;
    const { weight, isDrained } = { ...this.#byName.get(key), ...change };
    if (weight === undefined && isDrained === undefined) {
      this.#byName.delete(key);
      return;
    }
    if (!this.#byName.has(key) && this.#byName.size >= this.#maxHosts) {
      throw new RangeError(`${this.#byName.size} hosts have settings of their own already`);
    }
    this.#byName.set(key, {
      ...(weight !== undefined && { weight }),
      ...(isDrained !== undefined && { isDrained }),
    });
  }
}
