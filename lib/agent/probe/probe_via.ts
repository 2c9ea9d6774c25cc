/** Goes the way of a client: through a frontend, the tunnel and the agent, to the target. */
import { formatAddress } from "../../address.ts";
import type { Address } from "../../address.ts";
import { HttpError } from "../../codec/http1/http_error.ts";
import { DialError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { detailOf, round, runStep } from "../../step.ts";
import type { Found, Step } from "../../step.ts";
import type { Connection } from "../../transport/connection.ts";
import { dial } from "../../transport/dial.ts";
import type { TlsClientSettings } from "../../transport/tls_client_files.ts";
import { askByHttp } from "./http_exchange.ts";
import type { HttpResult } from "./http_exchange.ts";
import { resolveServer } from "./resolve_server.ts";
import { probeTls } from "./tls_step.ts";

/** Where a client would ask. */
export interface ViaUrl {
  readonly isTls: boolean;
  readonly address: Address & { readonly kind: "tcp" };
  /** Value of Host. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
}

/** How to ask. */
export interface ViaOptions {
  readonly url: ViaUrl;
  /** How the frontend's certificate is checked. */
  readonly tls: TlsClientSettings;
  /** Deadline of each step, ms. */
  readonly timeoutMs: number;
}

/** Asks for the times of the hops; see docs/observability.md. */
const TRACE_LINE = "x-revtun-trace: 1";
const WANTED = ["server-timing", "x-revtun-error", "x-revtun-hop"];
const HOPS = ["frontend", "queue", "tunnel", "dial", "first-byte"];

/**
 * Reads `http://host[:port]/path` or `https://…`.
 *
 * @throws {RangeError} it is none.
 */
export function parseViaUrl(text: string): ViaUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isTls = url?.protocol === "https:";
  if (url === undefined || (!isTls && url.protocol !== "http:")) {
    throw new RangeError(`"${text}" is no address of a frontend, expected http://host:port/path`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new RangeError("a URL with a password in it is there for all to see, leave it out");
  }
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  return {
    isTls,
    address: { kind: "tcp", host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port },
    host: url.host,
    path: `${url.pathname}${url.search}`,
  };
}

/** Runs the steps, each given as soon as it is over. */
export async function* probeVia(
  options: ViaOptions,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { url, tls, timeoutMs } = options;
  const [resolved, addresses] = await resolveServer(url.address, timeoutMs, runtime);
  if (resolved !== undefined) yield resolved;
  for (const address of addresses ?? []) {
    if (signal.aborted) return;
    const rests: Promise<void>[] = [];
    const [connected, plain] = await connect(address, timeoutMs, runtime, signal, rests);
    yield connected;
    // An attempt to connect that was given up goes on for a moment.
    await Promise.all(rests);
    let connection = plain;
    if (plain !== undefined && url.isTls) {
      plain.close();
      const place = { address, server: url.address };
      const [shaken, secured] = await probeTls(place, tls, timeoutMs, runtime, signal, "frontend");
      yield shaken;
      connection = secured;
    }
    if (connection !== undefined) yield* request(connection, options, runtime, signal);
  }
}

async function connect(
  address: Address,
  timeoutMs: number,
  runtime: Runtime,
  signal: AbortSignal,
  rests: Promise<void>[],
) {
  return await runStep<Connection>({
    name: "connect",
    subject: formatAddress(address),
    nowMs: runtime.nowMs,
    run: async () => {
      const onGivenUp = (rest: Promise<void>) => void rests.push(rest);
      const value = await dial(address, runtime, { timeoutMs, signal, onGivenUp });
      return { value, detail: `TCP from ${formatAddress(value.local)}` };
    },
    explain: (error) => ({
      advice: error instanceof DialError && error.failure === "refused"
        ? "start `revtun server` there, or correct the port: it is one given as --listen"
        : "check that firewalls and routes let this machine reach that address and port",
    }),
  });
}

async function* request(
  connection: Connection,
  { url, timeoutMs }: ViaOptions,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const subject = formatAddress(connection.remote);
  const [asked, result] = await runStep<HttpResult>({
    name: "request",
    subject,
    nowMs: runtime.nowMs,
    run: async () => {
      const { path, host } = url;
      const version = connection.tls?.alpn === "h2" ? "2" : "1.1";
      const lines = [TRACE_LINE];
      const question = { version, path, host, lines, wanted: WANTED, timeoutMs, signal } as const;
      return describe(await askByHttp(connection, question, runtime), url);
    },
    explain: (error) => ({
      detail: error instanceof HttpError
        ? `what answers is no HTTP: ${error.detail}`
        : detailOf(error),
      advice: error instanceof RequestFailed
        ? error.advice
        : "check that this is the port of an http:// or https:// frontend",
      ...(error instanceof RequestFailed && { facts: factsOf(error.result) }),
    }),
  });
  yield asked;
  if (result !== undefined) yield hopStep(result, subject);
}

/** The frontend, the tunnel or the agent answered in place of the target. */
class RequestFailed extends Error {
  readonly result: HttpResult;
  readonly advice: string;

  constructor(message: string, result: HttpResult, advice: string) {
    super(message);
    this.result = result;
    this.advice = advice;
  }
}

/** @throws {RequestFailed} */
function describe(result: HttpResult, url: ViaUrl): Found<HttpResult> {
  const { version, status, firstByteMs, totalMs, bodyBytes, fields } = result;
  const detail =
    `GET ${url.path} by HTTP/${version} is answered with ${status}, first byte after ` +
    `${round(firstByteMs)} ms, ${bodyBytes} bytes after ${round(totalMs)} ms`;
  const code = fields.get("x-revtun-error");
  if (code !== undefined) {
    const words = `${status} by revtun itself (${code}) after ${round(firstByteMs)} ms`;
    throw new RequestFailed(words, result, adviceFor(code));
  }
  const facts = factsOf(result);
  if (status < 500) return { value: result, detail, facts };
  const advice = "the service behind the agent fails by itself: look into its log";
  return { value: result, detail, facts, verdict: "warn", advice };
}

function factsOf({ version, status, firstByteMs, totalMs, bodyBytes, fields }: HttpResult) {
  const code = fields.get("x-revtun-error");
  return {
    "http_version": version,
    status,
    "first_byte_ms": round(firstByteMs),
    "total_ms": round(totalMs),
    "body_bytes": bodyBytes,
    ...(code !== undefined && { error: code }),
  };
}

/** Says how long each hop took, where the server tells. */
function hopStep(result: HttpResult, subject: string): Step {
  const hops = parseServerTiming(result.fields.get("server-timing") ?? "");
  const step = { name: "hops", subject, ms: 0, verdict: "ok" } as const;
  if (HOPS.some((name) => !hops.has(name))) {
    return {
      ...step,
      detail: "the server does not tell: it is an older one, or runs without --probe-timings",
    };
  }
  const times = HOPS.map((name) => [name, hops.get(name)!] as const);
  const insideMs = times.reduce((sum, [, ms]) => sum + ms, 0);
  const wayMs = round(Math.max(0, result.firstByteMs - insideMs));
  const words = times.map(([name, ms]) => `${name.replace("-", " ")} ${round(ms)}`).join(", ");
  return {
    ...step,
    detail: `way to the frontend ${wayMs}, ${words} ms`,
    facts: {
      "way_ms": wayMs,
      ...Object.fromEntries(times.map(([name, ms]) => [`${name.replace("-", "_")}_ms`, round(ms)])),
    },
  };
}

/** Reads `name;dur=MS, …`; what has no duration is left out. */
export function parseServerTiming(text: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const metric of text.slice(0, 4096).split(",")) {
    const [name = "", ...parameters] = metric.split(";").map((part) => part.trim());
    const duration = parameters.find((part) => /^dur=/i.test(part))?.slice("dur=".length);
    const ms = Number(duration?.replaceAll('"', "") || NaN);
    if (Number.isFinite(ms) && ms >= 0) times.set(name.toLowerCase(), ms);
  }
  return times;
}

/** What helps, by what revtun's answers say for machines. */
function adviceFor(code: string): string {
  switch (code) {
    case "no-cluster":
    case "no-route":
      return "name a cluster by the host name or x-revtun-cluster, or give the server a --route";
    case "no-host":
      return "no agent of that cluster is connected: start one, or see revtun status";
    case "target-refused":
    case "target-unreachable":
    case "target-timeout":
    case "target-unhealthy":
      return "at the agent: revtun probe --targets --config FILE";
    case "no-such-target":
      return "give the agent a --target of that name";
    case "target-not-allowed":
      return "the agent's own rules refuse it: --allow, --allow-request";
    default:
      return "see revtun explain with the same address, on the server";
  }
}
