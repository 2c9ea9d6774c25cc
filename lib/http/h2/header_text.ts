/** Header fields between HTTP/2 and HTTP/1: RFC 9113 section 8.2. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { FIELD, fieldMask } from "../../codec/http1/field_id.ts";
import type { Head } from "../../codec/http1/head.ts";
import { latin1 } from "../../codec/http1/latin1.ts";

/** Fields of one connection, which HTTP/2 has no use for. */
const CONNECTION_FIELDS = fieldMask(
  FIELD.connection,
  FIELD.keepAlive,
  FIELD.proxyConnection,
  FIELD.transferEncoding,
  FIELD.upgrade,
  FIELD.http2Settings,
);
const CONNECTION_NAMES: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/**
 * Fields that Node sends once and no more, throwing at a second value: its `kSingleValueFields`, as
 * far as messages of targets and clients have them twice. Two hops that both add
 * X-Content-Type-Options are an everyday sight.
 */
const SINGLE_NAMES: ReadonlySet<string> = new Set([
  ...["access-control-allow-credentials", "access-control-max-age", "age", "authorization"],
  ...["access-control-request-method", "content-encoding", "content-language", "content-location"],
  ...["content-md5", "content-range", "content-type", "date", "dnt", "etag", "expires", "from"],
  ...["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"],
  ...["last-modified", "location", "max-forwards", "proxy-authorization", "range", "referer"],
  ...["retry-after", "tk", "upgrade-insecure-requests", "user-agent", "x-content-type-options"],
]);

/** What HTTP/2 lets pass and HTTP/1 would take for something else. */
export class MalformedHeaders extends Error {}

/**
 * Writes fields as lines, each with its end; pseudo-header fields and those in `dropped` are left
 * out.
 *
 * @throws {MalformedHeaders} a name or value that could become more than one line, or speaks of the
 * connection.
 */
export function fieldLines(headers: IncomingHttpHeaders, dropped: ReadonlySet<string>): string {
  let lines = "";
  for (const name in headers) {
    if (name.charCodeAt(0) === 0x3a || dropped.has(name)) continue;
    if (CONNECTION_NAMES.has(name)) {
      throw new MalformedHeaders(`"${name}" has no place in HTTP/2`);
    }
    const value = headers[name];
    if (value === undefined) continue;
    if (typeof value === "string") {
      lines += fieldLine(name, value);
    } else {
      for (const one of value) lines += fieldLine(name, one);
    }
  }
  return lines;
}

function fieldLine(name: string, value: string): string {
  if (/[\r\n\0]/.test(value) || /[^!#$%&'*+.^_`|~0-9a-z-]/.test(name) || name === "") {
    throw new MalformedHeaders(`field "${name.slice(0, 100)}" is malformed`);
  }
  return `${name}: ${value}\r\n`;
}

/** An empty list of fields, in which none is there by nature, as `constructor` in other objects. */
export function noFields(): OutgoingHttpHeaders {
  return Object.create(null);
}

/**
 * Adds the fields of an HTTP/1 message as HTTP/2 has them, without what is about the connection, to
 * a list from {@link noFields}.
 */
export function fieldsOf(head: Head, to: OutgoingHttpHeaders, dropped = 0): void {
  const mask = CONNECTION_FIELDS | dropped;
  for (let i = 0; i < head.fieldCount; i++) {
    if ((mask & (1 << head.fieldId(i))) !== 0) continue;
    addField(to, head.name(i).toLowerCase(), head.value(i));
  }
}

/** A trailer's line, as it stood in a chunked body. */
export function addTrailer(to: OutgoingHttpHeaders, line: Uint8Array): void {
  const text = latin1(line, 0, line.length);
  const colon = text.indexOf(":");
  addField(to, text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
}

function addField(to: OutgoingHttpHeaders, name: string, value: string): void {
  const before = to[name];
  if (before === undefined) to[name] = value;
  // RFC 9110 section 5.3: as whoever looks at all of them together would read them.
  else if (SINGLE_NAMES.has(name)) to[name] = `${before}, ${value}`;
  else to[name] = Array.isArray(before) ? [...before, value] : [String(before), value];
}
