/** When clients ask: at a rate, and not while everything is looked at. */

/** Gives each of `clients` its turn. */
export class Pace {
  readonly #intervalMs: number;
  readonly #clients: number;
  #idle = 0;
  #paused: PromiseWithResolvers<void> | undefined;
  #onIdle: (() => void) | undefined;

  /** @param perSecond requests a second of all clients together; undefined for as many as go. */
  constructor(clients: number, perSecond: number | undefined) {
    this.#clients = clients;
    this.#intervalMs = perSecond === undefined ? 0 : clients / perSecond * 1000;
  }

  /**
   * Waits for the next turn of a client whose last one began at `lastMs`.
   *
   * @param onPause called if there is a pause before it: nothing of the client may be left then.
   * @returns true if there was one.
   */
  async turn(lastMs: number, onPause: () => void): Promise<boolean> {
    const restMs = lastMs + this.#intervalMs - performance.now();
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    if (this.#paused === undefined) return false;
    onPause();
    this.#idle += 1;
    if (this.#idle === this.#clients) this.#onIdle?.();
    await this.#paused.promise;
    this.#idle -= 1;
    return true;
  }

  /** Resolves when no client asks any more, until `resume()`. */
  pause(): Promise<void> {
    this.#paused = Promise.withResolvers();
    return new Promise((resolve) => this.#onIdle = resolve);
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }
}
