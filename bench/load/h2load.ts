/** h2load (nghttp2): the same load by HTTP/1 and by HTTP/2. */
import { isProgram } from "../programs.ts";
import type { Endpoint } from "../wait_for_answer.ts";
import type { LoadResult } from "./wrk.ts";

/** What to ask by. */
export interface H2LoadOptions {
  readonly protocol: "HTTP/1" | "HTTP/2";
  readonly connections: number;
  /** Requests at once on each connection. */
  readonly streams: number;
  readonly seconds: number;
}

/**
 * Runs h2load.
 *
 * @throws {Error} it is not there, or it failed.
 */
export async function runH2Load(
  { hostname, port }: Endpoint,
  options: H2LoadOptions,
  signal: AbortSignal,
): Promise<Omit<LoadResult, "p50Ms" | "p99Ms">> {
  if (!await isProgram("h2load")) throw new Error("h2load is not there (Debian: nghttp2-client)");
  const { success, stdout, stderr } = await new Deno.Command("h2load", {
    args: [
      ...(options.protocol === "HTTP/1" ? ["--h1"] : []),
      ...["-t1", `-c${options.connections}`, `-m${options.streams}`, `-D${options.seconds}`],
      `http://${hostname}:${port}/`,
    ],
    signal,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`h2load failed: ${decoder.decode(stderr).trim()}`);
  return parseH2Load(decoder.decode(stdout));
}

/**
 * Reads what `h2load -D` prints.
 *
 * @throws {Error} there are no counts in it.
 */
export function parseH2Load(text: string): Omit<LoadResult, "p50Ms" | "p99Ms"> {
  const rate = /finished in [^,]+, ([\d.]+) req\/s/.exec(text);
  const counts = /requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(
    text,
  );
  const codes = /status codes: (\d+) 2xx/.exec(text);
  if (rate === null || counts === null || codes === null) {
    throw new Error(`No counts in what h2load printed:\n${text}`);
  }
  const good = Number(codes[1]);
  const [succeeded, failed, errored, timeout] = counts.slice(1).map(Number);
  return {
    requestsPerSecond: Number(rate[1]),
    requests: good,
    failures: failed! + errored! + timeout! + Math.max(0, succeeded! - good),
  };
}
