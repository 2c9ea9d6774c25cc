/** Header fields that a route sets, adds and takes out. */
import { classifyField, FIELD } from "../codec/http1/field_id.ts";
import type { Head } from "../codec/http1/head.ts";
import { equalsIgnoringCase } from "../codec/http1/latin1.ts";

/** What to do with the fields of a head. Names in any case. */
export type HeaderChanges = Readonly<{
  /** Fields that are to have this value and no other. */
  set?: Readonly<Record<string, string>>;
  /** Fields that are to have this value too. */
  add?: Readonly<Record<string, string>>;
  /** Fields that are not to pass. */
  remove?: readonly string[];
}>;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What may stand in a value: RFC 9110 section 5.5, in ASCII. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** Changes, made ready for use with every request. */
export class HeaderEdits {
  /** In small letters. */
  readonly #removed: readonly string[];
  /** Whole lines that stand behind the others. */
  readonly lines: Uint8Array;
  /** Another Host for requests; undefined to leave it. */
  readonly host: Uint8Array | undefined;

  /** @throws {RangeError} a name or value that cannot be one, or a field that is not to be touched. */
  constructor(changes: HeaderChanges) {
    const set = Object.entries(changes.set ?? {});
    const add = Object.entries(changes.add ?? {});
    const removed = [...(changes.remove ?? []), ...set.map(([name]) => name)];
    for (const name of [...removed, ...add.map(([name]) => name)]) checkName(name);
    for (const [name, value] of [...set, ...add]) checkValue(name, value);
    if ([...(changes.remove ?? []), ...add.map(([name]) => name)].some(isHost)) {
      throw new RangeError("Host can be set, not added or removed");
    }
    const host = set.find(([name]) => isHost(name))?.[1];
    if (host !== undefined && !/^[\w.:[\]-]+$/.test(host)) {
      throw new RangeError(`"${host}" is no host`);
    }
    const utf8 = new TextEncoder();
    this.host = host === undefined ? undefined : utf8.encode(host);
    this.#removed = removed.filter((name) => !isHost(name)).map((name) => name.toLowerCase());
    const lines = [...set.filter(([name]) => !isHost(name)), ...add];
    this.lines = utf8.encode(lines.map(([name, value]) => `${name}: ${value.trim()}\r\n`).join(""));
  }

  /** True if the field with this index is not to pass. */
  removes(head: Head, index: number): boolean {
    const start = head.nameStart(index);
    const end = head.nameEnd(index);
    for (const name of this.#removed) {
      if (equalsIgnoringCase(head.bytes, start, end, name)) return true;
    }
    return false;
  }
}

/** Changes to responses, which have no Host. @throws {RangeError} as {@link HeaderEdits} does. */
export function responseEdits(changes: HeaderChanges): HeaderEdits {
  const edits = new HeaderEdits(changes);
  if (edits.host !== undefined) throw new RangeError("a response has no Host");
  return edits;
}

/** Fields that a route may change though they mean something to us. */
const CHANGEABLE: ReadonlySet<number> = new Set([
  FIELD.other,
  FIELD.host,
  FIELD.authorization,
  FIELD.accept,
]);

function checkName(name: string): void {
  if (!TOKEN.test(name)) throw new RangeError(`"${name}" is no name of a header field`);
  const bytes = new TextEncoder().encode(name);
  if (CHANGEABLE.has(classifyField(bytes, 0, bytes.length))) return;
  throw new RangeError(`${name} is for the frontend alone to write, routes cannot change it`);
}

function checkValue(name: string, value: string): void {
  if (VALUE.test(value)) return;
  throw new RangeError(`the value of ${name} has a character that no header field may have`);
}

function isHost(name: string): boolean {
  return name.toLowerCase() === "host";
}
