import assert from "node:assert/strict";
import { RequestHead } from "../../lib/codec/http1/request_head.ts";
import { WatchedRequest } from "../../lib/http/watched_request.ts";
import type { HeadRange } from "../../lib/http/watched_request.ts";
import { lines, toBytes } from "../codec/http1/support.ts";

const FIELDS = ["target", "host", "referer", "userAgent", "requestId"] as const;

/** What is kept of a head, as texts, when the bytes that it came in are used for something else. */
function keptOf(text: string, request = new WatchedRequest("http://:80", false)) {
  // The head does not begin at the buffer's first byte.
  const bytes = toBytes(`rest${text}`);
  const head = new RequestHead();
  head.parse(bytes, 4, bytes.length);
  request.begin(head, "10.0.0.1", 1, 1);
  bytes.fill(0x2a);
  const texts = FIELDS.map((name) => request.text(request[name]));
  return { request, texts };
}

Deno.test("WatchedRequest keeps what is told of a head, in whatever order and case it came", () => {
  const { texts, request } = keptOf(lines(
    "GET /a?b=c HTTP/1.1",
    "USER-AGENT: curl/8",
    "X-Other: x",
    "x-request-ID: id-1",
    "Host: a.example:80",
    "rEFERER: http://b/",
    "refererx: no",
  ));
  assert.deepEqual(texts, ["/a?b=c", "a.example:80", "http://b/", "curl/8", "id-1"]);
  assert.equal(request.method, "GET");
});

Deno.test("WatchedRequest keeps the parts of a head that is too large to be kept whole", () => {
  const { texts, request } = keptOf(lines(
    `GET /${"p".repeat(3000)} HTTP/1.1`,
    `Cookie: ${"c".repeat(8000)}`,
    "Host: a.example",
    "Referer: r",
    `Cookie2: ${"c".repeat(8000)}`,
    "User-Agent: u",
  ));
  assert.deepEqual(texts, [`/${"p".repeat(3000)}`, "a.example", "r", "u", ""]);
  assert.ok(request.bytes.length <= 8 << 10, `${request.bytes.length} bytes are kept`);
});

Deno.test("WatchedRequest keeps the host of an absolute target, and none where there is none", () => {
  const absolute = keptOf(lines("GET http://B.example/x HTTP/1.1", "Host: b.example"));
  assert.deepEqual(absolute.texts.slice(0, 2), ["http://B.example/x", "B.example"]);
  const none = keptOf(lines("GET /x HTTP/1.0"), absolute.request);
  assert.deepEqual(none.texts, ["/x", "", "", "", ""]);
});

Deno.test("WatchedRequest forgets the request before, and takes a name that we gave", () => {
  const { request } = keptOf(lines("GET /1 HTTP/1.1", "Host: a", "Referer: r", "User-Agent: u"));
  const { texts } = keptOf(lines("GET /2 HTTP/1.1", "Host: b"), request);
  assert.deepEqual(texts, ["/2", "b", "", "", ""]);
  const line = toBytes(`X-Request-Id: ${"0123456789abcdef".repeat(2)}\r\n`);
  request.named(line, line.length - 2);
  assert.equal(request.text(request.requestId), "0123456789abcdef".repeat(2));
  assert.equal(request.text(request.target), "/2");
});

Deno.test("WatchedRequest takes nothing for plain that has to be escaped", () => {
  const plain = (text: string, of: (request: WatchedRequest) => HeadRange) =>
    of(keptOf(text).request).isPlain;
  const agent = (value: string) =>
    plain(lines("GET / HTTP/1.1", "Host: a", `User-Agent: ${value}`), (at) => at.userAgent);
  assert.equal(agent("Mozilla/5.0 (X11; ~)"), true);
  for (const odd of ['a"b', "a\\b", "a\tb", "a\x80", "\xffa", '"', "a\\"]) {
    assert.equal(agent(odd), false, JSON.stringify(odd));
  }
  const target = (path: string) =>
    plain(lines(`GET ${path} HTTP/1.1`, "Host: a"), (at) => at.target);
  assert.equal(target("/{a|b}?c=%22"), true);
  assert.equal(target('/"'), false);
  assert.equal(target("/a\\b"), false);
});
