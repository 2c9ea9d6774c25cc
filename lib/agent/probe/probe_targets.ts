/** Tries an agent's targets from where the agent is, under its own rules. */
import { formatAddress } from "../../address.ts";
import { DialError } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import type { Runtime } from "../../runtime.ts";
import { detailOf, round, runStep } from "../../step.ts";
import type { Explained, Found, Step } from "../../step.ts";
import type { Connection } from "../../transport/connection.ts";
import type { AgentConfig } from "../config.ts";
import { EdgePolicy, hasEdgeRules } from "../edge_policy.ts";
import { proxyHeader } from "../proxy_header.ts";
import type { RequestRule } from "../request_rule.ts";
import { formatTarget } from "../target.ts";
import type { Target } from "../target.ts";
import { TargetDialer } from "../target_dialer.ts";
import { describePeer } from "./describe_peer.ts";
import { Stranger } from "./stranger.ts";

/** How long a target may take to speak first, as SSH and mail servers do. */
const GREETING_MS = 250;
/** How long it may take to answer a request, at most. */
const ANSWER_MS = 3000;
/** What a client of HTTP/2 says first, with an empty SETTINGS frame. */
const H2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const H2_SETTINGS_TYPE = 4;

/** What was sent, and how long its answer took. */
interface Answered {
  readonly words: string;
  /** Undefined where nothing was asked. */
  readonly firstByteMs?: number;
}

/** Tries each target; one step each, and one more where rules limit what it gets. */
export async function* probeTargets(
  config: AgentConfig,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  if (config.targets.size === 0) {
    yield {
      name: "target",
      subject: "default",
      verdict: "ok",
      ms: 0,
      detail: "none is given: the agent answers with a page of its own",
    };
  }
  // What fails is said by its step.
  const quiet = { ...runtime, log: silentLog };
  for (const target of new Set(config.targets.values())) {
    if (signal.aborted) return;
    const probe = new TargetProbe(target, config, quiet, signal);
    yield await probe.step();
    await probe.settled();
    const rules = rulesFor(config, target);
    if (rules.length > 0) yield policyStep(target, rules);
  }
}

class TargetProbe {
  readonly #target: Target;
  readonly #config: AgentConfig;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  readonly #dialer: TargetDialer;

