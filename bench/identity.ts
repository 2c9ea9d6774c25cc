/**
 * What it costs to ask agents who they are and to bound them: CPU of the server for each of an
 * agent's connections, with 10,000 tokens and without, by turns in one process; and what 10,000 tokens take to load and to hold. Also alone by `npm run bench -- identity`.
 */
import { FrameDecoder } from "../lib/codec/frame.ts";
import { CONNECT_STATUS } from "../lib/codec/message.ts";
import { decodeMessage } from "../lib/codec/decode_message.ts";
import { encodeMessage } from "../lib/codec/encode_message.ts";
import { newTicket } from "../lib/auth/ticket.ts";
import { routeFlags } from "../npm/route.ts";
import { byTurns, pairedRatio } from "./by_turns.ts";
import { freePort } from "./ports.ts";
import { cpuSecondsOf } from "./proc.ts";
import { startProgram } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";
import { median } from "./stats.ts";

/** CPU for one connection in µs, medians over all rounds; and what the tokens take. */
export interface IdentityResult {
  readonly offUs: number;
  readonly onUs: number;
  /** The median of the rounds' own ratios: both halves of a round saw the same machine. */
  readonly ratio: number;
  /** The same with the bandwidth of agents and frontends bounded, which is off by default. */
  readonly throttledRatio: number;
  readonly rounds: number;
  readonly connectionsPerRound: number;
  readonly tokens: number;
  readonly loadMs: number;
  readonly heldMb: number;
}

const TOKENS = 10_000;
const ROUNDS = 15;
const CONNECTIONS = 1000;
/** Those before that are not counted, and the pause before them. */
const WARM_UP = 300;
const SETTLE_MS = 300;
const CLIENTS = 20;

/** No credential; tokens; and bytes a second bounded besides, which is off unless asked for. */
const KINDS = ["off", "on", "throttled"] as const;
type Kind = typeof KINDS[number];

/** Measures; takes about a minute. @throws {Error} a connection was refused. */
export async function measureIdentity(run: ProgramRun): Promise<IdentityResult> {
  const folder = await Deno.makeTempDir({ dir: run.folder });
  const programs: Program[] = [];
  try {
    const file = `${folder}/tokens`;
    const token = await writeTokens(file);
    const settings = new Settings(folder, file);
    await settings.write("off");
    const server = startProgram(run, ["server", "--config", settings.file]);
    programs.push(server);
    await server.printed(/event=tunnel\.listening/);
    let reloads = 0;
    const costUs = async (kind: Kind) => {
      await settings.write(kind);
      server.signal("SIGHUP");
      reloads += 1;
      await server.printed(new RegExp(`event=config\\.reloaded .*reloads=${reloads}\\b`));
      // What reading 10,000 tokens has left behind is not to be counted as their agents'.
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const credential = kind === "off" ? "" : token;
      await connectMany(settings.port, credential, WARM_UP);
      const before = await cpuSecondsOf(server.pid);
      await connectMany(settings.port, credential, CONNECTIONS);
      return (await cpuSecondsOf(server.pid) - before) * 1e6 / CONNECTIONS;
    };
    // Warm before anything counts.
    for (let i = 0; i < 2; i++) for (const kind of KINDS) await costUs(kind);
    const costs = await byTurns(KINDS, ROUNDS, costUs);
    return {
      offUs: median(costs.off),
      onUs: median(costs.on),
      ratio: pairedRatio(costs.on, costs.off),
      throttledRatio: pairedRatio(costs.throttled, costs.off),
      rounds: ROUNDS,
      connectionsPerRound: CONNECTIONS,
      tokens: TOKENS,
      ...await measureTokens(file, run.signal),
    };
  } finally {
    for (const program of programs.toReversed()) await program.end();
  }
}

