/** Processes of the harness, each of which is ended by its id when its group ends. */

/** How much of what a process prints is kept for error messages, in characters. */
const TAIL_CHARS = 4000;
/** From SIGTERM to SIGKILL. */
const TERM_MS = 2000;

/** How to start a process. */
export interface StartOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** A running process. */
export interface Running {
  readonly pid: number;
  readonly isEnded: boolean;
  /** The last that it printed, on either stream. */
  readonly tail: string;
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<void>;
}

/** All groups of a run, so that an interrupt ends them too. */
export class ProcessGroups {
  readonly #groups = new Set<ProcessGroup>();
  #isEnded = false;

  /** @throws {Error} the run was interrupted. */
  create(): ProcessGroup {
    if (this.#isEnded) throw new Error("Interrupted");
    const group = new ProcessGroup(() => this.#groups.delete(group));
    this.#groups.add(group);
    return group;
  }

  /** Ends all processes of all groups; there will be no more. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.all([...this.#groups].map((group) => group.end()));
  }
}

/** Owns processes from their start to their end. */
export class ProcessGroup {
  readonly #children: { process: Running; kill(signal: Deno.Signal): void }[] = [];
  readonly #onEnd: () => void;
  #isEnded = false;

  constructor(onEnd: () => void = () => {}) {
    this.#onEnd = onEnd;
  }

  /**
   * Starts a shell command. The shell gives way to the command, so that the id is the command's,
   * and lifts the limit of open files as far as it may.
   *
   * @throws {Error} the group was ended.
   */
  start(command: string, options: StartOptions = {}): Running {
    if (this.#isEnded) throw new Error("Interrupted");
    const child = new Deno.Command("sh", {
      args: ["-c", `ulimit -n "$(ulimit -Hn)"; exec ${command}`],
      ...options,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let tail = "";
    let isEnded = false;
    const readers = [child.stdout, child.stderr].map(async (stream) => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) {
        tail = (tail + decoder.decode(chunk, { stream: true })).slice(-TAIL_CHARS);
      }
    });
    // Not the streams' end: a child of the child may hold them open.
    const ended = child.status.then(() => {
      isEnded = true;
    });
    Promise.all(readers).catch(() => {/* Its last words are lost. */});
    const process: Running = {
      pid: child.pid,
      ended,
      get isEnded() {
        return isEnded;
      },
      get tail() {
        return tail;
      },
    };
    const kill = (signal: Deno.Signal) => {
      if (isEnded) return;
      try {
        child.kill(signal);
      } catch {
        // It ended between the question and the call.
      }
    };
    this.#children.push({ process, kill });
    return process;
  }

  /** Ends all, the last started first, each by its id. */
  async end(): Promise<void> {
    this.#isEnded = true;
    for (const { process, kill } of this.#children.toReversed()) {
      kill("SIGTERM");
      const timer = setTimeout(() => kill("SIGKILL"), TERM_MS);
      await process.ended;
      clearTimeout(timer);
    }
    this.#onEnd();
  }
}
