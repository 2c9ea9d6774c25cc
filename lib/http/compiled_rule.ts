/** A rule of routes, checked and made ready: which requests it is for, and where they go. */
import { NAME_PATTERN } from "../name.ts";
import type { Upstreams } from "../upstream.ts";
import type { Answer } from "./answer.ts";
import { badName, clusterOfLabel } from "./default_route.ts";
import { HeaderEdits, responseEdits } from "./header_edits.ts";
import { parseHostPattern } from "./host_pattern.ts";
import type { Captured, HostPattern } from "./host_pattern.ts";
import type { Passage, PathRewrite, RequestView, Route } from "./route.ts";
import { formatRouteRule } from "./route_rule.ts";
import type { RouteRule } from "./route_rule.ts";

/** Characters of a hash key that count. */
const MAX_HASHED = 256;

/** A rule as requests meet it. */
export interface CompiledRule {
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

/** @throws {RangeError} naming the rule by its place from 1 and its text. */
export function compileRule(rule: RouteRule, order: number): CompiledRule {
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

/** Whether all but its path is as the rule wants it. */
export function isMet(rule: CompiledRule, request: RequestView, host: string): boolean {
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

/** Where a request goes by a rule that says so only with the request at hand. */
export function resolveRule(
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