/** The result as lines of text. */
export function formatIdentity(result: IdentityResult): string {
  const { offUs, onUs, ratio, throttledRatio, rounds, connectionsPerRound } = result;
  const { tokens, loadMs, heldMb } = result;
  const verdict = (isMissed: boolean) => isMissed ? "   MISSED" : "";
  const more = (value: number) => `${((value - 1) * 100).toFixed(1)} % more`;
  return `CPU of the server for one connection of an agent, ${rounds} rounds of ` +
    `${connectionsPerRound} each, by turns in one process:\n` +
    `  credential none          ${offUs.toFixed(1)} µs\n` +
    `  ${tokens} tokens             ${onUs.toFixed(1)} µs\n` +
    `  median of all pairs      ${more(ratio)}, goal 3 %${verdict(ratio > 1.03)}\n` +
    `  with bandwidths bounded  ${more(throttledRatio)}\n` +
    `${tokens} tokens: loaded in ${loadMs.toFixed(0)} ms, goal 1000 ms${verdict(loadMs > 1000)}; ` +
    `${heldMb.toFixed(1)} MB, goal 10 MB${verdict(heldMb > 10)}\n`;
}

/** The server's settings, all limits on, at which nothing is kept out but all is counted. */
class Settings {
  readonly file: string;
  readonly port = freePort();
  readonly #tokens: string;

  constructor(folder: string, tokens: string) {
    this.file = `${folder}/revtun.yaml`;
    this.#tokens = tokens;
  }

  async write(kind: Kind): Promise<void> {
    const credential = kind === "off" ? { "credential_policy": "none" } : {
      "credential_policy": "token-file",
      "token_file": this.#tokens,
    };
    const bandwidth = kind !== "throttled" ? {} : {
      "agent_bandwidth": "4GiB",
      "frontend_bandwidth": "4GiB",
    };
    const server = {
      listen: ["127.0.0.1:0"],
      tunnel: [`127.0.0.1:${this.port}`],
      "open_clusters": true,
      "handshake_rate": 1_000_000,
      "max_connections_per_agent": 100_000,
      ...credential,
      ...bandwidth,
    };
    await Deno.writeTextFile(`${this.file}.new`, JSON.stringify({ server }), { mode: 0o600 });
    await Deno.rename(`${this.file}.new`, this.file);
  }
}

/** Writes them; gives the token of one in the middle. */
async function writeTokens(file: string): Promise<string> {
  const tickets = Array.from(
    { length: TOKENS },
    (_, number) =>
      newTicket({ id: `till-${number}`, clusters: [`edge-${number % 100}`] }, Date.now()),
  );
  await Deno.writeTextFile(file, tickets.map(({ line }) => `${line}\n`).join(""), { mode: 0o600 });
  return tickets[5000]!.token.reveal();
}

/** In a process of its own, where nothing else takes memory meanwhile. */
async function measureTokens(
  file: string,
  signal: AbortSignal,
): Promise<{ loadMs: number; heldMb: number }> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "-q", "--no-check", "--v8-flags=--expose-gc", ...routeFlags()],
      ...["bench/load_tokens.ts", file],
    ],
    signal,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The tokens could not be loaded");
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function connectMany(port: number, credential: string, count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
    const bytes = encodeMessage({
      type: "initInfo",
      clusterName: "edge-0",
      weight: 10,
      hostName: `till-${client}`,
      credentialPolicy: credential === "" ? "" : "token",
      credential,
      hello: { version: 1, modes: ["mux"], agentId: crypto.randomUUID(), connectionId: 1 },
    });
    while (left-- > 0) await register(port, bytes);
  }));
}

/** One connection: it is let in, and ends. */
async function register(port: number, bytes: Uint8Array): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(bytes);
  const decoder = new FrameDecoder();
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("The server closed a connection unanswered");
    const decoded = decoder.push(buffer.subarray(0, count));
    if (decoded === undefined) continue;
    const answer = decodeMessage(decoded.frame);
    if (answer.type === "initResponse" && answer.status === CONNECT_STATUS.success) return;
    throw new Error("The server refused an agent");
  }
}
