/**
 * What an agent's own side allows, whatever the cloud side asks for: nothing that comes through a
 * tunnel changes it.
 */
import { ByteBucket } from "../byte_bucket.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { Duplex } from "../duplex.ts";
import { DialError } from "../errors.ts";
import { Allowance } from "../mux/abuse.ts";
import type { Runtime } from "../runtime.ts";
import { ThrottledDuplex } from "../throttled_duplex.ts";
import type { DayCount } from "./day_count_file.ts";
import { GuardedTarget } from "./guarded_target.ts";
import { allowsRequest } from "./request_rule.ts";
import type { RequestRule } from "./request_rule.ts";

/** The rules; 0 stands for no limit. */
export type EdgeRules = Readonly<{
  /** Requests that a target may get; one without any rule takes all. */
  requests: readonly RequestRule[];
  /** HTTP requests a second to all targets, as many at once. */
  requestsPerSecond: number;
  /** Streams to targets at once. */
  maxStreams: number;
  /** Bytes both ways together: a second, and a day (UTC). */
  bytesPerSecond: number;
  bytesPerDay: number;
}>;

/** Names of the rules, as a refused client reads them: those of the settings. */
export type RuleName =
  | "allow-request"
  | "max-request-rate"
  | "max-target-streams"
  | "max-daily-bytes";

/** Nothing is limited. */
export const NO_EDGE_RULES: EdgeRules = {
  requests: [],
  requestsPerSecond: 0,
  maxStreams: 0,
  bytesPerSecond: 0,
  bytesPerDay: 0,
};

const MS_PER_DAY = 86_400_000;
/** Refusals that are logged: at once, and a second in the long run. */
const LOGGED = { atOnce: 20, perSecond: 2 };

/** True if there is any rule: without, there is no policy, and nothing to pay for it. */
export function hasEdgeRules(rules: EdgeRules): boolean {
  const { requests, requestsPerSecond, maxStreams, bytesPerSecond, bytesPerDay } = rules;
  return requests.length > 0 ||
    requestsPerSecond + maxStreams + bytesPerSecond + bytesPerDay > 0;
}

/** The rules of one agent, and how much of its limits is used. */
export class EdgePolicy {
  #rules: EdgeRules = NO_EDGE_RULES;
  readonly #runtime: Runtime;
  readonly #clockMs: () => number;
  #bucket: ByteBucket | undefined;
  #requests: Allowance | undefined;
  readonly #logged: Allowance;
  #unlogged = 0;
  #streams = 0;
  #day = 0;
  #dayBytes = 0;
  /** Refusals so far, by the rule. */
  readonly refused: Record<string, number> = {};

  /** @param clockMs ms since 1970. */
  constructor(rules: EdgeRules, runtime: Runtime, clockMs: () => number = Date.now) {
    this.#runtime = runtime;
    this.#clockMs = clockMs;
    this.#logged = new Allowance(LOGGED.atOnce, LOGGED.perSecond, runtime.nowMs());
    this.configure(rules);
  }

  /**
   * Goes by other rules from the next stream on; streams that are there end with the connections
   * that they came by. What is used of a day's bytes stays used.
   */
  configure(rules: EdgeRules): void {
    const { requestsPerSecond, bytesPerSecond } = rules;
    const before = this.#rules;
    this.#rules = rules;
    const { timers } = this.#runtime;
    const nowMs = () => this.#runtime.nowMs();
    if (requestsPerSecond !== before.requestsPerSecond) {
      this.#requests = requestsPerSecond === 0
        ? undefined
        : new Allowance(Math.max(1, requestsPerSecond), requestsPerSecond, nowMs());
    }
    if (bytesPerSecond === before.bytesPerSecond) return;
    this.#bucket?.setRate(bytesPerSecond);
    if (bytesPerSecond === 0) this.#bucket = undefined;
    else this.#bucket ??= new ByteBucket(bytesPerSecond, timers, nowMs);
  }

  /** Streams to targets now. */
  get streamCount(): number {
    return this.#streams;
  }

  /** Bytes that passed today. */
  get dayBytes(): number {
    this.#turnDay();
    return this.#dayBytes;
  }

