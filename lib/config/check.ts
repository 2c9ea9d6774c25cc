/** Checks a document against the schema and says what is wrong in words that help. */
import * as v from "valibot";
import { nearestMatch } from "../suggest.ts";
import type { ConfigDocument, Path } from "./document.ts";
import { formatPath } from "./problem.ts";
import type { Problem } from "./problem.ts";

/** What came of a check: the value as the schema puts it out, or problems. */
export interface Checked {
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

/** How the top of a document relates to the top of the schema. */
export interface Mapping {
  /** What is checked in place of the document's own value. */
  readonly value: unknown;
  /** Where a value of it stands in the document. */
  pathOf(path: Path): Path;
}

/** Words that a user may write for a key, by the key's name: its flag's name, for one. */
export type KeyHints = ReadonlyMap<string, string>;

/** Checks all of it; problems come in the order of the document. */
export function checkDocument(
  document: ConfigDocument,
  schema: v.GenericSchema,
  mapping: Mapping = { value: document.value, pathOf: (path) => path },
  hints: KeyHints = new Map(),
): Checked {
  if (document.problems.length > 0) {
    const problems = document.problems.map((problem) => ({ ...problem, setting: "" }));
    return { value: undefined, problems };
  }
  const result = v.safeParse(schema, mapping.value);
  if (result.success) return { value: result.output, problems: [] };
  const problemAt = (way: Path, part: "key" | "value", message: string): Problem => {
    const path = mapping.pathOf(way);
    return { ...document.positionOf(path, part), setting: formatPath(path), message };
  };
  const problems = result.issues.flatMap(insideOf).flatMap((issue): Problem[] => {
    const path = pathOf(issue);
    if (!isUnknownKey(issue)) {
      return [problemAt(path, isMissing(issue) ? "key" : "value", messageOf(issue))];
    }
    // The library stops at the first unknown key of an object; there may be more.
    const parent = path.slice(0, -1);
    const holder = issue.path?.at(-1)?.input;
    // To the library a list is an object whose keys are numbers.
    if (Array.isArray(holder)) {
      return [problemAt(parent, "value", "a list where a group of keys was expected")];
    }
    const known = keysAt(schema, parent);
    return Object.keys((holder ?? {}) as object)
      .filter((key) => !known.includes(key))
      .map((key) => problemAt([...parent, key], "key", unknownKey(key, known, hints)));
  });
  return { value: undefined, problems: problems.sort(byPlace) };
}

/** For sorting. */
export function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}

type Issue = v.BaseIssue<unknown>;

/** Of a value that is none of several alternatives: what is wrong inside the one that was meant. */
function insideOf(issue: Issue): Issue[] {
  if (issue.type !== "union" || issue.issues === undefined) return [issue];
  const meant = issue.issues.filter((inner) =>
    inner.path !== undefined || !/^Invalid type/.test(inner.message)
  );
  if (meant.length === 0) return [issue];
  return meant.map((inner) => ({
    ...inner,
    path: [...issue.path ?? [], ...inner.path ?? []] as unknown as NonNullable<Issue["path"]>,
  }));
}

function pathOf(issue: Issue): (string | number)[] {
  return (issue.path ?? []).map((item) => item.key as string | number);
}

function isUnknownKey(issue: Issue): boolean {
  return issue.type === "strict_object" && issue.expected === "never";
}

function isMissing(issue: Issue): boolean {
  return issue.received === "undefined" && issue.input === undefined;
}

function messageOf(issue: Issue): string {
  if (isMissing(issue)) return "is missing";
  // Messages of ours; the library's own all start like this.
  if (!/^Invalid /.test(issue.message)) return issue.message;
  const expected = expectedWords(issue);
  return issue.input === null
    ? `has no value, expected ${expected}`
    : `${describe(issue.input)} where ${expected} was expected`;
}

function unknownKey(key: string, known: readonly string[], hints: KeyHints): string {
  const meant = hints.get(key.replaceAll("-", "_"));
  const nearest = meant !== undefined && known.includes(meant) ? meant : nearestMatch(key, known);
  return nearest === undefined
    ? known.length > 0 && known.length <= 8
      ? `unknown key, expected ${known.join(", ")}`
      : "unknown key"
    : `unknown key, did you mean ${nearest}?`;
}

const WORDS: Readonly<Record<string, string>> = {
  "string": "text",
  "number": "a number",
  "boolean": "true or false",
  "Array": "a list",
  "Object": "a group of keys",
  "(string | number)": "text",
};

function expectedWords(issue: Issue): string {
  const expected = issue.expected ?? "";
  const known = WORDS[expected];
  if (known !== undefined) return known;
  return expected.replace(/^\((.*)\)$/, "$1").replaceAll('"', "").replaceAll(" | ", " or ");
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a group of keys";
  const text = typeof value === "string" ? `"${value}"` : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}

/** Keys that an object at `path` may have. */
function keysAt(schema: v.GenericSchema, path: Path): string[] {
  let found: readonly v.GenericSchema[] = [schema];
  for (const step of path) found = found.flatMap((inner) => childrenOf(inner, step));
  return [...new Set(found.flatMap((inner) => Object.keys(entriesOf(inner))))];
}

function childrenOf(schema: v.GenericSchema, step: string | number): v.GenericSchema[] {
  const { item } = schema as { item?: v.GenericSchema };
  if (typeof step === "number" && item !== undefined) return [item];
  const entry = entriesOf(schema)[step];
  if (entry !== undefined) return [entry];
  return innerOf(schema).flatMap((inner) => childrenOf(inner, step));
}

function entriesOf(schema: v.GenericSchema): Record<string, v.GenericSchema> {
  const parts = schema as unknown as {
    entries?: Record<string, v.GenericSchema>;
    item?: v.GenericSchema;
    value?: v.GenericSchema;
  };
  if (parts.entries !== undefined) return parts.entries;
  return Object.assign({}, ...innerOf(schema).map(entriesOf));
}

/** What wrappers, lists, records and unions hold. */
function innerOf(schema: v.GenericSchema): v.GenericSchema[] {
  const parts = schema as unknown as {
    wrapped?: v.GenericSchema;
    item?: v.GenericSchema;
    value?: v.GenericSchema;
    options?: unknown;
  };
  const options = Array.isArray(parts.options)
    ? parts.options.filter((option) => typeof option === "object" && option !== null)
    : [];
  return [parts.wrapped, parts.item, parts.value, ...options]
    .filter((inner): inner is v.GenericSchema => typeof inner === "object");
}
