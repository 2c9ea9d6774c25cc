/** Keeps the count of a day's bytes in a file, so that a restart gives an agent nothing anew. */
import { readPrivateFileIfThere } from "../auth/private_file.ts";
import { replaceFile } from "../auth/shared_file.ts";
import { ConfigError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";

/** Bytes of one day. */
export interface DayCount {
  /** Days since 1970, in UTC. */
  readonly day: number;
  readonly bytes: number;
}

/** How often it is written, if it changed: what a crash forgets at most, ms. */
const INTERVAL_MS = 10_000;
const MAX_FILE_BYTES = 1024;
/** A failure that lasts is logged again after this, ms. */
const LOG_INTERVAL_MS = 60_000;
const MS_PER_DAY = 86_400_000;

/**
 * Reads a count.
 *
 * @throws {ConfigError} the file is there, and it cannot be read or is none of ours.
 */
export async function readDayCount(path: string): Promise<DayCount | undefined> {
  const file = await readPrivateFileIfThere(path, "state_dir", MAX_FILE_BYTES);
  if (file === undefined) return undefined;
  try {
    const { date, bytes } = JSON.parse(file.text);
    const day = Date.parse(`${date}T00:00:00Z`) / MS_PER_DAY;
    if (Number.isSafeInteger(day) && Number.isSafeInteger(bytes) && bytes >= 0) {
      return { day, bytes };
    }
  } catch {
    // Said below.
  }
  throw new ConfigError("state_dir", `${path} holds no count of bytes: remove it to start from 0`);
}

/** Writes a count now and then, and at the end. */
export class DayCountWriter {
  readonly #runtime: Runtime;
  readonly #look: () => { path: string; count: DayCount } | undefined;
  readonly #timer: Timer;
  #written = "";
  #loggedMs = -Infinity;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @param look where to write what; undefined where nothing is to be kept. */
  constructor(runtime: Runtime, look: () => { path: string; count: DayCount } | undefined) {
    this.#runtime = runtime;
    this.#look = look;
    this.#timer = runtime.timers.after(INTERVAL_MS, () => {
      void this.#write().then(() => {
        if (!this.#isClosed) this.#timer.restart(INTERVAL_MS);
      });
    });
  }

  /** Writes what is not written; resolves when it is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer.cancel();
    await this.#write();
  }

  /** One after the other; never rejects. */
  #write(): Promise<void> {
    this.#work = this.#work.then(async () => {
      const found = this.#look();
      if (found === undefined) return;
      const { path, count: { day, bytes } } = found;
      const date = new Date(day * MS_PER_DAY).toISOString().slice(0, 10);
      const text = `${JSON.stringify({ date, bytes })}\n`;
      if (this.#written === path + text) return;
      try {
        await replaceFile(path, text);
        this.#written = path + text;
      } catch (error) {
        this.#failed(path, error as Error);
      }
    });
    return this.#work;
  }

  #failed(path: string, error: Error): void {
    const nowMs = this.#runtime.nowMs();
    if (nowMs - this.#loggedMs < LOG_INTERVAL_MS) return;
    this.#loggedMs = nowMs;
    this.#runtime.log.error(
      "state.unwritable",
      `A restart would forget what the day's bytes are: ${error.message}`,
      { file: path },
    );
  }
}
