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
import { compileRule, isMet, resolveRule } from "./compiled_rule.ts";
import type { CompiledRule } from "./compiled_rule.ts";
import { badName, namedRoute } from "./default_route.ts";
import { bareHost } from "./host_pattern.ts";
import type { HostPattern } from "./host_pattern.ts";
import type { RequestView, Route, RouteFunction } from "./route.ts";
import type { RouteRule } from "./route_rule.ts";

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
      const compiled = compileRule(rule, order);
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
    const route = best.route ?? resolveRule(best, request, host, upstreams);
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

/** A path without its query. */
function pathOf(path: string): string {
  const question = path.indexOf("?");
  return question === -1 ? path : path.slice(0, question);
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
