/**
 * Routes by host, path, method and header; the first that matches counts.
 *
 * A table is compiled once. A request then looks at the routes of its own host only, found by the
 * host and by what stands behind each of its dots, and there by the beginnings of its path: a
 * thousand routes cost as much as ten.
 */
import { NAME_PATTERN } from "../name.ts";
import type { Upstreams } from "../upstream.ts";
import type { Answer } from "./answer.ts";
import { badName, clusterOfLabel, namedRoute } from "./default_route.ts";
import { HeaderEdits, responseEdits } from "./header_edits.ts";
import { bareHost, parseHostPattern } from "./host_pattern.ts";
import type { Captured, HostPattern } from "./host_pattern.ts";
import type { Passage, PathRewrite, RequestView, Route, RouteFunction } from "./route.ts";
import { formatRouteRule } from "./route_rule.ts";
import type { RouteRule } from "./route_rule.ts";

/** Characters of a hash key that count. */
const MAX_HASHED = 256;

/** A rule as requests meet it. */
interface CompiledRule {
  /** Its place in the table. */
  readonly order: number;
  readonly pattern: HostPattern;
  /** With its `$` taken off; "" for any. */
  readonly path: string;
  readonly isExactPath: boolean;
  readonly methods: readonly string[] | undefined;
  /** Lower-case names with the value they must have, undefined for any. */
  readonly headers: readonly (readonly [name: string, value: string | undefined])[];
  readonly rule: RouteRule;
  /** Ready for use unless something of it depends on the request. */
  readonly route: Route | undefined;
  readonly passage: Passage;
}

/** Rules for one host, or for all below a name. */
class Bucket {
  /** Those for any path, in order. */
  readonly #anyPath: CompiledRule[] = [];
  /** Those for certain paths, by that path, each in order. */
  readonly #byPath = new Map<string, CompiledRule[]>();
  /** Longest path of a rule, beyond which no request's path has to be looked at. */
  #longestPath = 0;

  add(rule: CompiledRule): void {
    if (rule.path === "") {
      this.#anyPath.push(rule);
      return;
    }
    this.#longestPath = Math.max(this.#longestPath, rule.path.length);
    const rules = this.#byPath.get(rule.path);
    if (rules === undefined) this.#byPath.set(rule.path, [rule]);
    else rules.push(rule);
  }

