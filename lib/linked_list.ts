/**
 * A list for what comes and goes by the thousand a second, whose members carry their own links.
 *
 * Not a `Set` or a `Map`: V8 moves what is in one of those to a new table now and then, and links
 * the old table to the new one. Once one of them has grown old, everything that was ever in a later
 * one lives until the next collection of the whole heap (docs/performance.md).
 */

/** A member of one list at most. */
export interface Linked<T> {
  /** The list's affair. */
  previous: T | undefined;
  next: T | undefined;
}

/** Members in the order of their entry. */
export class LinkedList<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  /** Puts `member`, which must be in no list, at the end. */
  append(member: T): void {
    const last = this.#last;
    member.previous = last;
    if (last === undefined) this.#first = member;
    else last.next = member;
    this.#last = member;
    this.#size += 1;
  }

  /** Takes `member` out; no harm if it is in no list. */
  remove(member: T): void {
    const { previous, next } = member;
    if (previous === undefined && this.#first !== member) return;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // What is gone must hold on to nobody.
    member.previous = member.next = undefined;
    this.#size -= 1;
  }

  /** All members, from first to last; the one that is visited may be removed, others not. */
  *[Symbol.iterator](): Generator<T> {
    for (let member = this.#first; member !== undefined;) {
      const { next } = member;
      yield member;
      member = next;
    }
  }
}
