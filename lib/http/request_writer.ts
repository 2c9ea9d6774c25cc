/** The request as the target gets it: RFC 9110 section 7.6, message forwarding. */
import { FIELD, fieldMask } from "../codec/http1/field_id.ts";
import type { FieldId } from "../codec/http1/field_id.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { HeadWriter } from "./head_writer.ts";

/** What a frontend tells targets about a client. */
export interface ClientFacts {
  /** The lines of `via`, `address` and `scheme`, whole, for a client that is not trusted. */
  readonly lines: Uint8Array;
  /** How we call ourselves in Via. */
  readonly via: string;
  /** For X-Forwarded-For; "" if it is not known. */
  readonly address: string;
  /** For X-Forwarded-Proto. */
  readonly scheme: "http" | "https";
  /** What the client tells of those before it is believed and passed on. */
  readonly isTrusted: boolean;
  /** The X-Forwarded fields are told at all. */
  readonly isForwardedTold: boolean;
}

/** What there is to know of a client; `address` is "" if it has none. */
export function clientFacts(init: Omit<ClientFacts, "lines">): ClientFacts {
  const lines = [
    `Via: 1.1 ${init.via}\r\n`,
    ...(init.isForwardedTold && init.address !== ""
      ? [`X-Forwarded-For: ${init.address}\r\n`]
      : []),
    ...(init.isForwardedTold ? [`X-Forwarded-Proto: ${init.scheme}\r\n`] : []),
  ];
  return { ...init, lines: new TextEncoder().encode(lines.join("")) };
}

/** Fields that never pass, whatever the request. */
const DROPPED = fieldMask(
  FIELD.connection,
  FIELD.keepAlive,
  FIELD.proxyConnection,
  FIELD.proxyAuthenticate,
  FIELD.proxyAuthorization,
  FIELD.te,
  FIELD.upgrade,
  FIELD.http2Settings,
  FIELD.xRevtun,
  FIELD.lookalike,
);
/** What only a trusted client may say. */
const VOUCHING = fieldMask(
  FIELD.forwarded,
  FIELD.xForwardedFor,
  FIELD.xForwardedProto,
  FIELD.xForwardedHost,
  FIELD.xForwardedPort,
  FIELD.xRealIp,
);
/** Bytes that the lines written here may have beyond the client's own. */
export const MAX_ADDED_BYTES = 512;

/** Writes the head of the request that goes on; `clusterName` stands in for a missing Host. */
export function writeRequestHead(
  writer: HeadWriter,
  head: RequestHead,
  facts: ClientFacts,
  clusterName: string,
): void {
  let dropped = DROPPED;
  if (!facts.isTrusted) dropped |= VOUCHING;
  else if (facts.isForwardedTold && facts.address !== "") dropped |= 1 << FIELD.xForwardedFor;
  if (head.minorVersion === 0) dropped |= 1 << FIELD.expect;
  let runStart = head.start;
  if (head.form !== "origin" || head.minorVersion !== 1) {
    writeRequestLine(writer, head, clusterName);
    runStart = head.fieldsStart;
    // The target's authority is Host's own, perhaps with another case or the usual port.
    if (head.form === "absolute") dropped |= 1 << FIELD.host;
  }
  if ((head.seen & dropped) !== 0 || head.hasNominations) {
    for (let i = 0; i < head.fieldCount; i++) {
      if ((dropped & (1 << head.fieldId(i))) === 0 && !isNominated(head, i)) continue;
      writer.copy(head.bytes, runStart, head.nameStart(i));
      runStart = head.lineEnd(i);
    }
  }
  writer.copy(head.bytes, runStart, head.fieldsEnd);
  if (facts.isTrusted) writeTrusted(writer, head, facts);
  else writer.copy(facts.lines, 0, facts.lines.length);
  const isHostKnown = facts.isTrusted && head.has(FIELD.xForwardedHost);
  if (facts.isForwardedTold && !isHostKnown && head.hostEnd > head.hostStart) {
    writer.text("X-Forwarded-Host: ");
    writer.copy(head.bytes, head.hostStart, head.hostEnd);
    writer.text("\r\n");
  }
  if (head.isUpgrade) writeUpgrade(writer, head);
  if (head.has(FIELD.te) && mentionsTrailers(head)) writer.text("TE: trailers\r\n");
  writer.text("\r\n");
}

function writeRequestLine(writer: HeadWriter, head: RequestHead, clusterName: string): void {
  const { bytes } = head;
  writer.text(head.method);
  writer.text(" ");
  if (head.form === "absolute") {
    // 0x2f is "/": an URL may have a query without a path before it.
    if (head.pathStart === head.targetEnd || bytes[head.pathStart] !== 0x2f) {
      writer.text(head.method === "OPTIONS" && head.pathStart === head.targetEnd ? "*" : "/");
    }
    writer.copy(bytes, head.pathStart, head.targetEnd);
  } else {
    writer.copy(bytes, head.targetStart, head.targetEnd);
  }
  writer.text(" HTTP/1.1\r\n");
  if (head.form === "absolute") {
    writer.text("Host: ");
    writer.copy(bytes, head.hostStart, head.hostEnd);
    writer.text("\r\n");
  } else if (!head.has(FIELD.host)) {
    writer.text(`Host: ${clusterName}\r\n`);
  }
}

/** What a trusted client tells stays, and the list of addresses grows by its own. */
function writeTrusted(writer: HeadWriter, head: RequestHead, facts: ClientFacts): void {
  writer.text(`Via: 1.1 ${facts.via}\r\n`);
  if (!facts.isForwardedTold) return;
  if (facts.address !== "") {
    writer.text("X-Forwarded-For: ");
    copyValues(writer, head, FIELD.xForwardedFor);
    writer.text(`${facts.address}\r\n`);
  }
  if (!head.has(FIELD.xForwardedProto)) writer.text(`X-Forwarded-Proto: ${facts.scheme}\r\n`);
}

function writeUpgrade(writer: HeadWriter, head: RequestHead): void {
  for (let i = 0; i < head.fieldCount; i++) {
    if (head.fieldId(i) === FIELD.upgrade) {
      writer.copy(head.bytes, head.nameStart(i), head.lineEnd(i));
    }
  }
  writer.text("Connection: Upgrade\r\n");
}

function copyValues(writer: HeadWriter, head: RequestHead, id: FieldId): void {
  for (let i = 0; i < head.fieldCount; i++) {
    if (head.fieldId(i) !== id || head.valueEnd(i) === head.valueStart(i)) continue;
    writer.copy(head.bytes, head.valueStart(i), head.valueEnd(i));
    writer.text(", ");
  }
}

function isNominated(head: RequestHead, index: number): boolean {
  return head.hasNominations && head.isNominated(index);
}

function mentionsTrailers(head: RequestHead): boolean {
  return /(^|,)\s*trailers\s*(,|$)/i.test(head.header("te") ?? "");
}