  constructor(target: Target, config: AgentConfig, runtime: Runtime, signal: AbortSignal) {
    this.#target = target;
    this.#config = config;
    this.#runtime = runtime;
    this.#signal = signal;
    this.#dialer = new TargetDialer(config, {
      runtime,
      openPage: () => {
        throw new TypeError("A target is dialled, no page");
      },
    });
  }

  /** Resolves when nothing is left of a dial that was given up. */
  async settled(): Promise<void> {
    await this.#dialer.settled();
  }

  async step(): Promise<Step> {
    const [step] = await runStep<void>({
      name: "target",
      subject: subjectOf(this.#target),
      nowMs: this.#runtime.nowMs,
      run: () => this.#try(),
      explain: (error) => explain(error, this.#target),
    });
    return step;
  }

  /** @throws {DialError} */
  async #try(): Promise<Found<void>> {
    const { name, protocol, proxyProtocol } = this.#target;
    const runtime = this.#runtime;
    const startMs = runtime.nowMs();
    const network = protocol === "udp" ? "udp" : undefined;
    const connection = await this.#dialer.open({ target: name, network }, this.#signal);
    const dialMs = round(runtime.nowMs() - startMs);
    if (protocol === "udp") {
      connection.close();
      return {
        value: undefined,
        detail: "datagrams: whether anybody takes them cannot be known",
        facts: { "dial_ms": dialMs },
      };
    }
    if (proxyProtocol !== undefined) {
      const place = "remote" in connection ? (connection as Connection).remote : undefined;
      connection.write(proxyHeader(proxyProtocol, undefined, place));
    }
    const rules = this.#config.edgeRules;
    const guarded = hasEdgeRules(rules)
      ? new EdgePolicy({ ...rules, maxStreams: 0, requestsPerSecond: 0 }, runtime)
        .admit(name).guard(connection)
      : connection;
    using stranger = new Stranger(guarded, runtime.timers);
    const { words, firstByteMs } = await this.#converse(stranger);
    const tls = "remote" in connection ? (connection as Connection).tls : undefined;
    const secure = tls === undefined ? "" : `${tls.version ?? "TLS"}, `;
    return {
      value: undefined,
      detail: `takes connections (${dialMs} ms), ${secure}${words}`,
      facts: {
        "dial_ms": dialMs,
        ...(firstByteMs !== undefined && { "first_byte_ms": firstByteMs }),
      },
    };
  }

  async #converse(stranger: Stranger): Promise<Answered> {
    const signal = this.#signal;
    const startMs = this.#runtime.nowMs();
    const passedMs = () => round(this.#runtime.nowMs() - startMs);
    if (this.#target.protocol === "h2c") {
      const bytes = await stranger.ask({ text: H2_PREFACE, waitMs: ANSWER_MS, signal });
      // Its first frame, of less than 256 bytes, has to be SETTINGS.
      const isH2 = bytes[0] === 0 && bytes[1] === 0 && bytes[3] === H2_SETTINGS_TYPE;
      if (!isH2) throw this.#misfit("does not speak HTTP/2", bytes);
      return { words: "speaks HTTP/2", firstByteMs: passedMs() };
    }
    const greeting = await stranger.ask({ waitMs: GREETING_MS, signal });
    if (greeting.length > 0) {
      return { words: `${describePeer(greeting)} answers`, firstByteMs: passedMs() };
    }
    const request = requestFor(this.#target, rulesFor(this.#config, this.#target));
    if (request === undefined) return { words: "not asked: no rule lets a GET through" };
    const { method, path } = request;
    const host = this.#target.hostHeader ?? hostOf(this.#target);
    const text = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: revtun-probe\r\n` +
      "Accept: */*\r\nConnection: close\r\n\r\n";
    const askedMs = this.#runtime.nowMs();
    const bytes = await stranger.ask({ text, waitMs: ANSWER_MS, signal });
    const firstByteMs = round(this.#runtime.nowMs() - askedMs);
    const answer = new TextDecoder().decode(bytes);
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1];
    const words = status !== undefined
      ? `answers ${method} ${path} with ${status} after ${firstByteMs} ms`
      : bytes.length > 0
      ? `${describePeer(bytes)} answers`
      : stranger.isOver
      ? "ends the connection when it is asked by HTTP"
      : "says nothing to a request of HTTP: fine where it speaks something else";
    return { words, firstByteMs };
  }

  #misfit(problem: string, bytes: Uint8Array): DialError {
    const what = bytes.length === 0 ? "" : `: ${describePeer(bytes)} answers`;
    return new DialError(formatTarget(this.#target), "failed", `${problem}${what}`);
  }
}

function rulesFor({ edgeRules }: AgentConfig, { name }: Target): RequestRule[] {
  return edgeRules.requests.filter(({ target }) => target === name);
}

/** Says what the agent's own rules let through to a target, and what not. */
function policyStep(target: Target, rules: readonly RequestRule[]): Step {
  const words = rules.map(({ methods, path, isPrefix }) =>
    `${methods === undefined ? "*" : [...methods].join(",")}:${path}${isPrefix ? "*" : ""}`
  );
  return {
    name: "policy",
    subject: subjectOf(target),
    verdict: "ok",
    ms: 0,
    detail: `only ${words.join(" and ")} gets there; allow-request refuses the rest with 403`,
    facts: { rules: words.map((rule) => ({ rule })) },
  };
}

/** A request that the rules allow, if there is one without consequences. */
function requestFor(
  target: Target,
  rules: readonly RequestRule[],
): { method: string; path: string } | undefined {
  if (target.health?.path !== undefined) return { method: "GET", path: target.health.path };
  for (const method of ["GET", "HEAD"]) {
    const rule = rules.find(({ methods }) => methods === undefined || methods.has(method));
    if (rule !== undefined) return { method, path: rule.path };
  }
  return rules.length === 0 ? { method: "GET", path: "/" } : undefined;
}

function explain(error: unknown, target: Target): Explained {
  const failure = error instanceof DialError ? error.failure : undefined;
  const detail = detailOf(error);
  if (failure === "refused") return { detail, advice: "start the service, or correct its address" };
  if (/TLS/.test(detail)) {
    return { detail, advice: "write it without tls:// if it does not speak TLS" };
  }
  if (target.protocol === "h2c") {
    return { detail, advice: "write it without h2c:// if it does not speak HTTP/2" };
  }
  if (target.protocol === "tls" && /certificate/.test(detail)) {
    return { detail, advice: "name its CA by ?ca=FILE, its name by ?server_name=NAME or its pin" };
  }
  return { detail, advice: "check that this machine reaches it, and that nothing is in between" };
}

function subjectOf(target: Target): string {
  return `${target.name === "" ? "default" : target.name}=${formatTarget(target)}`;
}

function hostOf({ address }: Target): string {
  return address.kind === "tcp" ? formatAddress(address) : "localhost";
}
