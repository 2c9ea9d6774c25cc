/** Servers by a file, which is watched. */
import { FileWatch } from "../../auth/file_watch.ts";
import { readFileText } from "../../config/read_file.ts";
import type { TimerWheel } from "../../timer.ts";
import { parseServerList } from "./server_list.ts";
import type { ServerLister, ServerListing } from "./server_lister.ts";

/** How often the file is looked at, ms. */
const INTERVAL_MS = 1000;

/** A list that some other program writes, or a mounted ConfigMap. */
export class FileLister implements ServerLister {
  readonly name: string;
  readonly #path: string;
  readonly #timers: TimerWheel;

  constructor(path: string, timers: TimerWheel) {
    this.#path = path;
    this.#timers = timers;
    this.name = `file ${path}`;
  }

  async list(): Promise<ServerListing> {
    const { text } = await readFileText(this.#path);
    try {
      return { servers: await parseServerList(text) };
    } catch (error) {
      throw new Error(`${this.#path} ${(error as Error).message}`, { cause: error });
    }
  }

  watch(changed: () => void): () => Promise<void> {
    const onChange = () => Promise.resolve(changed());
    const watch = new FileWatch(this.#path, "", this.#timers, onChange, INTERVAL_MS);
    return () => watch.close();
  }
}
