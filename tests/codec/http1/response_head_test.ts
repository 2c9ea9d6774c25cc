import assert from "node:assert/strict";
import { responseFraming } from "../../../lib/codec/http1/framing.ts";
import { INCOMPLETE } from "../../../lib/codec/http1/head.ts";
import { HttpError } from "../../../lib/codec/http1/http_error.ts";
import { ResponseHead } from "../../../lib/codec/http1/response_head.ts";
import { lines, parseResponse, toBytes } from "./support.ts";

const GOOD: [name: string, head: string][] = [
  ["the least there is", lines("HTTP/1.1 200 OK")],
  ["an empty reason", lines("HTTP/1.1 200 ")],
  ["no reason at all", lines("HTTP/1.1 200")],
  ["a reason beyond ASCII", lines("HTTP/1.1 404 N\xe3o")],
  ["HTTP/1.0", lines("HTTP/1.0 200 OK", "Server: x")],
  ["an odd status", lines("HTTP/1.1 299 Odd")],
];

const BAD: [name: string, head: string][] = [
  ["an empty line before it", "\r\n" + lines("HTTP/1.1 200 OK")],
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["HTTP/2.0", lines("HTTP/2.0 200 OK")],
  ["HTTP/1.2", lines("HTTP/1.2 200 OK")],
  ["two spaces", lines("HTTP/1.1  200 OK")],
  ["a status of two digits", lines("HTTP/1.1 20 OK")],
  ["a status of four digits", lines("HTTP/1.1 2000 OK")],
  ["a status below 100", lines("HTTP/1.1 099 No")],
  ["a status over 599", lines("HTTP/1.1 600 No")],
  ["a sign for a digit", lines("HTTP/1.1 +20 OK")],
  ["a bare LF", "HTTP/1.1 200 OK\nX: y\r\n\r\n"],
  ["a bare CR in the reason", lines("HTTP/1.1 200 O\rK")],
  ["NUL in the reason", lines("HTTP/1.1 200 O\0K")],
  ["two lengths", lines("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2")],
  [
    "a length and chunks",
    lines("HTTP/1.1 200 OK", "Content-Length: 1", "Transfer-Encoding: chunked"),
  ],
  ["another encoding", lines("HTTP/1.1 200 OK", "Transfer-Encoding: gzip")],
  ["a folded line", lines("HTTP/1.1 200 OK", "X: a", " b")],
  ["a long status line", lines(`HTTP/1.1 200 ${"a".repeat(9000)}`)],
];

for (const [name, head] of GOOD) {
  Deno.test(`ResponseHead takes ${name}`, () => {
    const bytes = toBytes(`${head}the rest`);
    const parsed = new ResponseHead();
    for (let end = 0; end < head.length; end++) {
      assert.equal(parsed.parse(bytes, 0, end), INCOMPLETE);
    }
    assert.equal(parsed.parse(bytes, 0, bytes.length), head.length);
  });
}

for (const [name, head] of BAD) {
  Deno.test(`ResponseHead refuses ${name}`, () => {
    const bytes = toBytes(head);
    assert.throws(() => new ResponseHead().parse(bytes, 0, bytes.length), HttpError);
  });
}

Deno.test("ResponseHead tells status, reason and what follows", () => {
  const head = parseResponse(lines("HTTP/1.0 404 Not Found", "Connection: keep-alive"));
  assert.deepEqual([head.status, head.reason, head.isKeepAlive], [404, "Not Found", true]);
  assert.equal(parseResponse(lines("HTTP/1.0 200 OK")).isKeepAlive, false);
  assert.equal(parseResponse(lines("HTTP/1.1 100 Continue")).isInterim, true);
  assert.equal(parseResponse(lines("HTTP/1.1 101 Switching Protocols")).isInterim, false);
});

Deno.test("responseFraming() follows RFC 9112 section 6.3", () => {
  const framing = (status: number, method: string, ...fields: string[]) =>
    responseFraming(parseResponse(lines(`HTTP/1.1 ${status} X`, ...fields)), method);
  assert.equal(framing(200, "GET"), "close");
  assert.equal(framing(200, "GET", "Content-Length: 0"), "none");
  assert.equal(framing(200, "GET", "Content-Length: 9"), "length");
  assert.equal(framing(200, "GET", "Transfer-Encoding: chunked"), "chunked");
  assert.equal(framing(200, "HEAD", "Content-Length: 9"), "none");
  assert.equal(framing(204, "GET", "Content-Length: 9"), "none");
  assert.equal(framing(304, "GET", "Content-Length: 9"), "none");
  assert.equal(framing(103, "GET"), "none");
  assert.equal(framing(101, "GET"), "tunnel");
  assert.equal(framing(200, "CONNECT", "Content-Length: 9"), "tunnel");
  assert.equal(framing(407, "CONNECT", "Content-Length: 9"), "length");
});
