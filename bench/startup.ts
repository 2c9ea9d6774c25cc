/**
 * How fast the program starts and what it takes while idle: the start-up section of
 * `npm run bench`, also alone by `npm run bench -- startup`.
 */
import { RUN_FLAGS } from "../npm/run_flags.mjs";
import { startProgram } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";

/** One measured value and what it should not exceed. */
export interface StartupRow {
  readonly name: string;
  readonly what: string;
  readonly value: number;
  readonly unit: "ms" | "MB";
  readonly goal: number;
}

const RUNS = 10;
const decoder = new TextDecoder();

/** Measures the built program on this machine; takes some ten seconds. */
export async function measureStartup(run: ProgramRun): Promise<StartupRow[]> {
  const command = (...args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-lock", ...RUN_FLAGS, run.bundle, ...args],
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      signal: run.signal,
      stdout: "piped",
      stderr: "piped",
    });
  // A first start compiles and holds what that took; later ones find the code in deno's cache.
  await idleMemory(run);
  const { serverMb, agentMb } = await idleMemory(run);
  return [
    {
      name: "version",
      what: "revtun --version, warm",
      value: await versionMs(command),
      unit: "ms",
      goal: 100,
    },
    {
      name: "first-answer",
      what: "first answer of the demo",
      value: await demoMs(command),
      unit: "ms",
      goal: 5000,
    },
    { name: "idle-server", what: "RSS of an idle server", value: serverMb, unit: "MB", goal: 80 },
    { name: "idle-agent", what: "RSS of an idle agent", value: agentMb, unit: "MB", goal: 80 },
  ];
}

/** The bundle with arguments of its own, for its answers on stdout. */
type CommandOf = (...args: string[]) => Deno.Command;

/** The rows as lines of text. */
export function formatStartup(rows: readonly StartupRow[]): string {
  return rows.map(({ what, value, unit, goal }) =>
    `${what.padEnd(28)} ${value.toFixed(0).padStart(6)} ${unit}   goal ${goal} ${unit}${
      value > goal ? "   MISSED" : ""
    }\n`
  ).join("");
}

/** Median of several runs, after one to warm the caches. */
async function versionMs(command: CommandOf): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const startMs = performance.now();
    await command("--version").output();
    if (run > 0) times.push(performance.now() - startMs);
  }
  return times.sort((a, b) => a - b)[RUNS >> 1] ?? NaN;
}

async function demoMs(command: CommandOf): Promise<number> {
  const startMs = performance.now();
  const demo = command("demo", "--once").spawn();
  await textUntil(demo.stdout, /^ {2}ok /m);
  const ms = performance.now() - startMs;
  await demo.stderr.cancel();
  await demo.status;
  return ms;
}

async function idleMemory(run: ProgramRun): Promise<{ serverMb: number; agentMb: number }> {
  const programs: Program[] = [];
  const start = (...args: string[]) => {
    const program = startProgram(run, args);
    programs.push(program);
    return program;
  };
  try {
    const server = start("server", "--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0");
    const [, address = ""] = await server.printed(/event=tunnel\.listening.* address=(\S+)/);
    const agent = start("agent", "--server", address, "--cluster", "bench");
    await agent.printed(/event=tunnel\.connected/);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return { serverMb: await rssMb(server.pid), agentMb: await rssMb(agent.pid) };
  } finally {
    for (const program of programs.toReversed()) await program.end();
  }
}

/** Resident memory; NaN where the system has no /proc. */
async function rssMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / 1000;
}

/** Reads until the text matches, then goes on reading what comes and drops it. */
async function textUntil(
  stream: ReadableStream<Uint8Array>,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  const reader = stream.getReader();
  let text = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${pattern} did not come before the end:\n${text}`);
    text += decoder.decode(value, { stream: true });
    const match = pattern.exec(text);
    if (match === null) continue;
    (async () => {
      while (!(await reader.read()).done);
    })().catch(() => {});
    return match;
  }
}