  /** The first rule for `request`, if it comes before `best`; else `best`. */
  find(request: RequestView, host: string, best: CompiledRule | undefined):
    | CompiledRule
    | undefined {
    let found = firstOf(this.#anyPath, request, host, false, best);
    if (this.#byPath.size === 0) return found;
    const path = pathOf(request.path);
    const end = Math.min(path.length, this.#longestPath);
    for (let at = 1; at <= end; at++) {
      // Beginnings end behind a slash, before one, or with the path.
      const isEnd = at === path.length;
      if (!isEnd && path[at - 1] !== "/" && path[at] !== "/") continue;
      const rules = this.#byPath.get(path.slice(0, at));
      if (rules !== undefined) found = firstOf(rules, request, host, isEnd, found);
    }
    return found;
  }
}

/** A compiled table. */
export class RouteTable {
  /** The rules it was made of. */
  readonly rules: readonly RouteRule[];
  readonly #exact = new Map<string, Bucket>();
  readonly #bySuffix = new Map<string, Bucket>();
  readonly #any = new Bucket();
  /** Buckets of the host that was asked for last, which most requests ask for again. */
  #lastText = "";
  #lastHost = "";
  #lastBuckets: readonly Bucket[];

  /** @throws {RangeError} naming the rule, fit to be shown behind the setting's name. */
  constructor(rules: readonly RouteRule[]) {
    this.rules = rules;
    for (const [order, rule] of rules.entries()) {
      const compiled = compile(rule, order);
      this.#bucketFor(compiled.pattern).add(compiled);
    }
    this.#lastBuckets = this.#bucketsOf("");
  }

  /** Where `request` goes; undefined if no route is for it. */
  find(request: RequestView, upstreams: Upstreams): Route | Answer | undefined {
    const { host: text } = request;
    if (text !== this.#lastText) {
      this.#lastText = text;
      this.#lastHost = bareHost(text);
      this.#lastBuckets = this.#bucketsOf(this.#lastHost);
    }
    const host = this.#lastHost;
    let best: CompiledRule | undefined;
    for (const bucket of this.#lastBuckets) best = bucket.find(request, host, best);
    if (best === undefined) return undefined;
    const route = best.route ?? resolve(best, request, host, upstreams);
    return request.isTrusted ? onWishedHost(route, request) : route;
  }

  #bucketFor(pattern: HostPattern): Bucket {
    if (pattern.kind === "any") return this.#any;
    const [map, key] = pattern.kind === "exact"
      ? [this.#exact, pattern.host] as const
      : [this.#bySuffix, pattern.suffix] as const;
    let bucket = map.get(key);
    if (bucket === undefined) map.set(key, bucket = new Bucket());
    return bucket;
  }

  #bucketsOf(host: string): Bucket[] {
    const buckets = [this.#any];
    const exact = this.#exact.get(host);
    if (exact !== undefined) buckets.push(exact);
    if (this.#bySuffix.size === 0) return buckets;
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      const below = dot > 0 ? this.#bySuffix.get(host.slice(dot)) : undefined;
      if (below !== undefined) buckets.push(below);
    }
    return buckets;
  }
}

/**
 * Makes the route of a frontend with routes. `x-revtun-cluster`, `-target` and `-host` choose only
 * for trusted proxies.
 *
 * @param fallback asked for requests that no route is for; they are answered 404 without it.
 */
export function tableRoute(
  table: RouteTable,
  upstreams: Upstreams,
  fallback?: (request: RequestView) => Route | Answer | undefined,
): RouteFunction {
  return (request) => {
    if (request.isTrusted && request.header("x-revtun-cluster") !== undefined) {
      return namedRoute(request, upstreams);
    }
    return table.find(request, upstreams) ?? fallback?.(request) ?? noRoute(request);
  };
}

function compile(rule: RouteRule, order: number): CompiledRule {
  const name = formatRouteRule(rule);
  try {
    const pattern = parseHostPattern(rule.host);
    checkDestination(rule, pattern);
    const isExactPath = rule.path?.endsWith("$") === true;
    const path = isExactPath ? rule.path!.slice(0, -1) : rule.path ?? "";
    checkPath(path);
    const isAnyPath = path === "/" && !isExactPath;
    const passage = passageOf(rule, name, path, isExactPath);
    const { cluster, target = "", hostName, hashBy } = rule;
    const isFixed = pattern.kind !== "capture" && hashBy === undefined;
    return {
      order,
      pattern,
      path: isAnyPath ? "" : path,
      isExactPath,
      methods: rule.methods,
      headers: Object.entries(rule.headers ?? {}).map(([field, value]) =>
        [field.toLowerCase(), value === "*" ? undefined : value] as const
      ),
      rule,
      passage,
      route: isFixed
        ? { cluster, target, passage, ...(hostName !== undefined && { hostName }) }
        : undefined,
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`route ${order + 1} (${name}): ${error.message}`, { cause: error });
  }
}

function checkPath(path: string): void {
  if (path === "" || /^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/.test(path)) return;
  throw new RangeError(`"${path}" is no path: it starts with "/" and has neither "?" nor "#"`);
}

function checkDestination(rule: RouteRule, pattern: HostPattern): void {
  const captures: readonly Captured[] = pattern.kind === "capture" ? pattern.captures : [];
  const parts = [["cluster", rule.cluster], ["target", rule.target], ["host", rule.hostName]];
  for (const [part, name] of parts as [Captured, string | undefined][]) {
    const isCaptured = captures.includes(part);
    if (name === `{${part}}`) {
      if (!isCaptured) throw new RangeError(`{${part}} is not captured by its host`);
    } else if (isCaptured) {
      throw new RangeError(`{${part}} is captured and goes nowhere, use it behind the "="`);
    } else if (name !== undefined && !NAME_PATTERN.test(name)) {
      throw new RangeError(
        `"${name}" is not a name, use 1 to 253 of letters, digits, ".", "_" and "-"`,
      );
    }
  }
}

function passageOf(rule: RouteRule, name: string, path: string, isExactPath: boolean): Passage {
  const { requestHeaders, responseHeaders, holdMs, answerTimeoutMs, idleTimeoutMs } = rule;
  return {
    name,
    ...(rule.rewritePrefix !== undefined &&
      { rewrite: rewriteOf(rule.rewritePrefix, path, isExactPath) }),
    ...(requestHeaders !== undefined && { requestEdits: new HeaderEdits(requestHeaders) }),
    ...(responseHeaders !== undefined && { responseEdits: responseEdits(responseHeaders) }),
    ...(holdMs !== undefined && { holdMs }),
    ...(answerTimeoutMs !== undefined && { answerTimeoutMs }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...(rule.retries !== undefined && { maxAttempts: rule.retries + 1 }),
  };
}

/** What is behind the old prefix starts with a slash exactly where the old prefix does not end in one. */
function rewriteOf(prefix: string, path: string, isExactPath: boolean): PathRewrite {
  checkPath(prefix);
  if (prefix === "") throw new RangeError('an empty prefix, use "/"');
  const endsInSlash = path === "" || path.endsWith("/");
  const text = isExactPath
    ? prefix
    : endsInSlash
    ? prefix.replace(/\/?$/, "/")
    : prefix.replace(/\/$/, "");
  return { dropBytes: Math.max(path.length, 1), prefix: new TextEncoder().encode(text) };
}

/** The first rule of `rules` that `request` meets, if it comes before `best`; else `best`. */
function firstOf(
  rules: readonly CompiledRule[],
  request: RequestView,
  host: string,
  isWholePath: boolean,
  best: CompiledRule | undefined,
): CompiledRule | undefined {
  for (const rule of rules) {
    if (best !== undefined && rule.order > best.order) return best;
    if (rule.isExactPath && !isWholePath) continue;
    if (isMet(rule, request, host)) return rule;
  }
  return best;
}

function isMet(rule: CompiledRule, request: RequestView, host: string): boolean {
  const { pattern, methods, headers } = rule;
  if (pattern.kind === "capture" && labelsOf(pattern, host) === undefined) return false;
  if (methods !== undefined && !methods.includes(request.method)) return false;
  for (const [name, value] of headers) {
    const actual = request.header(name);
    if (actual === undefined || (value !== undefined && actual !== value)) return false;
  }
  return true;
}

/** The labels that are captured; undefined if the host has more or fewer, or an empty one. */
function labelsOf(pattern: HostPattern & { kind: "capture" }, host: string): string[] | undefined {
  const labels = host.slice(0, host.length - pattern.suffix.length).split(".");
  return labels.length === pattern.captures.length && !labels.includes("") ? labels : undefined;
}

/** A path without its query. */
function pathOf(path: string): string {
  const question = path.indexOf("?");
  return question === -1 ? path : path.slice(0, question);
}

function resolve(
  compiled: CompiledRule,
  request: RequestView,
  host: string,
  upstreams: Upstreams,
): Route | Answer {
  const { rule, pattern, passage } = compiled;
  let { cluster, target = "", hostName } = rule;
  if (pattern.kind === "capture") {
    const labels = labelsOf(pattern, host)!;
    for (const [index, captured] of pattern.captures.entries()) {
      const label = labels[index]!;
      if (!NAME_PATTERN.test(label)) return badName(label);
      if (captured === "cluster") cluster = clusterOfLabel(label, upstreams) ?? label;
      else if (captured === "target") target = label;
      else hostName = label;
    }
  }
  const hashKey = hashKeyOf(rule, request);
  return {
    cluster,
    target,
    passage,
    ...(hostName !== undefined && { hostName }),
    ...(hashKey !== undefined && { hashKey }),
  };
}

function hashKeyOf(rule: RouteRule, request: RequestView): string | undefined {
  if (rule.hashBy === undefined) return undefined;
  const key = rule.hashBy === "client"
    ? request.clientIp
    : request.header(rule.hashBy.header.toLowerCase());
  return key === "" ? undefined : key?.slice(0, MAX_HASHED);
}

/** A trusted proxy may ask for a certain host of what the route chose. */
function onWishedHost(route: Route | Answer, request: RequestView): Route | Answer {
  const hostName = request.header("x-revtun-host");
  if (hostName === undefined || "status" in route) return route;
  return NAME_PATTERN.test(hostName) ? { ...route, hostName } : badName(hostName);
}

function noRoute(request: RequestView): Answer {
  return {
    status: 404,
    code: "no-route",
    hop: "frontend",
    detail: `No route is for ${request.method} with Host "${request.host}" and this path.`,
  };
}
