/** The shape of the admin API's endpoints, and how a request finds its one. */
import { nearestMatch } from "../suggest.ts";
import { Problem } from "./problem.ts";

/** Types that a body's field can have. */
export type FieldType = "string" | "number" | "boolean" | "number or null";

/** One endpoint. `S` is what it looks at. */
export interface AdminRoute<S> {
  readonly method: "GET" | "POST";
  /** `/api/v1/hosts/{cluster}/{host}/drain`; what stands in braces is any one segment. */
  readonly path: string;
  /** One line for the reference, without a full stop. */
  readonly summary: string;
  /** Query parameters that it knows; others are errors. */
  readonly query?: readonly string[];
  /** Fields of the JSON body; all must be there, others are errors. */
  readonly body?: Readonly<Record<string, FieldType>>;
  /**
   * Answers: a `Response` as it is, `undefined` as 204, all else as JSON.
   *
   * @throws {Problem}
   */
  handle(call: AdminCall, source: S): unknown;
}

/** A request that has found its endpoint. */
export interface AdminCall {
  readonly request: Request;
  /** Decoded segments, by the names in the path's braces. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Checked against the route's fields. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Largest body that is read, in bytes. */
export const MAX_BODY_BYTES = 16 << 10;
/** Page size where none is asked for, and the largest one. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/**
 * Finds the route for a method and path.
 *
 * @throws {Problem} 404 with the nearest path, or 405 with the methods that there are.
 */
export function findRoute<S>(
  routes: readonly AdminRoute<S>[],
  method: string,
  pathname: string,
): { route: AdminRoute<S>; params: Record<string, string> } {
  const allowed = new Set<string>();
  for (const route of routes) {
    const params = matchPath(route.path, pathname);
    if (params === undefined) continue;
    if (route.method === method || (route.method === "GET" && method === "HEAD")) {
      return { route, params };
    }
    allowed.add(route.method);
    if (route.method === "GET") allowed.add("HEAD");
  }
  if (allowed.size > 0) {
    const allow = [...allowed].join(", ");
    throw new Problem(405, `${method} is not possible here, expected ${allow}`, { allow });
  }
  const nearest = nearestMatch(pathname, routes.map((route) => route.path));
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  throw new Problem(404, `There is nothing at ${pathname.slice(0, 200)}${hint}`);
}

function matchPath(pattern: string, pathname: string): Record<string, string> | undefined {
  const expected = pattern.split("/");
  const actual = pathname.split("/");
  if (expected.length !== actual.length) return undefined;
  const params: Record<string, string> = {};
  for (let i = 0; i < expected.length; i++) {
    const part = expected[i]!;
    if (!part.startsWith("{")) {
      if (part !== actual[i]) return undefined;
      continue;
    }
    if (actual[i] === "") return undefined;
    try {
      params[part.slice(1, -1)] = decodeURIComponent(actual[i]!);
    } catch {
      throw new Problem(
        400,
        `"${actual[i]!.slice(0, 100)}" in the path is not percent-encoded text`,
      );
    }
  }
  return params;
}

/** @throws {Problem} 400 for a parameter that the route does not know, or that is there twice. */
export function checkQuery(route: AdminRoute<never>, query: URLSearchParams): void {
  const known = route.query ?? [];
  for (const name of new Set(query.keys())) {
    if (!known.includes(name)) {
      const nearest = nearestMatch(name, known);
      const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
      throw new Problem(400, `Unknown parameter "${name.slice(0, 100)}"${hint}`);
    }
    if (query.getAll(name).length > 1 && name !== "header") {
      throw new Problem(400, `Parameter "${name}" is there more than once`);
    }
  }
}

/**
 * Reads a request's JSON body and checks its fields.
 *
 * @throws {Problem} 415, 413, 400 or 422.
 */
export async function readBody(
  request: Request,
  fields: Readonly<Record<string, FieldType>>,
): Promise<Record<string, unknown>> {
  const names = Object.keys(fields);
  const type = request.headers.get("content-type") ?? "";
  const text = await readText(request);
  // Who changes something that needs no more than its name has nothing to send.
  if (names.length === 0 && text === "") return {};
  // A form of another site's page can send any other type without asking.
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new Problem(415, "The body has to be JSON: content-type application/json");
  }
  const value = parse(text);
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(fields, name)) continue;
    const nearest = nearestMatch(name, names);
    const hint = nearest === undefined
      ? `, expected ${names.join(", ") || "none"}`
      : `, did you mean ${nearest}?`;
    throw new Problem(422, `Unknown field "${name.slice(0, 100)}"${hint}`);
  }
  for (const [name, expected] of Object.entries(fields)) {
    if (!Object.hasOwn(value, name)) throw new Problem(422, `Field "${name}" is missing`);
    const isNull = value[name] === null && expected.endsWith("or null");
    if (isNull || typeof value[name] === expected.split(" ")[0]) continue;
    throw new Problem(422, `Field "${name}" has to be a ${expected}`);
  }
  return value;
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Problem(400, `The body is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Problem(400, "The body has to be a JSON object");
  }
  return value as Record<string, unknown>;
}

async function readText(request: Request): Promise<string> {
  const reader = request.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const step = await reader?.read().catch(() => {
      throw new Problem(400, "The body did not come whole");
    });
    if (step === undefined || step.done) return text + decoder.decode();
    bytes += step.value.length;
    if (bytes > MAX_BODY_BYTES) {
      await reader!.cancel();
      throw new Problem(413, `The body is over ${MAX_BODY_BYTES} bytes`);
    }
    text += decoder.decode(step.value, { stream: true });
  }
}

/** A part of a long list. */
export interface Page<T> {
  readonly items: T[];
  /** All there are, over all pages. */
  readonly total: number;
  /** Give it as `after` to have the next page; null on the last one. */
  readonly next: string | null;
}

/** Query parameters of a paged list. */
export const PAGE_QUERY = ["limit", "after"] as const;

/**
 * Cuts the page that `?limit=` and `?after=` ask for out of a list in a lasting order.
 *
 * @throws {Problem} 400 for a limit that is none.
 */
export function pageOf<T, R>(
  query: URLSearchParams,
  list: readonly T[],
  keyOf: (item: T) => string,
  view: (item: T) => R,
): Page<R> {
  const limit = Number(query.get("limit") ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new Problem(400, `limit is "${query.get("limit")}", expected 1 to ${MAX_LIMIT}`);
  }
  const after = query.get("after");
  const start = after === null ? 0 : list.findIndex((item) => keyOf(item) > after);
  const items = start === -1 ? [] : list.slice(start, start + limit);
  const isLast = start === -1 || start + limit >= list.length;
  const next = isLast ? null : keyOf(items.at(-1)!);
  return { items: items.map(view), total: list.length, next };
}

/** Numbers whose texts sort as they do. */
export function padded(value: number): string {
  return String(value).padStart(16, "0");
}
