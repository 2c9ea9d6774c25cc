/** A file that grows at its end, and may be renamed and made anew while it does. */

/** Who else may read it: nobody but its owner and group, it has addresses of people. */
const MODE = 0o640;
const LINE_FEED = Uint8Array.of(0x0a);

/** Owned by who opened it, who closes it. */
export class AppendFile {
  readonly #path: string;
  #file: Deno.FsFile;
  /** The last line is cut off: the next one must not become a part of it. */
  #isTorn = false;
  /** One after the other: a file that is written is not closed. */
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Opens or makes it. @throws {Error} as the system says. */
  static async open(path: string): Promise<AppendFile> {
    return new AppendFile(path, await openFile(path));
  }

  /** Appends all of `bytes`. @throws {Error} as a rejection: some of them, or none, are there. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#write(bytes));
  }

  /** Opens what the path names now. @throws {Error} as a rejection: all is as it was. */
  reopen(): Promise<void> {
    return this.#inTurn(async () => {
      const next = await openFile(this.#path);
      this.#file.close();
      this.#file = next;
      this.#isTorn = false;
    });
  }

  /** Closes it once what was asked for is done. */
  close(): void {
    void this.#inTurn(() => Promise.resolve(this.#file.close()));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    try {
      if (this.#isTorn) {
        await this.#file.write(LINE_FEED);
        this.#isTorn = false;
      }
      while (rest.length > 0) rest = rest.subarray(await this.#file.write(rest));
    } catch (error) {
      if (rest.length < bytes.length) this.#isTorn = true;
      throw error;
    }
  }
}

function openFile(path: string): Promise<Deno.FsFile> {
  return Deno.open(path, { append: true, create: true, mode: MODE });
}
