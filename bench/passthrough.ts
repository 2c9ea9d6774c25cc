/**
 * What a connection costs the server by `tls://`, beside one by `tcp://`: the same bytes, a recorded
 * ClientHello, to a backend that sends them back. Also alone by `npm run bench -- passthrough`.
 */
import { byTurns, pairedRatio } from "./by_turns.ts";
import { freePort } from "./ports.ts";
import { cpuSecondsOf } from "./proc.ts";
import { startProgram } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";
import { median } from "./stats.ts";

/** CPU of the server for one connection, in µs: medians over all rounds, each both ways in turn. */
export interface PassthroughResult {
  readonly tcpUs: number;
  readonly tlsUs: number;
  /** `tls` / `tcp` within one round, so that what slows the machine slows both: the median of them. */
  readonly ratio: number;
  readonly rounds: number;
  readonly connectionsPerRound: number;
}

const ROUNDS = 15;
const CONNECTIONS = 1000;
const CLIENTS = 20;

/** Measures both in turns; takes about a minute. */
export async function measurePassthrough(run: ProgramRun): Promise<PassthroughResult> {
  const hello = await Deno.readFile(new URL("../testdata/client_hello/curl.bin", import.meta.url));
  const [tcp, tls, tunnel] = [freePort(), freePort(), freePort()];
  const at = (port: number) => `127.0.0.1:${port}`;
  const backend = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void echoAll(backend);
  const programs: Program[] = [];
  try {
    const server = startProgram(run, [
      ...["server", "--log-level", "warn", "--tunnel", at(tunnel)],
      ...["--listen", `tcp://${at(tcp)}/edge-a`, "--listen", `tls://${at(tls)}/edge-a`],
    ]);
    programs.push(server);
    programs.push(startProgram(run, [
      ...["agent", "--log-level", "warn", "--server", at(tunnel), "--cluster", "edge-a"],
      ...["--target", at(backend.addr.port)],
    ]));
    await answers(tcp, hello);
    const costUs = async (port: number) => {
      const before = await cpuSecondsOf(server.pid);
      await connectMany(port, hello);
      return (await cpuSecondsOf(server.pid) - before) * 1e6 / CONNECTIONS;
    };
    await costUs(tcp);
    await costUs(tls);
    const costs = await byTurns(
      ["tcp", "tls"],
      ROUNDS,
      (kind) => costUs(kind === "tcp" ? tcp : tls),
    );
    return {
      tcpUs: median(costs.tcp),
      tlsUs: median(costs.tls),
      ratio: pairedRatio(costs.tls, costs.tcp),
      rounds: ROUNDS,
      connectionsPerRound: CONNECTIONS,
    };
  } finally {
    backend.close();
    for (const program of programs.toReversed()) await program.end();
  }
}

/** The result as lines of text. */
export function formatPassthrough(result: PassthroughResult): string {
  const { tcpUs, tlsUs, ratio, rounds, connectionsPerRound } = result;
  return `CPU of the server for one connection, median of ${rounds} rounds of ` +
    `${connectionsPerRound}:\n  tcp:// ${tcpUs.toFixed(0)} µs\n  tls:// ${tlsUs.toFixed(0)} µs` +
    `   ${((ratio - 1) * 100).toFixed(1)} % more, goal 5 %${ratio > 1.05 ? "   MISSED" : ""}\n`;
}

async function answers(port: number, hello: Uint8Array): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await exchange(port, hello);
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function connectMany(port: number, hello: Uint8Array): Promise<void> {
  let left = CONNECTIONS;
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (left-- > 0) await exchange(port, hello);
  }));
}

/** One connection: the bytes go, come back, and it ends. */
async function exchange(port: number, hello: Uint8Array): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(hello);
  const buffer = new Uint8Array(hello.length);
  for (let at = 0; at < hello.length;) {
    const count = await conn.read(buffer.subarray(at));
    if (count === null) throw new Error("The connection ended before the answer was whole");
    at += count;
  }
}

async function echoAll(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) {
    conn.readable.pipeTo(conn.writable).catch(() => {/* The far side has left. */});
  }
}