  /** The same, with the day; what an agent of before has counted is added to it. */
  get dayCount(): DayCount {
    this.#turnDay();
    return { day: this.#day, bytes: this.#dayBytes };
  }

  addDayCount({ day, bytes }: DayCount): void {
    this.#turnDay();
    if (day === this.#day) this.#dayBytes += bytes;
  }

  /**
   * Asks for a stream to a target; `end()` gives its place back.
   *
   * @throws {DialError} a rule forbids it, which it names.
   */
  admit(target: string): EdgeVisit {
    const { maxStreams } = this.#rules;
    if (this.isDayUsedUp) throw this.#refusal("max-daily-bytes", target);
    if (maxStreams > 0 && this.#streams >= maxStreams) {
      throw this.#refusal("max-target-streams", target);
    }
    this.#streams += 1;
    return new EdgeVisit(this, target, () => this.#streams -= 1);
  }

  /** What passes to and from `target` under these rules. */
  guard(target: Duplex, visit: EdgeVisit): Duplex {
    const { requests } = this.#rules;
    const rules = requests.filter((rule) => rule.target === visit.target);
    const limited = this.#bucket === undefined ? target : new ThrottledDuplex(target, this.#bucket);
    const looksAtRequests = rules.length > 0 || this.#requests !== undefined;
    return new GuardedTarget(limited, {
      pool: this.#runtime.pool,
      ...(looksAtRequests && {
        mustBeHttp: rules.length > 0,
        judge: (head: RequestHead) => this.#judge(rules, head, visit.target),
        refusedGarbage: () => this.refuse("allow-request", visit.target),
      }),
      passed: (bytes) => this.#passed(bytes, visit.target),
      closed: () => visit.end(),
    });
  }

  get isDayUsedUp(): boolean {
    const { bytesPerDay } = this.#rules;
    return bytesPerDay > 0 && this.dayBytes >= bytesPerDay;
  }

  /** Counts a refusal and logs it, unless there are too many. */
  refuse(rule: RuleName, target: string, head?: RequestHead): RuleName {
    this.refused[rule] = (this.refused[rule] ?? 0) + 1;
    if (!this.#logged.take(this.#runtime.nowMs())) {
      this.#unlogged += 1;
      return rule;
    }
    const unlogged = this.#unlogged;
    this.#unlogged = 0;
    this.#runtime.log.warn(
      "policy.refused",
      "A rule of this side refused what the cloud side asks",
      {
        rule,
        target: target === "" ? "default" : target,
        // What follows `?` may be anybody's secret.
        ...(head !== undefined && {
          method: head.method,
          path: head.path.split("?", 1)[0]!.slice(0, 200),
        }),
        ...(unlogged > 0 && { unlogged }),
      },
    );
    return rule;
  }

  #judge(rules: readonly RequestRule[], head: RequestHead, target: string): RuleName | undefined {
    if (rules.length > 0 && !allowsRequest(rules, head)) {
      return this.refuse("allow-request", target, head);
    }
    if (this.isDayUsedUp) return this.refuse("max-daily-bytes", target, head);
    if (this.#requests?.take(this.#runtime.nowMs()) === false) {
      return this.refuse("max-request-rate", target, head);
    }
    return undefined;
  }

  /** False once the day's bytes are used up: the stream ends. */
  #passed(bytes: number, target: string): boolean {
    const { bytesPerDay } = this.#rules;
    if (bytesPerDay === 0) return true;
    this.#turnDay();
    this.#dayBytes += bytes;
    if (this.#dayBytes <= bytesPerDay) return true;
    this.refuse("max-daily-bytes", target);
    return false;
  }

  #turnDay(): void {
    const day = Math.floor(this.#clockMs() / MS_PER_DAY);
    if (day === this.#day) return;
    this.#day = day;
    this.#dayBytes = 0;
  }

  #refusal(rule: RuleName, target: string): DialError {
    this.refuse(rule, target);
    const name = target === "" ? "default" : target;
    return new DialError(name, "notAllowed", `the edge's own rule ${rule} forbids it`);
  }
}

/** A stream that was let in, until it ends. */
export class EdgeVisit {
  readonly target: string;
  readonly #policy: EdgePolicy;
  #onEnd: (() => void) | undefined;

  constructor(policy: EdgePolicy, target: string, onEnd: () => void) {
    this.#policy = policy;
    this.target = target;
    this.#onEnd = onEnd;
  }

  /** What passes to and from the target's connection; the visit ends with it. */
  guard(target: Duplex): Duplex {
    return this.#policy.guard(target, this);
  }

  end(): void {
    this.#onEnd?.();
    this.#onEnd = undefined;
  }
}
