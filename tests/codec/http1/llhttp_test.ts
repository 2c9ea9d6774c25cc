/**
 * Compares our framing with llhttp's, on heads that are likely to be framed differently: what we
 * pass on must end where llhttp says, or be refused by it.
 */
import assert from "node:assert/strict";
import { BodyScanner } from "../../../lib/codec/http1/body_scanner.ts";
import { requestFraming, responseFraming } from "../../../lib/codec/http1/framing.ts";
import { INCOMPLETE } from "../../../lib/codec/http1/head.ts";
import { HttpError } from "../../../lib/codec/http1/http_error.ts";
import { RequestHead } from "../../../lib/codec/http1/request_head.ts";
import { ResponseHead } from "../../../lib/codec/http1/response_head.ts";
import { latin1 } from "../../../lib/codec/http1/latin1.ts";
import { hasProgram, outputOf } from "../../programs.ts";
import { toBytes } from "./support.ts";

const CASES = 12_000;
const SEED = 20251123;

const ODD_BYTES = [
  "\0",
  "\t",
  "\n",
  "\v",
  "\r",
  " ",
  "\r\n",
  ",",
  ";",
  ":",
  "\x7f",
  "\x80",
  "\xff",
];
const METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "CONNECT", "get", "X"];
const TARGETS = [
  "/",
  "/a?b=c",
  "*",
  "http://a/",
  "http://a",
  "a:80",
  "/%00",
  "//",
  "/#",
  "?",
  "/\xe9",
];
const VERSIONS = [
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/2.0",
  "http/1.1",
];
const STATUSES = ["200 OK", "200", "204 No", "304 Not", "101 Sw", "404 ", "1xx", "20 OK", "999 X"];
const NAMES = [
  "Content-Length",
  "content-length",
  "Content-Length ",
  "Content_Length",
  "Transfer-Encoding",
  "transfer-encoding",
  "Transfer-Encoding ",
  "Connection",
  "Upgrade",
  "Host",
  "X",
  "X Y",
  "",
  "Trailer",
  "TE",
  " Content-Length",
  "\tX",
  "Content-Length\0",
];
const VALUES = [
  "5",
  "05",
  "0",
  "15",
  "+5",
  "-5",
  "5,5",
  "5, 5",
  "5 5",
  "0x5",
  "5.0",
  "",
  "5\t",
  "chunked",
  "Chunked",
  "chunked, chunked",
  "gzip, chunked",
  "chunked, gzip",
  "identity",
  "xchunked",
  "gzip",
  "chunked;q=1",
  '"chunked"',
  ",chunked",
  "chunked,",
  "close",
  "keep-alive",
  "upgrade",
  "a",
  "websocket",
  "a, b",
  "99999999999999999999",
  "5\r\n 5",
  "chu\r\n nked",
];
const LINE_ENDS = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\r\n\t"];
const BODIES = [
  "hello",
  "5\r\nhello\r\n0\r\n\r\n",
  "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
  "0\r\n\r\n",
  "5\nhello\n0\n\n",
  "5 \r\nhello\r\n0\r\n\r\n",
  "0x5\r\nhello\r\n0\r\n\r\n",
  "5\r\nhello0\r\n\r\n",
  "+5\r\nhello\r\n0\r\n\r\n",
  "5;\r\nhello\r\n0\r\n\r\n",
  '5;a="\r\n',
  "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
  "005\r\nhello\r\n00\r\n\r\n",
  "5\r\nhello\r\n0\r\n\n",
  "5\r\r\nhello\r\n0\r\n\r\n",
  "5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n",
];
const NEXT = "GET /next HTTP/1.1\r\nHost: n\r\n\r\n0123456789";

interface Case {
  type: "request" | "response";
  text: string;
}

/** A generator of numbers below 1, the same ones each time (mulberry32). */
function seededRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

