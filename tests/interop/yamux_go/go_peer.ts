/** The Go program of this folder as a process: a yamux peer that is not ours. */
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
/** How Go words that it has no way to its module proxy. */
const MODULES_ARE_MISSING = /dial tcp|no such host|proxyconnect|connection refused|i\/o timeout/;

/** One thing that happened there. */
export interface GoEvent {
  event: string;
  detail?: string;
  bytes?: number;
  sha256?: string;
  error?: string;
}

/** The program's path; undefined where there is no Go, or no way to its modules. */
export async function buildGoPeer(): Promise<string | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-yamux-go-" });
  const program = `${folder}/yamux_go`;
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const build = new Deno.Command("go", {
    args: ["build", "-o", program, "."],
    cwd: FOLDER,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  let output: Deno.CommandOutput;
  try {
    output = await build.output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (output.success) return program;
  const complaint = new TextDecoder().decode(output.stderr);
  if (MODULES_ARE_MISSING.test(complaint)) return undefined;
  throw new Error(`Cannot build the Go peer:\n${complaint}`);
}

/** A running Go peer; ends with the block that made it. */
export class GoPeer implements AsyncDisposable {
  readonly events: GoEvent[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #seen = 0;
  #isEnded = false;

  /** @param patience how long it bears a half-closed stream before it resets it. */
  constructor(program: string, args: string[], patience = "5m") {
    this.#child = new Deno.Command(program, {
      args,
      env: { REVTUN_GO_PATIENCE: patience },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Gives it a command and resolves with what comes of it. */
  async ask(command: string, event: string): Promise<GoEvent> {
    await this.#stdin.write(new TextEncoder().encode(`${command}\n`));
    return await this.next(event);
  }

  /**
   * The next event of that name which was not asked for yet.
   *
   * @throws {Error} it ended first, or nothing came within 60 s; with all that came.
   */
  async next(event: string): Promise<GoEvent> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLate = false;
    try {
      for (;;) {
        const index = this.events.findIndex((one, at) => at >= this.#seen && one.event === event);
        if (index !== -1) {
          this.#seen = index + 1;
          return this.events[index]!;
        }
        if (this.#isEnded || isLate) {
          throw new Error(`No "${event}" came from the Go peer: ${JSON.stringify(this.events)}`);
        }
        timer ??= setTimeout(() => {
          isLate = true;
          this.#tell();
        }, 60_000);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stdin.close().catch(() => {});
    if (!this.#isEnded) this.#child.kill("SIGKILL");
    await this.#reading;
    await this.#child.status;
  }

  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line));
      this.#tell();
    }
    this.#isEnded = true;
    this.#tell();
  }

  #tell(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const run of waiting) run();
  }
}
