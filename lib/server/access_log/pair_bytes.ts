/** A part of a line that is the same for many lines, one after the other. */

const utf8 = new TextEncoder();

/** Bytes made of two texts, kept while both stay what they are. */
export class PairBytes<First, Second> {
  readonly #make: (first: First, second: Second) => string;
  #first: First | undefined;
  #second: Second | undefined;
  #bytes: Uint8Array | undefined;

  constructor(make: (first: First, second: Second) => string) {
    this.#make = make;
  }

  of(first: First, second: Second): Uint8Array {
    if (this.#bytes === undefined || first !== this.#first || second !== this.#second) {
      this.#first = first;
      this.#second = second;
      this.#bytes = utf8.encode(this.#make(first, second));
    }
    return this.#bytes;
  }
}
