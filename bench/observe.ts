/**
 * What it costs to be seen: CPU of a request with access log and metrics beside one without, of a
 * picture of 500 hosts told to 20 who watch, and the time of a list of 2,000 hosts. Also alone by
 * `npm run bench -- observe`.
 */
import { cpuSecondsOf } from "./proc.ts";
import { startScript } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";
import { median } from "./stats.ts";
import { formatWatchedCosts, measureWatchedRequests } from "./watched_requests.ts";
import type { WatchedCosts } from "./watched_requests.ts";

/** What each way of looking costs. */
export interface ObserveResult {
  readonly requests: WatchedCosts;
  /** CPU of a server in percent of a core: 20 watch 500 hosts, all of which change each second. */
  readonly watchedPercent: number;
  /** The slowest page of 1,000 of 2,000 hosts, and all of them page by page, ms: medians. */
  readonly pageMs: number;
  readonly listMs: number;
}

const ROUNDS = 20;
const WATCHERS = 20;
const WATCHED_HOSTS = 500;
const WATCH_SECONDS = 10;
const LISTED_HOSTS = 2000;

/** Measures; takes about two minutes. */
export async function measureObserve(run: ProgramRun): Promise<ObserveResult> {
  return {
    requests: await measureWatchedRequests(run),
    watchedPercent: await measureWatched(run.signal),
    ...await measureLists(run.signal),
  };
}

/** The result as lines of text. */
export function formatObserve(result: ObserveResult): string {
  const { requests, watchedPercent, pageMs, listMs } = result;
  const verdict = (isGood: boolean) => isGood ? "" : "   MISSED";
  return formatWatchedCosts(requests) +
    `${WATCHERS} watch ${WATCHED_HOSTS} hosts: ${watchedPercent.toFixed(2)} % of a core, ` +
    `goal 2 %${verdict(watchedPercent < 2)}\n` +
    `${LISTED_HOSTS} hosts: a page of 1,000 in ${pageMs.toFixed(1)} ms, all in ` +
    `${listMs.toFixed(1)} ms, goal 100 ms${verdict(listMs < 100)}\n`;
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
