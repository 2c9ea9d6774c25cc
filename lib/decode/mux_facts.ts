/** Which streams of a session are for control. */

/** Control streams of a connection; there should be one. */
const MAX_CONTROLS = 1024;

/** What both directions of a session must know of each other. */
export class MuxFacts {
  readonly #controls = new Set<number>();

  addControl(id: number): void {
    if (this.#controls.size < MAX_CONTROLS) this.#controls.add(id);
  }

  isControl(id: number): boolean {
    return this.#controls.has(id);
  }
}
