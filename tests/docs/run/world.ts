/** Machines of the docs: a cloud and an edge in namespaces of Linux, with nothing else on them. */
import { fileURLToPath } from "node:url";
import { bundleRevtun } from "../../../bench/revtun_peer.ts";
import { PERMISSION_FLAGS } from "../../../npm/permissions.mjs";

/** Where a line runs. */
export type Machine = "cloud" | "edge";

/** Both machines. */
export interface World extends AsyncDisposable {
  /** The folder that lines run in, empty at first. */
  readonly folder: string;
  /** Runs a line to its end. */
  run(line: string, machine?: Machine): Promise<Outcome>;
  /** Starts a line that goes on; whoever starts it ends it, the world at its end at the latest. */
  start(line: string, machine?: Machine): Running;
}

/** What became of a line. */
export interface Outcome {
  readonly code: number;
  /** stdout and stderr as they came. */
  readonly output: string;
}

/** A line that goes on. */
export interface Running {
  readonly line: string;
  readonly output: string;
  /** Resolves when `isReady` says so of the output. @throws {Error} it ended, or took too long. */
  until(isReady: (output: string) => boolean): Promise<void>;
  /** Ends it as Ctrl-C would, waits for that, and resolves to its exit code. */
  end(): Promise<number>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Resolves to the exit code. */
  readonly ended: Promise<number>;
}

/** Longest that a line may take, in ms: machines that run tests are busy. */
const PATIENCE_MS = 90_000;
const AS_ROOT = Deno.uid() === 0 ? [] : ["--user", "--map-root-user"];
const ENTER_AS_ROOT = Deno.uid() === 0 ? [] : ["--user", "--preserve-credentials"];

/** Why there can be no world here; undefined if there can. */
export async function whyNoWorld(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "needs Linux";
  try {
    const { success } = await new Deno.Command("unshare", {
      args: [...AS_ROOT, "--mount", "--uts", "--net", "ip", "link", "set", "lo", "up"],
      stderr: "null",
    }).output();
    return success ? undefined : "needs the right to namespaces";
  } catch {
    return "needs unshare";
  }
}

/** Bundles the program into `folder` and makes the `revtun` that lines start; resolves to a PATH. */
export async function installRevtun(folder: string): Promise<string> {
  const bundle = await bundleRevtun(folder);
  const flags = PERMISSION_FLAGS.map((flag) => `'${flag}'`).join(" ");
  const start = `exec '${Deno.execPath()}' run --no-config --no-lock -q ${flags} '${bundle}' "$@"`;
  await Deno.writeTextFile(`${folder}/revtun`, `#!/bin/sh\n${start}\n`, { mode: 0o755 });
  return `${folder}:${Deno.env.get("PATH")}`;
}

/** How the machines are. */
export interface WorldOptions {
  /** PATH, see {@link installRevtun}. */
  readonly path: string;
  /** Names that lead to the cloud, besides "cloud" itself. */
  readonly names?: readonly string[] | undefined;
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Makes both machines. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { path, names = [] } = options;
  const base = await Deno.makeTempDir();
  const folder = `${base}/here`;
  await Deno.mkdir(folder);
  await Deno.mkdir(`${base}/home`);
  const script = fileURLToPath(new URL("world.sh", import.meta.url));
  const holder = new Deno.Command("unshare", {
    args: [...AS_ROOT, "--mount", "--uts", "--net", "bash", script, ...names],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = holder.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  const edge = /^ready (\d+)/.exec(value)?.[1];
  if (edge === undefined) throw new Error(`The machines did not come up: ${value}`);
  const pids: Record<Machine, string> = { cloud: `${holder.pid}`, edge };
  const env = {
    REPO: fileURLToPath(new URL("../../../", import.meta.url)),
    ...{ PATH: path, HOME: `${base}/home`, USER: "root", LANG: "C.UTF-8", NO_COLOR: "1" },
    ...options.env,
  };
  const all = new Set<Running>();

  const start = (line: string, machine: Machine = "cloud"): Running => {
    const child = new Deno.Command("nsenter", {
      args: [
        ...["--target", pids[machine], ...ENTER_AS_ROOT, "--mount", "--uts", "--net"],
        // A group of its own, so that all that the line starts can be ended.
        ...[`--wd=${folder}`, "setsid", "bash", "-c", line],
      ],
      env,
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const running = runningOf(line, child);
    all.add(running);
    running.ended.then(() => all.delete(running));
    return running;
  };
  return {
    folder,
    start,
    run: async (line, machine) => {
      const running = start(line, machine);
      await running.until(() => false).catch(() => {});
      return { code: await running.end(), output: running.output };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...all].map((running) => running.kill()));
      await holder.stdin.close();
      await holder.status;
      await reader.cancel();
      await Deno.remove(base, { recursive: true });
    },
  };
}

function runningOf(line: string, child: Deno.ChildProcess): Running {
  let output = "";
  let isEnded = false;
  let look = () => {};
  const readers = [child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      look();
    }
  });
  const ended = (async () => {
    const { code } = await child.status;
    await Promise.all(readers);
    isEnded = true;
    look();
    return code;
  })();
  return {
    line,
    get output() {
      return output;
    },
    ended,
    until: (isReady) =>
      new Promise((resolve, reject) => {
        const fail = (why: string) =>
          settle(() => reject(new Error(`${line}\n${why}:\n${output}`)));
        const timer = setTimeout(() => fail("is not ready in time"), PATIENCE_MS);
        const settle = (then: () => void) => {
          clearTimeout(timer);
          look = () => {};
          then();
        };
        look = () => {
          if (isReady(output)) settle(resolve);
          else if (isEnded) fail("ended before it was ready");
        };
        look();
      }),
    async kill() {
      if (!isEnded) await signal(child.pid, "KILL");
      await ended;
    },
    async end() {
      if (!isEnded) await signal(child.pid, "INT");
      const timer = setTimeout(() => signal(child.pid, "KILL"), PATIENCE_MS);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Tells the whole group of a process. */
async function signal(pid: number, name: "INT" | "KILL"): Promise<void> {
  await new Deno.Command("kill", { args: [`-${name}`, "--", `-${pid}`], stderr: "null" }).output();
}
