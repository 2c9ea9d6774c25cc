/** Notices that a file was changed or replaced. */
import type { Timer, TimerWheel } from "../timer.ts";
import { versionOf } from "./private_file.ts";

/** What a change revokes is to be gone within a second. */
const INTERVAL_MS = 250;

/**
 * Looks at a file time and again. Unlike the system's notices this works where the file is a link
 * that is switched (as Kubernetes does), on network file systems, and when it is replaced.
 */
export class FileWatch {
  readonly #path: string;
  readonly #onChange: () => Promise<void>;
  readonly #intervalMs: number;
  readonly #timer: Timer;
  #version: string;
  #work: Promise<void> | undefined;
  #isClosed = false;

  /**
   * @param version of the file as it was read last; "" to be told of the first look.
   * @param onChange must not reject; the file is not looked at before it has settled.
   * @param intervalMs how often it looks, 250 ms by default.
   */
  constructor(
    path: string,
    version: string,
    timers: TimerWheel,
    onChange: () => Promise<void>,
    intervalMs = INTERVAL_MS,
  ) {
    this.#intervalMs = intervalMs;
    this.#path = path;
    this.#version = version;
    this.#onChange = onChange;
    this.#timer = timers.after(intervalMs, () => {
      this.#work = this.#look().finally(() => {
        this.#work = undefined;
        if (!this.#isClosed) this.#timer.restart(this.#intervalMs);
      });
    });
  }

  /** Resolves when nothing is read any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer.cancel();
    await this.#work;
  }

  async #look(): Promise<void> {
    let version = "gone";
    try {
      version = versionOf(await Deno.stat(this.#path));
    } catch {
      // Gone, or out of reach: whoever reads it says so.
    }
    if (version === this.#version || this.#isClosed) return;
    this.#version = version;
    await this.#onChange();
  }
}
