/** Which streams a peer has opened: each id once, nearly in order. */

/**
 * Ids that may be opened behind a higher one. Go's yamux gives out an id and sends the opening in
 * two steps, so openings of different goroutines overtake each other; at most 256 are on their way.
 */
const MAX_LATE_IDS = 256;

/** The ids of one side's streams: odd ones or even ones. */
export class PeerIds {
  #last: number;
  /** Below the last one, and not opened so far; the lowest come first. */
  readonly #late = new Set<number>();

  /** @param first the lowest id of that side, 1 or 2. */
  constructor(first: 1 | 2) {
    this.#last = first - 2;
  }

  /** Takes an opening; false if that id was used already. */
  open(id: number): boolean {
    if (id <= this.#last) return this.#late.delete(id);
    // An id that was left out long ago is as good as used.
    for (let late = Math.max(this.#last + 2, id - 2 * MAX_LATE_IDS); late < id; late += 2) {
      this.#late.add(late);
    }
    this.#last = id;
    for (const oldest of this.#late) {
      if (this.#late.size <= MAX_LATE_IDS) break;
      this.#late.delete(oldest);
    }
    return true;
  }

  /** True if a stream of that id was opened, whatever has become of it. */
  wasOpened(id: number): boolean {
    return id <= this.#last && !this.#late.has(id);
  }
}
