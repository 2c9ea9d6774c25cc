/** The request as the target gets it: RFC 9110 section 7.6, message forwarding. */
import { FIELD, fieldMask } from "../codec/http1/field_id.ts";
import type { FieldId } from "../codec/http1/field_id.ts";
import { equalsIgnoringCase } from "../codec/http1/latin1.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import { hasForwarded, hasXForwarded } from "./client_facts.ts";
import type { ClientFacts } from "./client_facts.ts";
import type { HeadWriter } from "./head_writer.ts";
import type { HeaderEdits } from "./header_edits.ts";
import type { RequestIdLine } from "./request_id.ts";
import type { PathRewrite } from "./route.ts";

/** What a request's head is written with. */
export interface RequestPassage {
  readonly facts: ClientFacts;
  /** Stands in for a missing Host. */
  readonly clusterName: string;
  readonly rewrite?: PathRewrite | undefined;
  readonly edits?: HeaderEdits | undefined;
  /** The line of a request that came without a name. */
  readonly requestId: RequestIdLine;
  /** Stands in for what the client says of its trace. */
  readonly traceparent?: string | undefined;
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
const MAX_ADDED_BYTES = 512;

/** Room that the head takes at most, once it is written. */
export function requestHeadRoom(head: RequestHead, passage: RequestPassage): number {
  const { facts, edits, rewrite } = passage;
  return head.end - head.start + (head.hostEnd - head.hostStart) * 3 + facts.lines.length +
    facts.element.length + (rewrite?.prefix.length ?? 0) + (edits?.lines.length ?? 0) +
    (edits?.host?.length ?? 0) + MAX_ADDED_BYTES;
}

/** Writes the head of the request that goes on. */
export function writeRequestHead(
  writer: HeadWriter,
  head: RequestHead,
  passage: RequestPassage,
): void {
  const { facts, edits, rewrite, traceparent } = passage;
  let dropped = DROPPED;
  if (!facts.isTrusted) dropped |= VOUCHING;
  else dropped |= addedTo(facts);
  if (facts.isAuthorizationOurs) dropped |= 1 << FIELD.authorization;
  if (head.minorVersion === 0) dropped |= 1 << FIELD.expect;
  let runStart = head.start;
  const hasLine = head.form !== "origin" || head.minorVersion !== 1 || rewrite !== undefined;
  if (hasLine) {
    writeRequestLine(writer, head, rewrite);
    runStart = head.fieldsStart;
  }
  // The authority of an absolute target is Host's own, perhaps with another case or the usual port.
  if (head.form === "absolute" || edits?.host !== undefined || !head.has(FIELD.host)) {
    if (!hasLine) {
      writer.copy(head.bytes, runStart, head.fieldsStart);
      runStart = head.fieldsStart;
    }
    dropped |= 1 << FIELD.host;
    writeHost(writer, head, passage);
  }
  if (
    (head.seen & dropped) !== 0 || head.hasNominations || edits !== undefined ||
    traceparent !== undefined
  ) {
    for (let i = 0; i < head.fieldCount; i++) {
      const isKept = (dropped & (1 << head.fieldId(i))) === 0 && !isNominated(head, i) &&
        edits?.removes(head, i) !== true && !(traceparent !== undefined && isTrace(head, i));
      if (isKept) continue;
      writer.copy(head.bytes, runStart, head.nameStart(i));
      runStart = head.lineEnd(i);
    }
  }
  writer.copy(head.bytes, runStart, head.fieldsEnd);
  if (facts.isTrusted) writeTrusted(writer, head, facts);
  else writer.copy(facts.lines, 0, facts.lines.length);
  if (facts.style !== "none") writeHostTold(writer, head, facts);
  if (!head.has(FIELD.xRequestId)) {
    const { requestId } = passage;
    requestId.advance();
    writer.copy(requestId.bytes, 0, requestId.bytes.length);
  }
  if (traceparent !== undefined) writer.text(`traceparent: ${traceparent}\r\n`);
  if (edits !== undefined) writer.copy(edits.lines, 0, edits.lines.length);
  if (head.isUpgrade) writeUpgrade(writer, head);
  if (head.has(FIELD.te) && mentionsTrailers(head)) writer.text("TE: trailers\r\n");
  writer.text("\r\n");
}

/** Fields of a trusted client that are written anew, with what we add. */
function addedTo(facts: ClientFacts): number {
  let mask = 0;
  if (hasXForwarded(facts.style) && facts.address !== "") mask |= 1 << FIELD.xForwardedFor;
  if (hasForwarded(facts.style)) mask |= 1 << FIELD.forwarded;
  return mask;
}

function writeRequestLine(
  writer: HeadWriter,
  head: RequestHead,
  rewrite: PathRewrite | undefined,
): void {
  const { bytes, targetEnd } = head;
  writer.text(head.method);
  writer.text(" ");
  if (head.form === "authority" || head.form === "asterisk") {
    writer.copy(bytes, head.targetStart, targetEnd);
  } else {
    let pathStart = head.pathStart;
    if (rewrite !== undefined) {
      writer.copy(rewrite.prefix, 0, rewrite.prefix.length);
      // An URL that came without its "/" has nothing to be dropped.
      if (pathStart < targetEnd && bytes[pathStart] === 0x2f) pathStart += rewrite.dropBytes;
    }
    // 0x2f is "/": an URL may have a query without a path before it.
    const isRooted = rewrite !== undefined && rewrite.prefix.length > 0 ||
      pathStart < targetEnd && bytes[pathStart] === 0x2f;
    if (!isRooted) {
      const isServerWide = head.method === "OPTIONS" && head.pathStart === targetEnd;
      writer.text(isServerWide ? "*" : "/");
    }
    writer.copy(bytes, pathStart, targetEnd);
  }
  writer.text(" HTTP/1.1\r\n");
}

function writeHost(writer: HeadWriter, head: RequestHead, passage: RequestPassage): void {
  const { edits, clusterName } = passage;
  writer.text("Host: ");
  if (edits?.host !== undefined) writer.copy(edits.host, 0, edits.host.length);
  else if (head.hostEnd > head.hostStart) writer.copy(head.bytes, head.hostStart, head.hostEnd);
  else writer.text(clusterName);
  writer.text("\r\n");
}

/** What a trusted client tells stays, and the list of addresses grows by its own. */
function writeTrusted(writer: HeadWriter, head: RequestHead, facts: ClientFacts): void {
  writer.text(`Via: 1.1 ${facts.via}\r\n`);
  if (!hasXForwarded(facts.style)) return;
  if (facts.address !== "") {
    writer.text("X-Forwarded-For: ");
    copyValues(writer, head, FIELD.xForwardedFor);
    writer.text(`${facts.address}\r\n`);
  }
  if (!head.has(FIELD.xForwardedProto)) writer.text(`X-Forwarded-Proto: ${facts.scheme}\r\n`);
}

/** The fields that name the host which the client asked for. */
function writeHostTold(writer: HeadWriter, head: RequestHead, facts: ClientFacts): void {
  const { bytes, hostStart, hostEnd } = head;
  const isHostKnown = facts.isTrusted && head.has(FIELD.xForwardedHost);
  if (hasXForwarded(facts.style) && !isHostKnown && hostEnd > hostStart) {
    writer.text("X-Forwarded-Host: ");
    writer.copy(bytes, hostStart, hostEnd);
    writer.text("\r\n");
  }
  if (!hasForwarded(facts.style)) return;
  writer.text("Forwarded: ");
  if (facts.isTrusted) copyValues(writer, head, FIELD.forwarded);
  writer.copy(facts.element, 0, facts.element.length);
  if (hostEnd > hostStart) {
    writer.text(';host="');
    writer.copy(bytes, hostStart, hostEnd);
    writer.text('"');
  }
  writer.text("\r\n");
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

function isTrace(head: RequestHead, index: number): boolean {
  const start = head.nameStart(index);
  return equalsIgnoringCase(head.bytes, start, head.nameEnd(index), "traceparent");
}

function isNominated(head: RequestHead, index: number): boolean {
  return head.hasNominations && head.isNominated(index);
}

function mentionsTrailers(head: RequestHead): boolean {
  return /(^|,)\s*trailers\s*(,|$)/i.test(head.header("te") ?? "");
}
