/**
 * `npm run console -- --measure`: what the console costs the browser that shows it and the server
 * that it looks at, with 500 hosts.
 *
 *     --hosts=500      agents, each a host of its own
 *     --consoles=20    that watch at once
 *     --seconds=20     for each figure
 *     --part=browser   or server: that alone
 */
import { startAgent } from "../lib/agent/agent.ts";
import type { RunningAgent } from "../lib/agent/agent.ts";
import { agentConfig } from "../lib/agent/config.ts";
import { silentLog } from "../lib/log.ts";
import { createRuntime } from "../lib/runtime.ts";
import { needsChromium, openPage, startBrowser } from "../tests/console/browser.ts";
import { measureNews } from "./console_news.ts";
import { freePort } from "./ports.ts";
import { usageOf } from "./proc.ts";
import { ProcessGroup } from "./process_group.ts";
import { bundleRevtun } from "./revtun_peer.ts";
import { RUN_FLAGS } from "../npm/run_flags.mjs";
import { waitForPort } from "./wait_for_answer.ts";

const HOSTS = numberOf("hosts", 500);
const CONSOLES = numberOf("consoles", 20);
const SECONDS = numberOf("seconds", 20);
const PART = optionOf("part");
/** What the main thread does, as the browser counts it: all, and what of it. */
const PARTS = ["TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration"];
/** Of many clients: each second nearly every host has something new. */
const CLIENTS = 8;

/** Measures, and prints a table. */
export async function measureConsole(print: (line: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-console-bench-" });
  const group = new ProcessGroup();
  const runtime = createRuntime(silentLog);
  const agents: RunningAgent[] = [];
  const load = new AbortController();
  try {
    const bundle = await bundleRevtun(folder);
    const [tunnel, front, admin] = [freePort(), freePort(), freePort()];
    const flags = RUN_FLAGS.map((flag) => `'${flag}'`).join(" ");
    const server = group.start(
      `${Deno.execPath()} run --no-config --no-lock -q ${flags} ${bundle} server --log-level warn ` +
        `--tunnel 127.0.0.1:${tunnel} --listen 127.0.0.1:${front} --admin 127.0.0.1:${admin}`,
    );
    for (const port of [tunnel, admin]) {
      await waitForPort({ hostname: "127.0.0.1", port }, "revtun", server);
    }
    const address = { kind: "tcp", host: "127.0.0.1", port: tunnel } as const;
    for (let i = 0; i < HOSTS; i++) {
      const config = agentConfig({
        cluster: `edge-${i % 5}`,
        hostName: `host-${String(i).padStart(4, "0")}`,
        servers: [address],
        connectionNum: 1,
      });
      agents.push(await startAgent(config, runtime, { software: "revtun/bench" }));
    }
    await Promise.all(agents.map((agent) => agent.when(() => agent.connectionCount === 1)));
    const url = `http://127.0.0.1:${admin}`;
    print(`${HOSTS} hosts, ${SECONDS} s a figure`);
    if (PART !== "browser") await measureServer(url, server.pid, print, false);
    const sending = sendRequests(front, load.signal);
    if (PART !== "browser") await measureServer(url, server.pid, print, true);
    if (PART !== "browser") {
      const { medianMs, slowestMs } = await measureNews(url, CONSOLES);
      print(
        `\nA change is seen by ${CONSOLES} consoles after ${medianMs.toFixed(0)} ms, the slowest ` +
          `after ${slowestMs.toFixed(0)} ms`,
      );
    }
    if (PART !== "server") await measureBrowser(url, print);
    load.abort();
    await sending;
  } finally {
    load.abort();
    await Promise.all(agents.map((agent) => agent.abort()));
    runtime.timers.close();
    await group.end();
    await Deno.remove(folder, { recursive: true });
  }
}

/** What consoles cost the server: its CPU time with them and without. */
async function measureServer(
  url: string,
  pid: number,
  print: (line: string) => void,
  isBusy: boolean,
): Promise<void> {
  const cpu = () => share(async () => (await usageOf([pid])).cpuSeconds);
  await pause(1000);
  const alone = await cpu();
  const watchers = new AbortController();
  const watching = Array.from({ length: CONSOLES }, () => watch(url, watchers.signal));
  await pause(2000);
  const watched = await cpu();
  watchers.abort();
  await Promise.all(watching);
  if (!isBusy) {
    print("\n| hosts | CPU, nobody watches | consoles | with them | they cost |");
    print("| --- | --- | --- | --- | --- |");
  }
  const figures = [alone, watched, watched - alone].map((percent) => `${percent.toFixed(2)} %`);
  print(
    `| ${isBusy ? "with requests" : "idle"} | ${figures[0]} | ${CONSOLES} | ${figures[1]} | ` +
      `${figures[2]} |`,
  );
}

/** The page's main thread, while nearly every host changes every second. */
async function measureBrowser(url: string, print: (line: string) => void): Promise<void> {
  if (needsChromium("").ignore) return print("\nThe browser's part was left out: no chromium");
  print(
    `\n| scrolled to | updates | main thread an update | script | style | layout | longest task |`,
  );
  print("| --- | --- | --- | --- | --- | --- | --- |");
  await using browser = await startBrowser();
  for (const isAtEnd of [false, true]) {
    await using opened = await openPage(browser, `${url}/`);
    const { page } = opened;
    await page.getByRole("link", { name: "host-0000" }).waitFor();
    if (isAtEnd) await page.evaluate("scrollTo(0, document.body.scrollHeight)");
    await pause(2000);
    await page.evaluate(`
      window.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
      }).observe({ type: "longtask" });
      window.updates = 0;
      new MutationObserver(() => updates += 1)
        .observe(document.querySelector(".stats"), { subtree: true, characterData: true });
    `);
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const taskMs = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      const of = (part: string) => metrics.find(({ name }) => name === part)!.value * 1000;
      return PARTS.map(of);
    };
    const before = await taskMs();
    const first = Number(await page.evaluate("updates"));
    await pause(SECONDS * 1000);
    const spent = (await taskMs()).map((ms, i) => ms - before[i]!);
    const updates = Number(await page.evaluate("updates")) - first;
    const longest = Number(await page.evaluate("longest"));
    print(
      `| ${isAtEnd ? "end" : "top"} | ${updates} | ` +
        `${spent.map((ms) => `${(ms / updates).toFixed(1)} ms`).join(" | ")} | ` +
        `${longest === 0 ? "under 50 ms" : `${Math.round(longest)} ms`} |`,
    );
  }
}

/** Watches as a console does, and reads what comes. */
async function watch(url: string, signal: AbortSignal): Promise<void> {
  try {
    const response = await fetch(`${url}/api/v1/live?changes=true`, { signal });
    for await (const _ of response.body!);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function sendRequests(port: number, signal: AbortSignal): Promise<void> {
  const one = async (n: number) => {
    for (let i = n; !signal.aborted; i++) {
      const headers = { "x-revtun-cluster": `edge-${i % 5}` };
      await (await fetch(`http://127.0.0.1:${port}/`, { headers })).body?.cancel();
      await pause(CLIENTS);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => one(n)));
}

async function share(seconds: () => Promise<number>): Promise<number> {
  const before = await seconds();
  const startMs = performance.now();
  await pause(SECONDS * 1000);
  return (await seconds() - before) / ((performance.now() - startMs) / 1000) * 100;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function numberOf(name: string, otherwise: number): number {
  return Number(optionOf(name) ?? otherwise);
}

function optionOf(name: string): string | undefined {
  return Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}
