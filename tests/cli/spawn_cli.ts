/** The program as a process of its own, by the same route to the dependencies as the test. */
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../npm/route.ts";

const ROOT = new URL("../../", import.meta.url);

/** A running `revtun`. */
export interface CliProcess extends AsyncDisposable {
  readonly pid: number;
  /** Everything printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly status: Promise<Deno.CommandStatus>;
  /**
   * Resolves with the match as soon as what was printed on stdout or stderr matches.
   *
   * @throws {Error} the process ended first, or nothing came in time; with all that was printed.
   */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  kill(signal: Deno.Signal): void;
}

/** Starts `revtun` with `args`; disposing of it ends the process. */
export function spawnCli(
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
): CliProcess {
  const main = fileURLToPath(new URL("main.ts", ROOT));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", ...routeFlags(), main, ...args],
    cwd: fileURLToPath(ROOT),
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const texts = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  let isEnded = false;
  const readers = Promise.all((["stdout", "stderr"] as const).map(async (name) => {
    const decoder = new TextDecoder();
    for await (const chunk of child[name]) {
      texts[name] += decoder.decode(chunk, { stream: true });
      for (const look of watchers) look();
    }
  })).then(() => {
    isEnded = true;
    for (const look of watchers) look();
  });
  // A status without the last words would be of little use.
  const status = readers.then(() => child.status);
  return {
    pid: child.pid,
    get stdout() {
      return texts.stdout;
    },
    get stderr() {
      return texts.stderr;
    },
    status,
    printed: (pattern, timeoutMs = 20_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => finish(undefined, "did not come in time"), timeoutMs);
        const look = () => {
          const match = pattern.exec(texts.stdout) ?? pattern.exec(texts.stderr);
          if (match !== null) finish(match, "");
          else if (isEnded) finish(undefined, "did not come before the end");
        };
        watchers.add(look);
        look();

        function finish(match: RegExpExecArray | undefined, problem: string): void {
          clearTimeout(timer);
          watchers.delete(look);
          if (match !== undefined) resolve(match);
          else reject(new Error(`${pattern} ${problem}:\n${texts.stdout}\n${texts.stderr}`));
        }
      }),
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (!isEnded) child.kill("SIGKILL");
      await status;
    },
  };
}

/** Runs `revtun` to its end. */
export async function outputOfCli(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using process = spawnCli(args, { env });
  const { code } = await process.status;
  return { code, stdout: process.stdout, stderr: process.stderr };
}
