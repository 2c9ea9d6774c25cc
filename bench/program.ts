/** revtun as a process of a measurement: the bundle, with the built program's permissions. */
import { routeFlags } from "../npm/route.ts";
import { RUN_FLAGS } from "../npm/run_flags.mjs";

/** One that runs. */
export interface Program {
  readonly pid: number;
  /** Resolves when what it logged matches. @throws {Error} it does not within half a minute. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: Deno.Signal): void;
  /** Ends it at once. */
  end(): Promise<void>;
}

const TIMEOUT_MS = 30_000;

/** What a section that starts revtun itself needs of its run. */
export interface ProgramRun {
  /** revtun, bundled. */
  readonly bundle: string;
  /** For files, removed at the run's end. */
  readonly folder: string;
  /** Aborted by Ctrl-C, which ends at once what was started. */
  readonly signal: AbortSignal;
}

/** Starts it; whoever asked ends it. @throws {Error} the run was interrupted. */
export function startProgram(
  { bundle, signal }: ProgramRun,
  args: readonly string[],
): Program {
  return start(["--no-config", "--no-lock", ...RUN_FLAGS, bundle, ...args], signal);
}

/**
 * Starts a script of the repo, which says on stderr what is waited for; whoever asked ends it.
 *
 * @throws {Error} the run was interrupted.
 */
export function startScript(path: string, args: readonly string[], signal: AbortSignal): Program {
  return start(["-A", "--no-check", ...routeFlags(), path, ...args], signal);
}

function start(args: readonly string[], interrupt: AbortSignal): Program {
  interrupt.throwIfAborted();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", ...args],
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  let onText = () => {};
  let isOver = false;
  const reading = (async () => {
    for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      onText();
    }
    isOver = true;
    onText();
  })();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  interrupt.addEventListener("abort", kill);
  return {
    pid: child.pid,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${pattern} did not come:\n${text.slice(-4000)}`)),
          TIMEOUT_MS,
        );
        onText = () => {
          const match = pattern.exec(text);
          if (match === null && !isOver) return;
          clearTimeout(timer);
          onText = () => {};
          if (match !== null) resolve(match);
          else reject(new Error(`It ended before ${pattern}:\n${text.slice(-4000)}`));
        };
        onText();
      }),
    signal: (name) => child.kill(name),
    end: async () => {
      interrupt.removeEventListener("abort", kill);
      kill();
      await Promise.all([child.status, reading]);
    },
  };
}
