/**
 * What it costs to be seen: CPU of a request with access log and metrics beside one without, of a
 * picture of 500 hosts told to 20 who watch, and the time of a list of 2,000 hosts. Also alone by
 * `npm run bench -- observe`.
 */
import { BROWSER_REQUEST } from "./browser_request.ts";
import { byTurns, pairedRatio } from "./by_turns.ts";
import { freePort } from "./ports.ts";
import { cpuSecondsOf } from "./proc.ts";
import { startProgram, startScript } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";
import { median } from "./stats.ts";
import { waitForAnswer } from "./wait_for_answer.ts";

/** CPU of the server for one request, in µs: medians over all rounds, each both ways in turn. */
export interface ObserveResult {
  readonly offUs: number;
  readonly onUs: number;
  /** On over off within one round, so that what slows the machine slows both: the median of them. */
  readonly ratio: number;
  readonly rounds: number;
  readonly requestsPerRound: number;
  /** CPU of a server in percent of a core: 20 watch 500 hosts, all of which change each second. */
  readonly watchedPercent: number;
  /** The slowest page of 1,000 of 2,000 hosts, and all of them page by page, ms: medians. */
  readonly pageMs: number;
  readonly listMs: number;
}

const ROUNDS = 20;
const REQUESTS = 20_000;
const CLIENTS = 50;
const SCRAPE_MS = 15_000;
const WATCHERS = 20;
const WATCHED_HOSTS = 500;
const WATCH_SECONDS = 10;
const LISTED_HOSTS = 2000;
const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n\r\nhello world\n",
);

/** Measures; takes about two minutes. */
export async function measureObserve(run: ProgramRun): Promise<ObserveResult> {
  return {
    ...await measureCpu(run),
    watchedPercent: await measureWatched(run.signal),
    ...await measureLists(run.signal),
  };
}

/** The result as lines of text. */
export function formatObserve(result: ObserveResult): string {
  const { offUs, onUs, ratio, rounds, requestsPerRound, watchedPercent, pageMs, listMs } = result;
  const verdict = (isGood: boolean) => isGood ? "" : "   MISSED";
  return `CPU of the server for one request, median of ${rounds} rounds of ${requestsPerRound}:\n` +
    `  without access log ${offUs.toFixed(2)} µs\n` +
    `  access log and metrics ${onUs.toFixed(2)} µs   ${((ratio - 1) * 100).toFixed(1)} % more, ` +
    `goal 4 %${verdict(ratio <= 1.04)}\n` +
    `${WATCHERS} watch ${WATCHED_HOSTS} hosts: ${watchedPercent.toFixed(2)} % of a core, ` +
    `goal 2 %${verdict(watchedPercent < 2)}\n` +
    `${LISTED_HOSTS} hosts: a page of 1,000 in ${pageMs.toFixed(1)} ms, all in ` +
    `${listMs.toFixed(1)} ms, goal 100 ms${verdict(listMs < 100)}\n`;
}

async function measureCpu(
  run: ProgramRun,
): Promise<Pick<ObserveResult, "offUs" | "onUs" | "ratio" | "rounds" | "requestsPerRound">> {
  const backend = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void answerAll(backend);
  const programs: Program[] = [];
  const admin = freePort();
  const start = async (flags: readonly string[]) => {
    const [front, tunnel] = [freePort(), freePort()];
    const server = startProgram(run, [
      ...["server", "--log-level", "warn", "--tunnel", `127.0.0.1:${tunnel}`],
      ...["--listen", `127.0.0.1:${front}/edge-a`, ...flags],
    ]);
    programs.push(server);
    programs.push(startProgram(run, [
      ...["agent", "--log-level", "warn", "--server", `127.0.0.1:${tunnel}`],
      ...["--cluster", "edge-a", "--target", `127.0.0.1:${backend.addr.port}`],
      ...["--connections", "1"],
    ]));
    await waitForAnswer({ hostname: "127.0.0.1", port: front }, "the agent", []);
    return { pid: server.pid, front };
  };
  try {
    const off = await start([]);
    const on = await start([
      ...["--admin", `127.0.0.1:${admin}`, "--access-log", `${run.folder}/access.log`],
    ]);
    let askedMs = -Infinity;
    const costUs = async ({ pid, front }: { pid: number; front: number }) => {
      const before = await cpuSecondsOf(pid);
      await askMany(front);
      // As Prometheus does by default, though its time is not the load's.
      if (front === on.front && performance.now() - askedMs > SCRAPE_MS) {
        askedMs = performance.now();
        await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      }
      return (await cpuSecondsOf(pid) - before) * 1e6 / REQUESTS;
    };
    for (const one of [off, on, off, on]) await costUs(one);
    const costs = await byTurns(
      ["off", "on"],
      ROUNDS,
      (kind) => costUs(kind === "on" ? on : off),
    );
    return {
      offUs: median(costs.off),
      onUs: median(costs.on),
      ratio: pairedRatio(costs.on, costs.off),
      rounds: ROUNDS,
      requestsPerRound: REQUESTS,
    };
  } finally {
    backend.close();
    for (const program of programs) await program.end();
  }
}

