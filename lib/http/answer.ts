/** Answers of our own, mostly about failures: what went wrong, on which hop, and what to do. */
import { latin1 } from "../codec/http1/latin1.ts";
import { escapeHtml } from "./escape_html.ts";

/** Where on its way a request failed. */
export type Hop = "client" | "frontend" | "tunnel" | "target";

/** An answer that no target gave. */
export interface Answer {
  readonly status: number;
  /** What happened, for machines; also in `x-revtun-error`. */
  readonly code: string;
  readonly hop: Hop;
  /** What happened, for people. */
  readonly detail: string;
  readonly cluster?: string;
  readonly hostName?: string;
  /** Whole seconds, for 503 and 429. */
  readonly retryAfterS?: number;
  /** Whole header lines of its own, without their ends. */
  readonly fields?: readonly string[];
}

/** What the client likes to read. */
export type AnswerFormat = "text" | "json" | "html";

/** How an answer is written. */
export interface AnswerStyle {
  readonly format: AnswerFormat;
  /** The request was HEAD: the body is left out, its length is told all the same. */
  readonly isHead: boolean;
  /** The connection is kept after it. */
  readonly isKeepAlive: boolean;
  /** The client speaks HTTP/1.0, where keeping has to be said. */
  readonly isHttp10: boolean;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

const CONTENT_TYPES: Readonly<Record<AnswerFormat, string>> = {
  text: "text/plain; charset=utf-8",
  json: "application/json",
  html: "text/html; charset=utf-8",
};

/** Picks a format by the value of Accept: what it names first of those we have; text if none. */
export function chooseFormat(accept: string | undefined): AnswerFormat {
  if (accept === undefined) return "text";
  const html = positionOf(accept, "text/html");
  const json = positionOf(accept, "application/json");
  const text = positionOf(accept, "text/plain");
  const first = Math.min(html, json, text);
  if (first === Infinity || first === text) return "text";
  return first === html ? "html" : "json";
}

/** The same by a request's head, of which only the bytes are left. */
export function formatForHead(head: Uint8Array | undefined): AnswerFormat {
  if (head === undefined) return "text";
  const text = latin1(head, 0, head.length);
  return chooseFormat(/\r\naccept:([^\r]*)/i.exec(text.slice(0, text.indexOf("\r\n\r\n")))?.[1]);
}

/** The standard phrase of a status. */
export function reasonOf(status: number): string {
  return REASONS[status] ?? "Unknown";
}

/** Writes `answer` as a whole response. */
export function renderAnswer(answer: Answer, style: AnswerStyle): Uint8Array {
  const fields = [
    `x-revtun-error: ${answer.code}`,
    ...(answer.retryAfterS === undefined ? [] : [`Retry-After: ${answer.retryAfterS}`]),
    ...(style.format === "html" ? ["Content-Security-Policy: default-src 'none'"] : []),
    "Cache-Control: no-store",
    ...(answer.fields ?? []),
  ];
  return renderResponse(answer.status, fields, bodyOf(answer, style.format), style);
}

/** Writes a whole response with a body of text in the style's format. */
export function renderResponse(
  status: number,
  fields: readonly string[],
  body: string,
  style: AnswerStyle,
): Uint8Array {
  const utf8 = new TextEncoder();
  const encodedBody = utf8.encode(body);
  const connection = style.isKeepAlive ? (style.isHttp10 ? "keep-alive" : undefined) : "close";
  const head = utf8.encode([
    `HTTP/1.1 ${status} ${reasonOf(status)}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${CONTENT_TYPES[style.format]}`,
    `Content-Length: ${encodedBody.length}`,
    "Vary: Accept",
    "X-Content-Type-Options: nosniff",
    ...fields,
    ...(connection === undefined ? [] : [`Connection: ${connection}`]),
    "",
    "",
  ].join("\r\n"));
  if (style.isHead) return head;
  const whole = new Uint8Array(head.length + encodedBody.length);
  whole.set(head);
  whole.set(encodedBody, head.length);
  return whole;
}

function positionOf(accept: string, type: string): number {
  const at = accept.toLowerCase().indexOf(type);
  return at === -1 ? Infinity : at;
}

function bodyOf(answer: Answer, format: AnswerFormat): string {
  const { status, code, hop, detail, cluster, hostName } = answer;
  const where = hostName === undefined
    ? cluster && `cluster "${cluster}"`
    : `host "${hostName}" of cluster "${cluster}"`;
  if (format === "json") {
    const fields = { status, error: code, hop, detail, cluster, host: hostName };
    return `${JSON.stringify(fields, undefined, 2)}\n`;
  }
  if (format === "text") {
    return `${status} ${reasonOf(status)} (${code}, at the ${hop})\n${detail}\n` +
      (where ? `On the way to ${where}.\n` : "");
  }
  const title = `${status} ${reasonOf(status)}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(detail)}</p>
${where ? `<p>On the way to ${escapeHtml(where)}.</p>\n` : ""}<p>revtun: ${
    escapeHtml(code)
  }, at the ${escapeHtml(hop)}</p>
</html>
`;
}
