/** A set that knows its oldest member at no cost. */

/**
 * Members in the order in which they came. A plain Set finds its first one by stepping over all
 * that were deleted since it last grew: a flood of short connections would cost their square.
 */
export class AgingSet<T> {
  readonly #members = new Set<T>();
  #order: T[] = [];
  #start = 0;

  get size(): number {
    return this.#members.size;
  }

  add(member: T): void {
    if (this.#members.has(member)) return;
    this.#members.add(member);
    this.#order.push(member);
  }

  delete(member: T): void {
    this.#members.delete(member);
    // What is deleted leaves the order when it is its turn, or once that is mostly made of such.
    if (this.#order.length <= 2 * this.#members.size + 1024) return;
    this.#order = [...this.#members];
    this.#start = 0;
  }

  /** The member that came first; undefined if there is none. */
  get oldest(): T | undefined {
    while (this.#start < this.#order.length) {
      const member = this.#order[this.#start]!;
      if (this.#members.has(member)) return member;
      this.#start += 1;
    }
    return undefined;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#members.values();
  }
}
