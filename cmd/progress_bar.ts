/** Shows on a terminal how far long work has come. */
import type { Output } from "./command.ts";

/** Work of less than this is over before a bar helps. */
const MIN_BYTES = 32 << 20;
const INTERVAL_MS = 200;
const WIDTH = 30;
const ERASE_LINE = "\r\x1b[K";

/** A bar of work counted in bytes; silent where nobody would see it. */
export class ProgressBar {
  readonly #output: Output;
  readonly #label: string;
  readonly #totalBytes: number | undefined;
  readonly #isShown: boolean;
  readonly #startMs = performance.now();
  #doneBytes = 0;
  #lastMs = -INTERVAL_MS;
  #isDrawn = false;

  /** @param totalBytes undefined where nobody knows: then only bytes and speed are shown. */
  constructor(output: Output, label: string, totalBytes: number | undefined) {
    this.#output = output;
    this.#label = label;
    this.#totalBytes = totalBytes;
    this.#isShown = output.isTerminal && (totalBytes === undefined || totalBytes >= MIN_BYTES);
  }

  /** Counts bytes that are done, and draws the bar now and then. */
  async advance(bytes: number): Promise<void> {
    this.#doneBytes += bytes;
    if (!this.#isShown || this.#doneBytes < MIN_BYTES && this.#totalBytes === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < INTERVAL_MS) return;
    this.#lastMs = nowMs;
    this.#isDrawn = true;
    await this.#output.write(`${ERASE_LINE}${this.#text(nowMs)}`);
  }

  /** Takes the bar away, before something else is printed and at the end. */
  async clear(): Promise<void> {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    await this.#output.write(ERASE_LINE);
  }

  #text(nowMs: number): string {
    const megabytes = this.#doneBytes / 1e6;
    const speed = `${(megabytes / ((nowMs - this.#startMs) / 1000)).toFixed(0)} MB/s`;
    const done = `${megabytes.toFixed(0)} MB`;
    if (this.#totalBytes === undefined) return `${this.#label} ${done}, ${speed}`;
    const part = Math.min(this.#doneBytes / this.#totalBytes, 1);
    const bar = "#".repeat(Math.round(part * WIDTH)).padEnd(WIDTH, ".");
    return `${this.#label} [${bar}] ${(part * 100).toFixed(0)} %, ${done}, ${speed}`;
  }
}
