/** A file of users that is read anew when it changes. */
import type { Runtime } from "../runtime.ts";
import { FileWatch } from "./file_watch.ts";
import { readPrivateFile, readPrivateFileSync } from "./private_file.ts";
import { UserTable } from "./user_table.ts";
import { ConfigError } from "../errors.ts";

/** Some 50,000 users. */
const MAX_BYTES = 8 << 20;

/** Who may come in, as the file says now. Owned by who made it, who closes it. */
export class UserFile {
  readonly #path: string;
  readonly #source: string;
  readonly #log: Runtime["log"];
  readonly #watch: FileWatch;
  #table: UserTable;

  /**
   * @param source the setting that names it, for errors.
   * @throws {ConfigError} it cannot be read, or a line of it cannot.
   */
  constructor(path: string, source: string, runtime: Pick<Runtime, "log" | "timers">) {
    this.#path = path;
    this.#source = source;
    this.#log = runtime.log;
    const { text, version } = readPrivateFileSync(path, source, MAX_BYTES);
    this.#table = this.#parse(text);
    this.#watch = new FileWatch(path, version, runtime.timers, () => this.#reload());
  }

  /** What is known of `NAME:PASSWORD` without hashing; undefined if nothing is. */
  known(pair: string): boolean | undefined {
    return this.#table.known(pair);
  }

  /** Checks `NAME:PASSWORD`. @throws {TooManyChecksError} as a rejection. */
  check(pair: string): Promise<boolean> {
    return this.#table.check(pair);
  }

  /** Resolves when nothing is read any more. */
  async close(): Promise<void> {
    await this.#watch.close();
  }

  #parse(text: string): UserTable {
    try {
      return new UserTable(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new ConfigError(this.#source, `${this.#path}: ${error.message}`, { cause: error });
    }
  }

  async #reload(): Promise<void> {
    try {
      const { text } = await readPrivateFile(this.#path, this.#source, MAX_BYTES);
      this.#table = this.#parse(text);
      this.#log.info("users.reloaded", "The file of users was read anew", {
        file: this.#path,
        users: this.#table.names.length,
      });
    } catch (error) {
      this.#log.warn("users.kept", `The users stay as they were: ${(error as Error).message}`);
    }
  }
}
