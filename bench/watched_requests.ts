/**
 * CPU of a server for one request without and with access log and metrics: one process that is told
 * by reloads what to write, since two processes of one program differ by more than what is looked for.
 */
import { BROWSER_REQUEST } from "./browser_request.ts";
import { byTurns, pairedRatio } from "./by_turns.ts";
import { freePort } from "./ports.ts";
import { cpuSecondsOf } from "./proc.ts";
import { startProgram } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";
import { median } from "./stats.ts";
import { waitForAnswer } from "./wait_for_answer.ts";

/** How requests are written down. */
const KINDS = ["off", "common", "json"] as const;
type Kind = typeof KINDS[number];

/** In µs for one request: medians over all rounds. */
export interface WatchedCosts {
  readonly us: Readonly<Record<Kind, number>>;
  /** Over "off" within one round, so that what slows the machine slows both: their medians. */
  readonly ratios: Readonly<Record<Kind, number>>;
}

const ROUNDS = 30;
const REQUESTS = 10_000;
const CLIENTS = 50;
const SCRAPE_MS = 15_000;
const GOAL = 1.04;
const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n\r\nhello world\n",
);

/** Measures; takes about a minute. */
export async function measureWatchedRequests(run: ProgramRun): Promise<WatchedCosts> {
  const backend = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void answerAll(backend);
  const programs: Program[] = [];
  try {
    const server = new WatchedServer(run);
    await server.start(programs);
    programs.push(startProgram(run, [
      ...["agent", "--log-level", "warn", "--server", `127.0.0.1:${server.tunnel}`],
      ...["--cluster", "edge-a", "--target", `127.0.0.1:${backend.addr.port}`],
      ...["--connections", "1"],
    ]));
    await waitForAnswer({ hostname: "127.0.0.1", port: server.frontend }, "the agent", []);
    for (const kind of [...KINDS, ...KINDS]) await server.costUs(kind);
    const costs = await byTurns(KINDS, ROUNDS, (kind) => server.costUs(kind));
    const ofEach = (value: (kind: Kind) => number) =>
      Object.fromEntries(KINDS.map((kind) => [kind, value(kind)])) as Record<Kind, number>;
    return {
      us: ofEach((kind) => median(costs[kind])),
      ratios: ofEach((kind) => pairedRatio(costs[kind], costs.off)),
    };
  } finally {
    backend.close();
    for (const program of programs) await program.end();
  }
}

/** The costs as lines of text. */
export function formatWatchedCosts({ us, ratios }: WatchedCosts): string {
  const line = (kind: Kind, name: string) =>
    `  ${name} ${us[kind].toFixed(2)} µs   ${((ratios[kind] - 1) * 100).toFixed(1)} % more, ` +
    `goal 4 %${ratios[kind] <= GOAL ? "" : "   MISSED"}\n`;
  return `CPU of the server for one request, median of ${ROUNDS} rounds of ${REQUESTS}:\n` +
    `  without access log ${us.off.toFixed(2)} µs\n` +
    line("common", "access log and metrics") +
    line("json", "the same, lines of JSON");
}

/** A server whose settings say what it writes down. */
class WatchedServer {
  readonly frontend = freePort();
  readonly tunnel = freePort();
  readonly #admin = freePort();
  readonly #run: ProgramRun;
  readonly #file: string;
  #program: Program | undefined;
  #kind: Kind = "off";
  #reloads = 0;
  #scrapedMs = -Infinity;

  constructor(run: ProgramRun) {
    this.#run = run;
    this.#file = `${run.folder}/watched.yaml`;
  }

  async start(programs: Program[]): Promise<void> {
    await this.#write("off");
    this.#program = startProgram(this.#run, ["server", "--config", this.#file]);
    programs.push(this.#program);
    await this.#program.printed(/event=frontend\.listening/);
  }

  /** CPU for each of many requests. */
  async costUs(kind: Kind): Promise<number> {
    const { pid } = this.#program!;
    if (kind !== this.#kind) await this.#become(kind);
    const before = await cpuSecondsOf(pid);
    await askMany(this.frontend);
    // As Prometheus does by default, though its time is not the load's.
    if (kind !== "off" && performance.now() - this.#scrapedMs > SCRAPE_MS) {
      this.#scrapedMs = performance.now();
      await (await fetch(`http://127.0.0.1:${this.#admin}/metrics`)).text();
    }
    return (await cpuSecondsOf(pid) - before) * 1e6 / REQUESTS;
  }

  async #become(kind: Kind): Promise<void> {
    this.#kind = kind;
    await this.#write(kind);
    this.#program!.signal("SIGHUP");
    this.#reloads += 1;
    await this.#program!.printed(
      new RegExp(`event=config\\.reloaded .*reloads=${this.#reloads}\\b`),
    );
  }

  async #write(kind: Kind): Promise<void> {
    const log = kind === "off"
      ? ""
      : `  access_log: ${this.#run.folder}/access.log\n  access_log_format: ${kind}\n`;
    await Deno.writeTextFile(
      this.#file,
      `server:
  listen: ["http://127.0.0.1:${this.frontend}/edge-a"]
  tunnel: ["127.0.0.1:${this.tunnel}"]
  admin: "127.0.0.1:${this.#admin}"
${log}`,
    );
  }
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
