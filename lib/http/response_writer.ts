/** The response as the client gets it: RFC 9110 section 7.6, message forwarding. */
import { FIELD, fieldMask } from "../codec/http1/field_id.ts";
import type { ResponseHead } from "../codec/http1/response_head.ts";
import type { HeadWriter } from "./head_writer.ts";
import type { HeaderEdits } from "./header_edits.ts";

/** How a response goes on. */
export interface ResponsePassage {
  /** What to say of the connection; undefined to say nothing. */
  readonly connection: "close" | "keep-alive" | "upgrade" | undefined;
  /** The body goes on without the framing of its chunks, for a client of HTTP/1.0. */
  readonly isDechunked: boolean;
  readonly edits?: HeaderEdits | undefined;
  /** A line of our own, without its end. */
  readonly line?: string | undefined;
}

const DROPPED = fieldMask(
  FIELD.connection,
  FIELD.keepAlive,
  FIELD.proxyConnection,
  FIELD.proxyAuthenticate,
  FIELD.te,
);
const FRAMING = fieldMask(FIELD.contentLength, FIELD.transferEncoding);
const CONNECTION_LINES = {
  "close": "Connection: close\r\n",
  "keep-alive": "Connection: keep-alive\r\n",
  "upgrade": "Connection: Upgrade\r\n",
} as const;
/** Bytes that the lines written here may have beyond the target's own. */
const MAX_ADDED_BYTES = 64;

/** Room that the head takes at most, once it is written. */
export function responseHeadRoom(
  head: ResponseHead,
  edits: HeaderEdits | undefined,
  line?: string,
): number {
  return head.end - head.start + MAX_ADDED_BYTES + (edits?.lines.length ?? 0) +
    (line?.length ?? 0);
}

/** Writes the head of the response that goes on. */
export function writeResponseHead(
  writer: HeadWriter,
  head: ResponseHead,
  passage: ResponsePassage,
): void {
  let dropped = DROPPED;
  // RFC 9110 section 8.6: these have no body, and a length would lead a client to wait for one.
  if (head.status < 200 || head.status === 204) dropped |= FRAMING;
  if (passage.isDechunked) dropped |= (1 << FIELD.transferEncoding) | (1 << FIELD.trailer);
  const { edits } = passage;
  let { connection } = passage;
  if (head.status === 426 && connection === undefined) connection = "upgrade";
  if (connection !== "upgrade") dropped |= 1 << FIELD.upgrade;
  let runStart = head.start;
  if (head.minorVersion !== 1) {
    writer.text("HTTP/1.1");
    runStart += "HTTP/1.1".length;
  }
  if ((head.seen & dropped) !== 0 || head.hasNominations || edits !== undefined) {
    for (let i = 0; i < head.fieldCount; i++) {
      const isKept = (dropped & (1 << head.fieldId(i))) === 0 &&
        !(head.hasNominations && head.isNominated(i)) && edits?.removes(head, i) !== true;
      if (isKept) continue;
      writer.copy(head.bytes, runStart, head.nameStart(i));
      runStart = head.lineEnd(i);
    }
  }
  writer.copy(head.bytes, runStart, head.fieldsEnd);
  if (edits !== undefined) writer.copy(edits.lines, 0, edits.lines.length);
  if (passage.line !== undefined) writer.text(`${passage.line}\r\n`);
  if (connection !== undefined) writer.text(CONNECTION_LINES[connection]);
  writer.text("\r\n");
}
