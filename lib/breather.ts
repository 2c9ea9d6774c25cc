/** Long work on a thread that others need too. */

/** How long work goes on before others have their turn, ms. */
const SLICE_MS = 4;

/** Tells work when to let others go on: `if (breather.isDue) await breather.breathe();` */
export class Breather {
  #sinceMs = performance.now();

  /** It has gone on for some milliseconds. */
  get isDue(): boolean {
    return performance.now() - this.#sinceMs > SLICE_MS;
  }

  /** Resolves when what was waiting has been done. */
  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    this.#sinceMs = performance.now();
  }
}
