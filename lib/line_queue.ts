/** Lines on their way to a slow, full or closed file: whoever adds one never waits and never fails. */

/** How a queue writes. */
export interface LineQueueOptions {
  /** Writes whole lines; a failure loses those lines and no others. */
  write(text: string): void | Promise<void>;
  /** Lines that may wait while a write is under way; the oldest stay, later ones are dropped. */
  maxWaitingLines: number;
  /** Makes the line that says how many were dropped, written when writing works again. */
  dropNotice(count: number): string;
}

/** Longest wait for what is under way, in ms: a reader that has stopped must not hold up our end. */
const FLUSH_TIMEOUT_MS = 500;

/** A bounded queue in front of one writer; what waits leaves in one write. */
export class LineQueue {
  readonly #options: LineQueueOptions;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #droppedCount = 0;
  /** Drops that no notice has told of yet. */
  #untoldCount = 0;
  #isClosed = false;

  constructor(options: LineQueueOptions) {
    this.#options = options;
  }

  /** Lines lost so far. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Adds a line, with its line feed. */
  push(line: string): void {
    if (this.#isClosed) return;
    if (this.#waiting.length >= this.#options.maxWaitingLines) {
      this.#drop(1);
      return;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all lines so far were written or lost, or when that takes too long. */
  async flush(): Promise<void> {
    if (this.#writing === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_TIMEOUT_MS);
    });
    await Promise.race([this.#writing, timeout]);
    clearTimeout(timer);
  }

  /** Flushes and takes no more. */
  async close(): Promise<void> {
    await this.flush();
    this.#isClosed = true;
    this.#waiting = [];
  }

  async #writeAll(): Promise<void> {
    // One turn later: the lines of this turn leave together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      const untold = this.#untoldCount;
      const notice = untold === 0 ? "" : this.#options.dropNotice(untold);
      try {
        await this.#options.write(lines.join("") + notice);
        this.#untoldCount -= untold;
      } catch {
        // Nothing is left to tell it to: the count is all that can be kept.
        this.#drop(lines.length);
      }
    }
    this.#writing = undefined;
  }

  #drop(count: number): void {
    this.#droppedCount += count;
    this.#untoldCount += count;
  }
}
