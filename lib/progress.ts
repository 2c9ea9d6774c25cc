/** Shows on a terminal how far long work has come, in one line that is taken away again. */

/** Where it is shown: stderr, so that results stay what they are. */
export interface ProgressOutput {
  /** Nothing is ever shown elsewhere. */
  readonly isTerminal: boolean;
  /** Characters that a line holds. */
  readonly width?: number | undefined;
  write(text: string): unknown;
}

const INTERVAL_MS = 200;
/** What is over sooner needs no word. */
const DELAY_MS = 500;
const BAR_WIDTH = 30;
/** Terminals that do not say how wide they are. */
const USUAL_WIDTH = 80;
/** Work of less bytes than this is over before a bar helps. */
const MIN_BYTES = 32 << 20;
const ERASE_LINE = "\r\x1b[K";

/** One line, drawn over itself. Has no colours. */
export class ProgressLine implements Disposable {
  readonly #output: ProgressOutput;
  #lastMs = -INTERVAL_MS;
  #isDrawn = false;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  /** Draws it, unless it was drawn a moment ago. */
  async draw(text: string): Promise<void> {
    if (!this.#output.isTerminal) return;
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < INTERVAL_MS) return;
    this.#lastMs = nowMs;
    this.#isDrawn = true;
    await this.#output.write(`${ERASE_LINE}${this.#cut(text)}`);
  }

  /** Draws it again and again by itself, after a moment, until it is cleared. */
  follow(text: (elapsedMs: number) => string): void {
    clearInterval(this.#ticking);
    if (!this.#output.isTerminal) return;
    const startMs = performance.now();
    this.#ticking = setInterval(() => {
      const elapsedMs = performance.now() - startMs;
      if (elapsedMs >= DELAY_MS) void this.draw(text(elapsedMs));
    }, INTERVAL_MS);
  }

  /** Takes it away, before something else is printed and at the end. */
  async clear(): Promise<void> {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    await this.#output.write(ERASE_LINE);
  }

  [Symbol.dispose](): void {
    void this.clear();
  }

  /** A line that wraps could not be drawn over. */
  #cut(text: string): string {
    const room = (this.#output.width ?? USUAL_WIDTH) - 1;
    const characters = [...text];
    if (characters.length <= room) return text;
    return `${characters.slice(0, Math.max(0, room - 1)).join("")}…`;
  }
}

/**
 * Writes `label [#####.....] 50 %, details`; without the bar where the line has no room for it.
 *
 * @param part 0 to 1.
 */
export function progressText(
  label: string,
  part: number,
  details: string,
  width: number = USUAL_WIDTH,
): string {
  const share = Math.min(Math.max(part, 0), 1);
  const numbers = `${(share * 100).toFixed(0)} %, ${details}`;
  const room = Math.min(BAR_WIDTH, width - label.length - numbers.length - " [] ".length - 1);
  if (room < 5) return `${label} ${numbers}`;
  const bar = "#".repeat(Math.round(share * room)).padEnd(room, ".");
  return `${label} [${bar}] ${numbers}`;
}

/** The progress of work that is counted in bytes. */
export class ByteProgress {
  readonly #output: ProgressOutput;
  readonly #line: ProgressLine;
  readonly #label: string;
  readonly #totalBytes: number | undefined;
  readonly #startMs = performance.now();
  #doneBytes = 0;

  /** @param totalBytes undefined where nobody knows: then only bytes and speed are shown. */
  constructor(output: ProgressOutput, label: string, totalBytes: number | undefined) {
    this.#output = output;
    this.#line = new ProgressLine(output);
    this.#label = label;
    this.#totalBytes = totalBytes;
  }

  /** Counts bytes that are done. */
  async advance(bytes: number): Promise<void> {
    this.#doneBytes += bytes;
    if ((this.#totalBytes ?? this.#doneBytes) < MIN_BYTES) return;
    await this.#line.draw(this.#text());
  }

  async clear(): Promise<void> {
    await this.#line.clear();
  }

  #text(): string {
    const megabytes = this.#doneBytes / 1e6;
    const speed = megabytes / ((performance.now() - this.#startMs) / 1000);
    const done = `${megabytes.toFixed(0)} MB, ${speed.toFixed(0)} MB/s`;
    if (this.#totalBytes === undefined) return `${this.#label} ${done}`;
    const part = this.#doneBytes / this.#totalBytes;
    return progressText(this.#label, part, done, this.#output.width);
  }
}
