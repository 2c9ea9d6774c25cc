/** `--allow-request [TARGET=]METHODS:PATH`: which HTTP requests the cloud side may send to a target. */
import type { RequestHead } from "../codec/http1/request_head.ts";
import { NAME_PATTERN } from "../name.ts";

/** Requests that are allowed. */
export interface RequestRule {
  /** Name of a target; "" is the default one. */
  readonly target: string;
  /** Undefined for every method. */
  readonly methods: ReadonlySet<string> | undefined;
  /** What the path is, or begins with where `isPrefix`. */
  readonly path: string;
  readonly isPrefix: boolean;
}

const METHOD_PATTERN = /^[A-Z][A-Z-]{0,31}$/;

/**
 * Reads a rule: `GET,HEAD:/api/*`, `web=*:/public/*`, `*:/healthz`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseRequestRule(text: string): RequestRule {
  const match = /^(?:([^=:/]*)=)?([^:=]+):(.+)$/.exec(text);
  if (match === null) {
    throw new RangeError(`"${text}" is not a rule, expected METHODS:PATH, e.g. GET,HEAD:/api/*`);
  }
  const [, target = "", methods = "", pattern = ""] = match;
  if (target !== "" && !NAME_PATTERN.test(target)) {
    throw new RangeError(`"${target}" is not the name of a target`);
  }
  const names = methods.split(",");
  const wrong = methods === "*" ? undefined : names.find((name) => !METHOD_PATTERN.test(name));
  if (wrong !== undefined) {
    throw new RangeError(`"${wrong}" is not a method, expected GET, POST, … or * for all`);
  }
  const isPrefix = pattern.endsWith("*");
  const path = isPrefix ? pattern.slice(0, -1) : pattern;
  if (!path.startsWith("/") || path.includes("*")) {
    throw new RangeError(`"${pattern}" is not a path, expected / and a * at its end at most`);
  }
  if (isAmbiguousPath(path)) {
    throw new RangeError(`"${pattern}" can be read in more than one way, write it as it is served`);
  }
  return { target, methods: methods === "*" ? undefined : new Set(names), path, isPrefix };
}

/** True if one of `rules` allows the request. */
export function allowsRequest(rules: readonly RequestRule[], head: RequestHead): boolean {
  const { method } = head;
  // Neither names a path that a rule could be about.
  if (head.form === "authority" || head.form === "asterisk") return false;
  const path = head.path.split("?", 1)[0]!;
  if (isAmbiguousPath(path)) return false;
  return rules.some((rule) =>
    (rule.methods === undefined || rule.methods.has(method)) &&
    (rule.isPrefix ? path.startsWith(rule.path) : path === rule.path)
  );
}

/**
 * A path that the service may read as another one: with `..` or `.` as a segment, empty segments,
 * parameters, or a slash, backslash, dot or percent sign that is encoded.
 */
export function isAmbiguousPath(path: string): boolean {
  return /\/\/|\/\.{1,2}(?:\/|;|$)|[\\;]|%(?:2e|2f|5c|25|00)/i.test(path);
}
