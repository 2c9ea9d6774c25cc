/** Knows when a server, or a tunnel with all that is behind it, is up. */
import type { Running } from "./process_group.ts";

/** Longest start of anything. */
const START_MS = 15_000;
const POLL_MS = 50;

/** Where a peer's clients connect. */
export interface Endpoint {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Asks until an HTTP answer comes.
 *
 * @throws {Error} one of `processes` ended, or nothing came in time; one line with its last words.
 */
export async function waitForAnswer(
  endpoint: Endpoint,
  name: string,
  processes: readonly Running[],
  host = "bench",
): Promise<void> {
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await poll(() => answers(endpoint, new TextEncoder().encode(request)), name, processes);
}

/**
 * Waits until something listens there.
 *
 * @throws {Error} as {@link waitForAnswer}.
 */
export async function waitForPort(
  endpoint: Endpoint,
  name: string,
  process: Running,
): Promise<void> {
  await poll(
    async () => {
      try {
        (await Deno.connect(endpoint)).close();
        return true;
      } catch {
        return false;
      }
    },
    name,
    [process],
  );
}

async function poll(
  isUp: () => Promise<boolean>,
  name: string,
  processes: readonly Running[],
): Promise<void> {
  const deadlineMs = performance.now() + START_MS;
  for (;;) {
    const isThere = await isUp();
    // Looked at even then: who answers may be another that holds the port.
    const ended = processes.find((one) => one.isEnded);
    if (ended !== undefined) throw new Error(`${name} ended at its start: ${lastLine(ended.tail)}`);
    if (isThere) return;
    if (performance.now() > deadlineMs) {
      const said = processes.map((one) => lastLine(one.tail)).filter((line) => line !== "");
      const words = said.length > 0 ? `: ${said.join("; ")}` : "";
      throw new Error(`${name} gave no answer within ${START_MS / 1000} s${words}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function answers(endpoint: Endpoint, request: Uint8Array): Promise<boolean> {
  let conn: Deno.TcpConn | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    conn = await Deno.connect(endpoint);
    // A tunnel that is half up may take the connection and say nothing.
    timer = setTimeout(() => conn?.close(), 2000);
    await conn.write(request);
    const head = new Uint8Array(64);
    const count = await conn.read(head);
    return new TextDecoder().decode(head.subarray(0, count ?? 0)).startsWith("HTTP/1.1 200");
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    try {
      conn?.close();
    } catch {
      // Closed by the timer.
    }
  }
}

/** The line that says why, or the last one, without colours, at most 200 characters. */
export function lastLine(text: string): string {
  // deno-lint-ignore no-control-regex -- what terminals take for colours
  const plain = text.replace(/\x1b\[[0-9;]*m/g, "");
  const lines = plain.trim().split("\n");
  // Backtraces and hints follow what they are about.
  const line = lines.find((one) => /error|panicked|cannot|failed/i.test(one)) ?? lines.at(-1)!;
  return line.trim().slice(0, 200);
}
