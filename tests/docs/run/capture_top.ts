/**
 * `revtun top` on two clusters under load, in a real terminal. Run as a program it makes
 * docs/images/top.svg:
 *
 *     npx deno run -A --no-lock --node-modules-dir=manual --import-map=npm/import_map.json \
 *       tests/docs/run/capture_top.ts
 */
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../../npm/route.ts";
import { openTerminal } from "../../cli/terminal.ts";
import { agentProcess, serverProcess } from "../../e2e/commands.ts";
import { terminalPicture } from "./terminal_picture.ts";

const COLUMNS = 96;
const AGENTS = [
  ["edge-a", "till-7", "10"],
  ["edge-a", "till-8", "10"],
  ["edge-a", "till-9", "30"],
  ["edge-b", "cam-1", "10"],
  ["edge-b", "cam-2", "10"],
] as const;
const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));

/** What the terminal shows when there is something to see, escape sequences and all. */
export async function captureTop(): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await serverProcess(["http://127.0.0.1:0"], ["--admin", "127.0.0.1:0"]),
  );
  const [, admin] = await server.process.printed(/event=admin\.listening .*address=(\S+)/);
  for (const [cluster, host, weight] of AGENTS) {
    const flags = ["--cluster", cluster, "--host-name", host, "--weight", weight];
    stack.use(await agentProcess(server.tunnel, flags));
  }
  const revtun = [Deno.execPath(), "run", "-A", "-q", "--no-check", ...routeFlags(), MAIN];
  const terminal = stack.use(
    await openTerminal([...revtun, "top", "--admin", admin!], { columns: COLUMNS, rows: 10 }),
  );
  await terminal.until(/cam-2/);
  const load = new AbortController();
  const clients = AGENTS.map(([cluster]) =>
    sendRequests(`http://127.0.0.1:${server.ports[0]}/`, cluster, load.signal)
  );
  try {
    // The second one of edge-a is drained, and stays the chosen one.
    await terminal.type("j");
    await terminal.type("d");
    await terminal.until(/till-8 +draining/);
    await terminal.until(/(till-7|till-9) .* [1-9]\d* +\d.* ms[^]*cam-\d .* [1-9]\d* +\d.* ms/);
    // The note on what was done makes way for the keys.
    await terminal.type("Escape");
    await terminal.until(/q quit/);
    return await terminal.shown(true);
  } finally {
    load.abort();
    await Promise.all(clients);
  }
}

async function sendRequests(url: string, cluster: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await fetch(url, { headers: { "x-revtun-cluster": cluster } });
    await answer.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The picture of it. */
export function pictureOfTop(shown: string): string {
  return terminalPicture(
    shown,
    COLUMNS,
    "revtun top: a line for each host with state, weight, connections, requests, bytes, round trip",
  );
}

if (import.meta.main) {
  const path = new URL("../../../docs/images/top.svg", import.meta.url);
  await Deno.writeTextFile(path, pictureOfTop(await captureTop()));
}