/** CPU that 20 watchers add to a server of 500 hosts. */
async function measureWatched(signal: AbortSignal): Promise<number> {
  const server = startScript("bench/many_hosts.ts", [String(WATCHED_HOSTS)], signal);
  try {
    return await watchedPercent(server);
  } finally {
    await server.end();
  }
}

async function watchedPercent(server: Program): Promise<number> {
  const [, port] = await server.printed(/admin (\d+)/);
  const url = `http://127.0.0.1:${port}/api/v1/live?changes=true`;
  const cpuPerSecond = async () => {
    const before = await cpuSecondsOf(server.pid);
    await new Promise((resolve) => setTimeout(resolve, WATCH_SECONDS * 1000));
    return (await cpuSecondsOf(server.pid) - before) / WATCH_SECONDS;
  };
  const idle = await cpuPerSecond();
  const abort = new AbortController();
  const watching = Array.from({ length: WATCHERS }, async () => {
    const response = await fetch(url, { signal: abort.signal });
    for await (const _ of response.body!);
  });
  // The first pictures are whole, and compilers warm up.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const watched = await cpuPerSecond();
  abort.abort();
  await Promise.allSettled(watching);
  return (watched - idle) * 100;
}

async function measureLists(
  signal: AbortSignal,
): Promise<Pick<ObserveResult, "pageMs" | "listMs">> {
  const server = startScript("bench/many_hosts.ts", [String(LISTED_HOSTS)], signal);
  try {
    return await listTimes(server);
  } finally {
    await server.end();
  }
}

async function listTimes(server: Program): Promise<Pick<ObserveResult, "pageMs" | "listMs">> {
  const [, port] = await server.printed(/admin (\d+)/);
  const pages: number[] = [];
  const lists: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let next: string | null = "";
    let listMs = 0;
    let slowestMs = 0;
    while (next !== null) {
      const startMs = performance.now();
      const after: string = next === "" ? "" : `&after=${encodeURIComponent(next)}`;
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/hosts?limit=1000${after}`);
      next = (await answer.json()).next;
      const ms = performance.now() - startMs;
      listMs += ms;
      slowestMs = Math.max(slowestMs, ms);
    }
    pages.push(slowestMs);
    lists.push(listMs);
  }
  return { pageMs: median(pages), listMs: median(lists) };
}

async function askMany(port: number): Promise<void> {
  let left = REQUESTS;
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const buffer = new Uint8Array(4096);
    while (left-- > 0) {
      await conn.write(BROWSER_REQUEST);
      let end = 0;
      // The body ends in "d" and a line feed, which nothing before it does.
      while (end < 2 || buffer[end - 1] !== 0x0a || buffer[end - 2] !== 0x64) {
        const count = await conn.read(buffer.subarray(end));
        if (count === null) throw new Error("The connection ended before the answer was whole");
        end += count;
      }
      if (buffer[9] !== 0x32) throw new Error("An answer was not 200");
    }
  }));
}

async function answerAll(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) void answer(conn).catch(() => {});
}

async function answer(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16 << 10);
  // Each read has whole requests, one after the other: each client waits for its answer.
  while (await conn.read(buffer) !== null) await conn.write(ANSWER);
  conn.close();
}
