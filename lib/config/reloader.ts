/** Takes settings anew while a program runs: as a whole, or not at all. */
import { FileWatch } from "../auth/file_watch.ts";
import type { Log } from "../log.ts";
import type { TimerWheel } from "../timer.ts";
import { fileVersion } from "./read_file.ts";

/** How often the files are looked at, ms. */
const INTERVAL_MS = 500;
/** A file that changed has to hold still for so long before it is read, ms: it may be half written. */
const SETTLE_MS = 150;

/** What became of reloads, for logs and the admin endpoint. */
export interface ReloadStatus {
  /** Times that settings were read anew and put to use. */
  readonly reloads: number;
  /** Times that they could not be, and the old ones stayed. */
  readonly failures: number;
  /** When the settings in use were read. */
  readonly loadedAt: Date;
  /** Why the files that are there now are not in use; undefined if they are. */
  readonly lastError: string | undefined;
  /** Since when that is so. */
  readonly failingSince: Date | undefined;
}

/** What a reloader works with. */
export interface ReloaderOptions<S> {
  /**
   * Files whose change is worth a look: the settings file, and what it names; with the version that
   * was read, where it is known.
   */
  files(settings: S): ReadonlyMap<string, string | undefined>;
  /** Reads the settings. @throws {ConfigError} */
  load(): Promise<S>;
  /** Puts them to use, all of them or none. @throws {RevtunError} what is in use stays so. */
  apply(settings: S): Promise<void>;
  readonly log: Log;
  readonly timers: TimerWheel;
}

/** Follows the files of a program's settings. */
export class Reloader<S> {
  readonly #options: ReloaderOptions<S>;
  readonly #watches = new Map<string, FileWatch>();
  #versions: ReadonlyMap<string, string> = new Map();
  #settings: S;
  /** One after the other. */
  #work: Promise<void> = Promise.resolve();
  #isQueued = false;
  #isClosed = false;
  #reloads = 0;
  #failures = 0;
  #loadedAt = new Date();
  #lastError: string | undefined;
  #failingSince: Date | undefined;

  /** @param settings those in use. */
  constructor(settings: S, options: ReloaderOptions<S>) {
    this.#options = options;
    this.#settings = settings;
    this.#work = this.#follow();
  }

  get status(): ReloadStatus {
    return {
      reloads: this.#reloads,
      failures: this.#failures,
      loadedAt: this.#loadedAt,
      lastError: this.#lastError,
      failingSince: this.#failingSince,
    };
  }

  /** Looks at the files now; resolves when what they say is in use or was refused. */
  reload(): Promise<void> {
    // Asked again while it is at work: once more is enough, however often.
    if (!this.#isQueued && !this.#isClosed) {
      this.#isQueued = true;
      this.#work = this.#work.then(() => this.#reload());
    }
    return this.#work;
  }

  /** Resolves when nothing is read or applied any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const watch of this.#watches.values()) await watch.close();
    await this.#work;
  }

  /** Never rejects. */
  async #reload(): Promise<void> {
    const { load, apply, log } = this.#options;
    try {
      const versions = await this.#settled();
      this.#isQueued = false;
      if (this.#isClosed) return;
      // What could not be used may be usable now: a port is free again.
      if (this.#lastError === undefined && isSame(versions, this.#versions)) {
        log.info("config.unchanged", "The settings are as they were");
        return;
      }
      this.#versions = versions;
      const settings = await load();
      if (this.#isClosed) return;
      await apply(settings);
      this.#settings = settings;
      this.#succeeded();
    } catch (error) {
      this.#failed(error as Error);
    }
    await this.#follow();
  }

  #succeeded(): void {
    this.#reloads += 1;
    this.#loadedAt = new Date();
    this.#lastError = this.#failingSince = undefined;
    this.#options.log.info("config.reloaded", "The settings were read anew and are in use", {
      reloads: this.#reloads,
    });
  }

  #failed(error: Error): void {
    this.#isQueued = false;
    this.#failures += 1;
    this.#lastError = error.message;
    this.#failingSince ??= new Date();
    this.#options.log.error("config.refused", `The old settings stay in use: ${error.message}`, {
      failures: this.#failures,
    });
  }

  /** Watches the files that the settings in use name now. */
  async #follow(): Promise<void> {
    const files = this.#options.files(this.#settings);
    for (const [path, watch] of this.#watches) {
      if (files.has(path)) continue;
      this.#watches.delete(path);
      await watch.close();
    }
    const versions = new Map(this.#versions);
    for (const [path, readVersion] of files) {
      if (this.#watches.has(path)) continue;
      const version = readVersion ?? await fileVersion(path);
      if (this.#isClosed) return;
      versions.set(path, version);
      this.#watches.set(path, this.#watch(path, version));
    }
    this.#versions = versions;
  }

  #watch(path: string, version: string): FileWatch {
    const onChange = () => {
      void this.reload();
      return Promise.resolve();
    };
    return new FileWatch(path, version, this.#options.timers, onChange, INTERVAL_MS);
  }

  /** The files' versions, once they hold still. */
  async #settled(): Promise<ReadonlyMap<string, string>> {
    const files = () => versionsOf(this.#watches.keys());
    let versions = await files();
    while (!this.#isClosed) {
      await new Promise<void>((resolve) => this.#options.timers.after(SETTLE_MS, resolve));
      const later = await files();
      if (isSame(versions, later)) break;
      versions = later;
    }
    return versions;
  }
}

async function versionsOf(paths: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const path of paths) versions.set(path, await fileVersion(path));
  return versions;
}

/** Each file of `now` is as it was. */
function isSame(now: ReadonlyMap<string, string>, before: ReadonlyMap<string, string>): boolean {
  return [...now].every(([path, version]) => before.get(path) === version);
}
