/**
 * What a reload does to requests under way: a thousand routes and a thousand agents' tokens are
 * changed while 2,000 requests a second pass. Also alone by `npm run bench -- reload`.
 */
import { newTicket } from "../lib/auth/ticket.ts";
import { runFixedRate } from "./load/fixed_rate.ts";
import { startProgram } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";
import { freePort } from "./ports.ts";
import { median, percentile } from "./stats.ts";
import { waitForAnswer } from "./wait_for_answer.ts";

/** p99 of the second in which settings are read anew, and of one like it in which they are not. */
export interface ReloadResult {
  readonly quietP99Ms: number;
  readonly reloadP99Ms: number;
  /** The longest that one request took in any of the reloads. */
  readonly worstMs: number;
  readonly rounds: number;
}

const ENTRIES = 1000;
const ROUNDS = 5;
const RATE = { perSecond: 2000, connections: 50, seconds: 1 };
/** From the load's start to the change: the reload, some 150 ms later, falls into what is counted. */
const CHANGE_AFTER_MS = 450;
const GOAL_MS = 100;

/** Measures; takes about a quarter of a minute. @throws {Error} a request failed. */
export async function measureReload(run: ProgramRun): Promise<ReloadResult> {
  const folder = await Deno.makeTempDir({ dir: run.folder });
  const settings = new Settings(folder);
  const programs: Program[] = [];
  try {
    await settings.write(0);
    const server = startProgram(run, ["server", "--config", settings.file]);
    programs.push(server);
    await server.printed(/event=frontend\.listening/);
    const agent = startProgram(run, [
      ...["agent", "--server", `127.0.0.1:${settings.tunnel}`, "--cluster", "edge-0"],
      ...["--token-file", settings.agentToken, "--credential", "token-file"],
    ]);
    programs.push(agent);
    const endpoint = { hostname: "127.0.0.1", port: settings.frontend };
    await waitForAnswer(endpoint, "the agent", []);
    await runFixedRate(endpoint, RATE);
    const quiet: number[] = [];
    const reloads: number[] = [];
    let worstMs = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      quiet.push(percentile(await runFixedRate(endpoint, RATE), 0.99));
      const change = new Promise((resolve) => setTimeout(resolve, CHANGE_AFTER_MS)).then(
        async () => {
          await settings.write(round);
          server.signal("SIGHUP");
        },
      );
      const latencies = await runFixedRate(endpoint, RATE);
      await change;
      await server.printed(new RegExp(`event=config\\.reloaded .*reloads=${round}\\b`));
      await server.printed(new RegExp(`event=token\\.reloaded .*tokens=${ENTRIES + round}\\b`));
      reloads.push(percentile(latencies, 0.99));
      worstMs = Math.max(worstMs, latencies.at(-1)!);
    }
    return {
      quietP99Ms: median(quiet),
      reloadP99Ms: median(reloads),
      worstMs,
      rounds: ROUNDS,
    };
  } finally {
    for (const program of programs.toReversed()) await program.end();
  }
}

/** The result as lines of text. */
export function formatReload({ quietP99Ms, reloadP99Ms, worstMs, rounds }: ReloadResult): string {
  const missed = reloadP99Ms > GOAL_MS ? "   MISSED" : "";
  return `${RATE.perSecond} requests a second, none failed; medians of ${rounds} rounds:\n` +
    `  p99 of a second without a reload   ${quietP99Ms.toFixed(1)} ms\n` +
    `  p99 of one with ${ENTRIES} routes and ${ENTRIES} tokens changed   ` +
    `${reloadP99Ms.toFixed(1)} ms, goal ${GOAL_MS} ms${missed}\n` +
    `  longest request of all reloads   ${worstMs.toFixed(1)} ms\n`;
}

/** The server's files, all of whose entries are others each time. */
class Settings {
  readonly file: string;
  readonly agentToken: string;
  readonly frontend = freePort();
  readonly tunnel = freePort();
  readonly #tokens: string;
  readonly #agent = newTicket({ id: "agent", clusters: ["edge-0"] }, Date.now());

  constructor(folder: string) {
    this.file = `${folder}/revtun.yaml`;
    this.agentToken = `${folder}/agent-token`;
    this.#tokens = `${folder}/tokens`;
  }

  async write(round: number): Promise<void> {
    const numbers = Array.from({ length: ENTRIES }, (_, number) => number);
    const routes = numbers.map((number) =>
      `    - host: shop-${number}.example.com\n      path: /api/${round}\n` +
      `      to: { cluster: edge-${number}, target: web }\n`
    );
    const tokens = numbers.map((number) =>
      newTicket({ id: `till-${number}`, clusters: [`edge-${number}`] }, Date.now()).line
    );
    // One more each time, to know which version was read.
    const more = Array.from(
      { length: round },
      (_, number) => newTicket({ id: `more-${number}` }, Date.now()).line,
    );
    const lines = [this.#agent.line, ...tokens.slice(1), ...more];
    await replace(this.agentToken, `${this.#agent.token.reveal()}\n`);
    await replace(this.#tokens, lines.map((line) => `${line}\n`).join(""));
    await replace(
      this.file,
      `server:
  listen: ["http://127.0.0.1:${this.frontend}"]
  tunnel: ["127.0.0.1:${this.tunnel}"]
  open_clusters: true
  credential_policy: token-file
  token_file: ${this.#tokens}
  routes:
${routes.join("")}    - path: /
      to: { cluster: edge-0 }
`,
    );
  }
}

async function replace(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
  await Deno.rename(`${path}.new`, path);
}
