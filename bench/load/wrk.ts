/** wrk, or hey where there is no wrk: as many requests as can be. */
import type { Endpoint } from "../wait_for_answer.ts";
import { isProgram } from "../programs.ts";

/** One run. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were none: errors of sockets, other statuses than 2xx. */
  readonly failures: number;
}

/** What to ask for. */
export interface LoadOptions {
  readonly connections: number;
  readonly seconds: number;
  /** A new connection for each request. */
  readonly isClosing?: boolean;
  /** Value of `Host`, for peers that route by it. */
  readonly host?: string | undefined;
}

/**
 * Runs the load generator that is there.
 *
 * @throws {Error} there is none, or it failed.
 */
export async function runLoad(
  endpoint: Endpoint,
  options: LoadOptions,
  signal: AbortSignal,
): Promise<LoadResult> {
  const tool = await isProgram("wrk") ? "wrk" : "hey";
  if (tool === "hey" && !await isProgram("hey")) throw new Error("neither wrk nor hey is there");
  const url = `http://${endpoint.hostname}:${endpoint.port}/`;
  const args = tool === "wrk" ? wrkArgs(url, options) : heyArgs(url, options);
  const { success, stdout, stderr } = await new Deno.Command(tool, {
    args,
    signal,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${tool} failed: ${decoder.decode(stderr).trim()}`);
  const text = decoder.decode(stdout);
  return tool === "wrk" ? parseWrk(text) : parseHey(text, options.seconds);
}

function wrkArgs(url: string, options: LoadOptions): string[] {
  const { connections, seconds, isClosing, host } = options;
  return [
    ...["-t1", `-c${connections}`, `-d${seconds}s`, "--latency"],
    ...(isClosing ? ["-H", "Connection: close"] : []),
    ...(host === undefined ? [] : ["-H", `Host: ${host}`]),
    url,
  ];
}

function heyArgs(url: string, options: LoadOptions): string[] {
  const { connections, seconds, isClosing, host } = options;
  return [
    ...["-z", `${seconds}s`, "-c", `${connections}`],
    ...(isClosing ? ["-disable-keepalive"] : []),
    ...(host === undefined ? [] : ["-host", host]),
    url,
  ];
}

/**
 * Reads what `wrk --latency` prints.
 *
 * @throws {Error} there is no rate in it.
 */
export function parseWrk(text: string): LoadResult {
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const failures = (sockets?.slice(1) ?? []).reduce((sum, one) => sum + Number(one), 0);
  return {
    requestsPerSecond: numberIn(text, /Requests\/sec:\s+([\d.]+)/),
    requests: numberIn(text, /(\d+) requests in/),
    p50Ms: wrkMs(/\n\s+50%\s+(\S+)/.exec(text)?.[1]),
    p99Ms: wrkMs(/\n\s+99%\s+(\S+)/.exec(text)?.[1]),
    failures: failures + Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  };
}

/**
 * Reads what `hey` prints after `seconds` of load.
 *
 * @throws {Error} there is no rate in it.
 */
export function parseHey(text: string, seconds: number): LoadResult {
  const requestsPerSecond = numberIn(text, /Requests\/sec:\s+([\d.]+)/);
  const good = [...text.matchAll(/\[2\d\d\]\s+(\d+) responses/g)];
  const requests = good.reduce((sum, [, count]) => sum + Number(count), 0);
  return {
    requestsPerSecond,
    requests,
    p50Ms: Number(/50% in ([\d.]+) secs/.exec(text)?.[1] ?? NaN) * 1000,
    p99Ms: Number(/99% in ([\d.]+) secs/.exec(text)?.[1] ?? NaN) * 1000,
    failures: Math.max(0, Math.round(requestsPerSecond * seconds) - requests),
  };
}

/** "1.23ms", "950.00us", "1.02s" in ms. */
function wrkMs(text: string | undefined): number {
  const match = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? "");
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? ""] ?? NaN;
  return Number(match?.[1] ?? NaN) * factor;
}

function numberIn(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`No ${pattern} in what the load generator printed:\n${text}`);
  return Number(match[1]);
}
