/** Lines of bytes on their way to a file: written in place, handed over by the buffer. */
import type { Timer, TimerWheel } from "../../timer.ts";

/** How a buffer is emptied. */
export interface LineBufferOptions {
  /** Appends bytes, all or as many as it can. Rejects when not all of them could be. */
  write(bytes: Uint8Array): Promise<void>;
  readonly timers: TimerWheel;
  /** Called with the first of some failures, and with undefined when writing works again. */
  onFailure(error: Error | undefined): void;
  /** Bytes that may wait while as many are being written; 256 KiB by default. */
  maxBytes?: number;
}

/** Below this a loop is faster than a view and a call. */
const LOOP_BYTES = 64;
/** What is counted in 32 bits. */
const MAX_SMALL = 0x3fffffff;
/** A line waits at most this long for more to go with it, ms. */
const FLUSH_MS = 200;
const DEFAULT_BYTES = 256 << 10;
/** How long the last lines may take at the end, ms: a reader that has stopped must not hold it up. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * Two buffers of bytes: one takes lines while the other is written. Whoever adds a line never waits:
 * without room it is dropped and counted.
 */
export class LineBuffer {
  readonly #options: LineBufferOptions;
  #bytes: Uint8Array;
  #spare: Uint8Array;
  #end = 0;
  #lines = 0;
  #writing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #droppedCount = 0;
  #isFailing = false;
  #isClosed = false;

  constructor(options: LineBufferOptions) {
    this.#options = options;
    const size = options.maxBytes ?? DEFAULT_BYTES;
    this.#bytes = new Uint8Array(size);
    this.#spare = new Uint8Array(size);
  }

  /** Lines lost so far: there was no room, or they could not be written. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Makes room for a line of `size` bytes at most; false, and a lost line, if there is none. */
  begin(size: number): boolean {
    if (!this.#isClosed && this.#end + size <= this.#bytes.length) return true;
    this.#droppedCount += 1;
    return false;
  }

  /** The line is whole. */
  finish(): void {
    this.#bytes[this.#end++] = 0x0a;
    this.#lines += 1;
    if (this.#writing !== undefined) return;
    if (this.#end > this.#bytes.length >> 1) this.#flush();
    else this.#timer ??= this.#options.timers.after(FLUSH_MS, () => this.#flush());
  }

  /** Adds text of ASCII as it is; for what is always the same, `raw()` takes half of the time. */
  text(text: string): void {
    const bytes = this.#bytes;
    let at = this.#end;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#end = at;
  }

  /** Adds bytes as they are. */
  raw(from: Uint8Array): void {
    this.plain(from, 0, from.length);
  }

  /** Adds some of the bytes as they are. */
  plain(from: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes;
    const at = this.#end;
    if (end - start > LOOP_BYTES) bytes.set(from.subarray(start, end), at);
    else for (let i = start, to = at; i < end; i++) bytes[to++] = from[i]!;
    this.#end = at + end - start;
  }

  /** Adds bytes as `escapes` has them: what stands there for a byte, if it is not itself. */
  escaped(
    from: Uint8Array,
    start: number,
    end: number,
    escapes: readonly (string | undefined)[],
  ): void {
    const bytes = this.#bytes;
    let at = this.#end;
    for (let i = start; i < end; i++) {
      const byte = from[i]!;
      const escape = escapes[byte];
      if (escape === undefined) {
        bytes[at++] = byte;
        continue;
      }
      for (let k = 0; k < escape.length; k++) bytes[at++] = escape.charCodeAt(k);
    }
    this.#end = at;
  }

  /** Adds a whole number from 0 up. */
  number(value: number): void {
    const bytes = this.#bytes;
    if (value > MAX_SMALL) return this.text(String(value));
    let digits = 1;
    for (let bound = 10; bound <= value; bound *= 10) digits += 1;
    const end = this.#end + digits;
    let rest = value | 0;
    for (let at = end - 1; at >= this.#end; at--) {
      const tens = (rest / 10) | 0;
      bytes[at] = 0x30 + rest - tens * 10;
      rest = tens;
    }
    this.#end = end;
  }

  /** Adds a time with three digits behind the point. */
  millis(ms: number): void {
    const thousandths = Math.max(0, Math.round(ms * 1000));
    const whole = Math.floor(thousandths / 1000);
    this.number(whole);
    const rest = thousandths - whole * 1000;
    const bytes = this.#bytes;
    let at = this.#end;
    bytes[at++] = 0x2e;
    const tens = Math.floor(rest / 10);
    const hundreds = Math.floor(rest / 100);
    bytes[at++] = 0x30 + hundreds;
    bytes[at++] = 0x30 + tens - hundreds * 10;
    bytes[at++] = 0x30 + rest - tens * 10;
    this.#end = at;
  }

  /**
   * Resolves when all lines so far were written or lost. What comes meanwhile is not waited for:
   * there would be no end to it under load.
   *
   * @param onCut called when the last of them are handed over, and no later one is.
   */
  async flush(onCut?: () => void): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#end > 0) this.#flush();
    onCut?.();
    await this.#writing;
  }

  /** Writes what is here, for a second at most, and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([this.flush(), timeout]);
    clearTimeout(timer);
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const full = this.#bytes;
    const end = this.#end;
    const lines = this.#lines;
    this.#bytes = this.#spare;
    this.#end = this.#lines = 0;
    this.#writing = this.#options.write(full.subarray(0, end)).then(
      () => this.#written(full, undefined, lines),
      (error: Error) => this.#written(full, error, lines),
    );
  }

  #written(buffer: Uint8Array, error: Error | undefined, lines: number): void {
    this.#spare = buffer;
    this.#writing = undefined;
    if (error !== undefined) this.#droppedCount += lines;
    if (this.#isFailing !== (error !== undefined)) {
      this.#isFailing = error !== undefined;
      this.#options.onFailure(error);
    }
    if (this.#end === 0 || this.#isClosed) return;
    this.#timer ??= this.#options.timers.after(
      this.#end > this.#bytes.length >> 1 ? 0 : FLUSH_MS,
      () => this.#flush(),
    );
  }
}
