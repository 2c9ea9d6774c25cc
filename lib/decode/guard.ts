/** What all inputs have in common: after the first error nothing more is read. */
import { DecodeError } from "../errors.ts";
import type { CaptureEvents } from "./capture_input.ts";

/** Runs parsers until one fails. */
export class Guard {
  readonly #events: CaptureEvents;
  #hasFailed = false;

  constructor(events: CaptureEvents) {
    this.#events = events;
  }

  /** Runs `work` unless something failed before; reports the DecodeError that it throws. */
  run(work: () => void): void {
    if (this.#hasFailed) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#hasFailed = true;
      this.#events.error(error, undefined);
    }
  }
}