function makeCases(): Case[] {
  const random = seededRandom(SEED);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const isRare = () => random() < 0.15;
  const lineEnd = () => isRare() ? pick(LINE_ENDS) : "\r\n";
  return Array.from({ length: CASES }, (): Case => {
    const type = random() < 0.7 ? "request" : "response";
    let text = type === "request"
      ? `${isRare() ? pick(METHODS) : "POST"} ${isRare() ? pick(TARGETS) : "/"} ${pick(VERSIONS)}`
      : `${pick(VERSIONS)} ${isRare() ? pick(STATUSES) : "200 OK"}`;
    text += lineEnd();
    if (!isRare()) text += `Host: a${lineEnd()}`;
    for (let count = Math.floor(random() * 4); count > 0; count--) {
      const separator = isRare() ? pick([":", " : ", ":\t", ": ", "", ":\v"]) : ": ";
      text += `${pick(NAMES)}${separator}${pick(VALUES)}${lineEnd()}`;
    }
    text += lineEnd() + pick(BODIES) + NEXT;
    if (isRare()) {
      const at = Math.floor(random() * (text.length - NEXT.length));
      text = text.slice(0, at) + pick(ODD_BYTES) + text.slice(at + (random() < 0.5 ? 1 : 0));
    }
    return { type, text };
  });
}

/** Index behind the message, or "refused". */
function frame({ type, text }: Case): number | "refused" {
  const bytes = toBytes(text);
  const body = new BodyScanner();
  try {
    const head = type === "request" ? new RequestHead() : new ResponseHead();
    const headEnd = head.parse(bytes, 0, bytes.length);
    if (headEnd === INCOMPLETE) return INCOMPLETE;
    const framing = head instanceof RequestHead
      ? requestFraming(head)
      : responseFraming(head, "GET");
    if (framing === "tunnel") return headEnd;
    body.start(framing, head.contentLength);
    const bodyEnd = body.scan(bytes, headEnd, bytes.length);
    return body.isDone ? bodyEnd : INCOMPLETE;
  } catch (error) {
    if (error instanceof HttpError) return "refused";
    throw error;
  }
}

/** Asks node, or gives undefined where there is none. */
async function askNode(cases: Case[]): Promise<(number | string)[] | undefined> {
  const input = cases.map(({ type, text }) => `${JSON.stringify([type, btoa(text)])}\n`).join("");
  if (!await hasProgram("node")) return undefined;
  const script = new URL("./llhttp_child.mjs", import.meta.url).pathname;
  const verdicts = await outputOf("node", ["--no-warnings", script], { stdin: input });
  return verdicts.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** Refusals of llhttp's that say nothing about where a message ends. */
const OWN_REFUSALS = new Set([
  // It has a fixed list of methods.
  "HPE_INVALID_METHOD",
]);

Deno.test(`What we take ends where llhttp says, in ${CASES} heads of seed ${SEED}`, async (t) => {
  const cases = makeCases();
  const verdicts = await askNode(cases);
  if (verdicts === undefined) {
    await t.step({ name: "(there is no node here)", ignore: true, fn: () => {} });
    return;
  }
  assert.equal(verdicts.length, cases.length);
  let bothTook = 0;
  const differing: string[] = [];
  cases.forEach((item, index) => {
    const ours = frame(item);
    const theirs = verdicts[index]!;
    if (ours === "refused" || OWN_REFUSALS.has(String(theirs))) return;
    if (ours === theirs) bothTook += 1;
    else differing.push(`${JSON.stringify(item.text)}: ours ${ours}, llhttp ${theirs}`);
  });
  assert.deepEqual(differing.slice(0, 20), []);
  assert.ok(bothTook > CASES / 20, `only ${bothTook} heads were taken by both`);
});

Deno.test("Latin-1 text of a head has one character a byte", () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i);
  assert.equal(
    latin1(bytes, 3, 9_999),
    Array.from(bytes.subarray(3, 9_999), (byte) => String.fromCharCode(byte)).join(""),
  );
});
