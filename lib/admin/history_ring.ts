/** Figures over time, in memory that never grows: a new moment takes the oldest one's place. */

/** Moments, oldest first, and what each of the figures was at them. */
export interface Span {
  /** Of the clock that they were added by, ms. */
  readonly timesMs: readonly number[];
  /** For each figure as many values as moments; null where it was not known. */
  readonly columns: readonly (readonly (number | null)[])[];
}

/**
 * A ring of `size` moments with `width` figures each: 8 + 4 × `width` bytes a moment, taken at once.
 * Figures are kept as 32-bit floats, 7 digits of them.
 */
export class HistoryRing {
  readonly #size: number;
  readonly #width: number;
  readonly #timesMs: Float64Array;
  readonly #figures: Float32Array;
  /** Moments that were ever added: the next one's place is its remainder. */
  #added = 0;

  constructor(size: number, width: number) {
    this.#size = size;
    this.#width = width;
    this.#timesMs = new Float64Array(size);
    this.#figures = new Float32Array(size * width);
  }

  /** Moments that it has. */
  get length(): number {
    return Math.min(this.#added, this.#size);
  }

  /** @param figures NaN for what is not known @throws {RangeError} not as many as the ring's width */
  add(timeMs: number, figures: readonly number[]): void {
    if (figures.length !== this.#width) {
      throw new RangeError(`${figures.length} figures, expected ${this.#width}`);
    }
    const place = this.#added % this.#size;
    this.#timesMs[place] = timeMs;
    this.#figures.set(figures, place * this.#width);
    this.#added += 1;
  }

  /** The moments from `fromMs` on. */
  since(fromMs: number): Span {
    const timesMs: number[] = [];
    const columns = Array.from({ length: this.#width }, (): (number | null)[] => []);
    for (let nth = this.#added - this.length; nth < this.#added; nth++) {
      const place = nth % this.#size;
      const timeMs = this.#timesMs[place]!;
      if (timeMs < fromMs) continue;
      timesMs.push(timeMs);
      columns.forEach((column, i) => {
        const value = this.#figures[place * this.#width + i]!;
        column.push(Number.isNaN(value) ? null : value);
      });
    }
    return { timesMs, columns };
  }
}
