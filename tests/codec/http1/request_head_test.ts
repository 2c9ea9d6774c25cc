import assert from "node:assert/strict";
import fc from "fast-check";
import { IS_FIELD_VALUE } from "../../../lib/codec/http1/byte_class.ts";
import { FIELD } from "../../../lib/codec/http1/field_id.ts";
import { requestFraming } from "../../../lib/codec/http1/framing.ts";
import { DEFAULT_HEAD_LIMITS, INCOMPLETE } from "../../../lib/codec/http1/head.ts";
import { HttpError } from "../../../lib/codec/http1/http_error.ts";
import { RequestHead } from "../../../lib/codec/http1/request_head.ts";
import { lines, parseRequest, refusalOf, toBytes } from "./support.ts";

const HOST = "Host: a.example";

const GOOD: [name: string, head: string][] = [
  ["the least there is", lines("GET / HTTP/1.1", HOST)],
  ["HTTP/1.0 without Host", lines("GET / HTTP/1.0")],
  ["an empty line before it", "\r\n" + lines("GET / HTTP/1.1", HOST)],
  ["no space behind a colon", lines("GET / HTTP/1.1", "Host:a")],
  ["white space around a value", lines("GET / HTTP/1.1", "Host: \t a \t ")],
  ["an empty value", lines("GET / HTTP/1.1", HOST, "X-Empty:")],
  ["bytes over 127 in a value", lines("GET / HTTP/1.1", HOST, "X-Name: J\xf6rg")],
  ["an odd method", lines("X-WHAT! / HTTP/1.1", HOST)],
  ["braces and bars in the query", lines('GET /?q={"a|b"} HTTP/1.1', HOST)],
  ["a path that is left alone", lines("GET //a/../%2f/%zz HTTP/1.1", HOST)],
  ["an absolute URL", lines("GET http://A.example/x HTTP/1.1", HOST)],
  ["an absolute URL with the usual port", lines("GET http://a.example:80/x HTTP/1.1", HOST)],
  ["an absolute URL without a path", lines("GET http://a.example?x HTTP/1.1", HOST)],
  ["OPTIONS *", lines("OPTIONS * HTTP/1.1", HOST)],
  ["CONNECT", lines("CONNECT a.example:443 HTTP/1.1", "Host: a.example:443")],
  ["a port", lines("GET / HTTP/1.1", "Host: a.example:65535")],
  ["an IPv6 host", lines("GET / HTTP/1.1", "Host: [::1]:80")],
  ["an empty member of Connection", lines("GET / HTTP/1.1", HOST, "Connection: , close,")],
  ["Content-Length 0", lines("GET / HTTP/1.1", HOST, "Content-Length: 0")],
  ["chunked in capitals", lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: CHUNKED")],
  ["a WebSocket's upgrade", lines("GET / HTTP/1.1", HOST, "Connection: Upgrade", "Upgrade: h3x")],
];

const BAD: [name: string, head: string, status?: number][] = [
  ["nothing but an end", "\r\n\r\n"],
  ["a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00"],
  ["HTTP/0.9", "GET /\r\n"],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["HTTP/1.2", lines("GET / HTTP/1.2", HOST), 505],
  ["HTTP/3.0", lines("GET / HTTP/3.0", HOST), 505],
  ["HTTP/1.10", lines("GET / HTTP/1.10", HOST)],
  ["HTTP in small letters", lines("GET / http/1.1", HOST)],
  ["no minor version", lines("GET / HTTP/1", HOST)],
  ["a space before the method", lines(" GET / HTTP/1.1", HOST)],
  ["two spaces before the target", lines("GET  / HTTP/1.1", HOST)],
  ["two spaces before the version", lines("GET /  HTTP/1.1", HOST)],
  ["a tab in the request line", lines("GET\t/ HTTP/1.1", HOST)],
  ["a space behind the version", lines("GET / HTTP/1.1 ", HOST)],
  ["a space in the target", lines("GET /a b HTTP/1.1", HOST)],
  ["a fragment in the target", lines("GET /a#b HTTP/1.1", HOST)],
  ["a byte over 127 in the target", lines("GET /\xe9 HTTP/1.1", HOST)],
  ["NUL in the target", lines("GET /\0 HTTP/1.1", HOST)],
  ["a target without slash", lines("GET a HTTP/1.1", HOST)],
  ["another scheme", lines("GET ftp://a.example/ HTTP/1.1", HOST)],
  ["GET *", lines("GET * HTTP/1.1", HOST)],
  ["a bracket in the method", lines("GE(T / HTTP/1.1", HOST)],
  ["a method without end", lines("G".repeat(40) + " / HTTP/1.1", HOST)],
  ["a bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["a bare CR in the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n"],
  ["a bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"],
  ["a bare LF for the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"],
  ["a bare CR in a value", lines("GET / HTTP/1.1", HOST, "X: a\rb")],
  ["a bare CR for the end", "GET / HTTP/1.1\r\nHost: a\r\n\rx"],
  ["two empty lines before it", "\r\n\r\n" + lines("GET / HTTP/1.1", HOST)],
  ["a bare LF before it", "\n" + lines("GET / HTTP/1.1", HOST)],
  ["NUL in a value", lines("GET / HTTP/1.1", HOST, "X: a\0b")],
  ["a control in a value", lines("GET / HTTP/1.1", HOST, "X: a\x01b")],
  ["DEL in a value", lines("GET / HTTP/1.1", HOST, "X: a\x7fb")],
  ["NUL in a name", lines("GET / HTTP/1.1", HOST, "X\0: a")],
  ["a space in a name", lines("GET / HTTP/1.1", HOST, "X Y: a")],
  ["a space before the colon", lines("GET / HTTP/1.1", HOST, "Content-Length : 3")],
  ["a tab before the colon", lines("GET / HTTP/1.1", HOST, "Content-Length\t: 3")],
  ["no colon", lines("GET / HTTP/1.1", HOST, "X")],
  ["no name", lines("GET / HTTP/1.1", HOST, ": a")],
  ["a byte over 127 in a name", lines("GET / HTTP/1.1", HOST, "X\xe9: a")],
  ["a folded line", lines("GET / HTTP/1.1", HOST, "X: a", " b")],
  ["a line folded by a tab", lines("GET / HTTP/1.1", HOST, "X: a", "\tb")],
  ["an indented first line", lines("GET / HTTP/1.1", " X: a", HOST)],
  ["Host missing", lines("GET / HTTP/1.1")],
  ["Host repeated", lines("GET / HTTP/1.1", HOST, HOST)],
  ["Host repeated in HTTP/1.0", lines("GET / HTTP/1.0", HOST, "host: b")],
  ["Host empty", lines("GET / HTTP/1.1", "Host:")],
  ["two hosts in one", lines("GET / HTTP/1.1", "Host: a,b")],
  ["a host with a space", lines("GET / HTTP/1.1", "Host: a b")],
  ["a host with a slash", lines("GET / HTTP/1.1", "Host: a/b")],
  ["a host with a user", lines("GET / HTTP/1.1", "Host: u@a")],
  ["a host with two ports", lines("GET / HTTP/1.1", "Host: a:1:2")],
  ["a port that is none", lines("GET / HTTP/1.1", "Host: a:http")],
  ["a port too long", lines("GET / HTTP/1.1", "Host: a:123456")],
  ["nothing but a port", lines("GET / HTTP/1.1", "Host: :80")],
  ["an open bracket", lines("GET / HTTP/1.1", "Host: [::1")],
  ["a bracket inside", lines("GET / HTTP/1.1", "Host: a[b")],
  ["something behind a bracket", lines("GET / HTTP/1.1", "Host: [::1]x")],
  ["an absolute URL and another Host", lines("GET http://b.example/ HTTP/1.1", HOST)],
  ["an absolute URL with a user", lines("GET http://u@a.example/ HTTP/1.1", HOST)],
  ["an absolute URL without a host", lines("GET http:///x HTTP/1.1", HOST)],
  ["CONNECT and another Host", lines("CONNECT b:443 HTTP/1.1", HOST)],
  [
    "Content-Length repeated",
    lines("POST / HTTP/1.1", HOST, "Content-Length: 3", "content-length: 3"),
  ],
  ["two Content-Lengths", lines("POST / HTTP/1.1", HOST, "Content-Length: 3", "Content-Length: 4")],
  ["a list of Content-Lengths", lines("POST / HTTP/1.1", HOST, "Content-Length: 3, 3")],
  ["Content-Length empty", lines("POST / HTTP/1.1", HOST, "Content-Length: ")],
  ["Content-Length with a sign", lines("POST / HTTP/1.1", HOST, "Content-Length: +3")],
  ["Content-Length below zero", lines("POST / HTTP/1.1", HOST, "Content-Length: -3")],
  ["Content-Length in hex", lines("POST / HTTP/1.1", HOST, "Content-Length: 0x3")],
  ["Content-Length and a tab", lines("POST / HTTP/1.1", HOST, "Content-Length: 3\t")],
  ["Content-Length with a point", lines("POST / HTTP/1.1", HOST, "Content-Length: 3.0")],
  ["Content-Length with a space", lines("POST / HTTP/1.1", HOST, "Content-Length: 3 3")],
  [
    "Content-Length over 2^64",
    lines("POST / HTTP/1.1", HOST, "Content-Length: 18446744073709551617"),
  ],
  [
    "Content-Length and Transfer-Encoding",
    lines("POST / HTTP/1.1", HOST, "Content-Length: 3", "Transfer-Encoding: chunked"),
  ],
  [
    "Transfer-Encoding and Content-Length 0",
    lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "Content-Length: 0"),
  ],
  [
    "Transfer-Encoding repeated",
    lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
  ],
  ["chunked twice", lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked, chunked")],
  ["gzip, chunked", lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: gzip, chunked")],
  ["identity", lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: identity")],
  ["xchunked", lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: xchunked")],
  ["chunked with a parameter", lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked;a=b")],
  [
    "chunked behind a vertical tab",
    lines("POST / HTTP/1.1", HOST, "Transfer-Encoding: \x0bchunked"),
  ],
  ["Transfer-Encoding empty", lines("POST / HTTP/1.1", HOST, "Transfer-Encoding:")],
  ["Transfer-Encoding in HTTP/1.0", lines("POST / HTTP/1.0", HOST, "Transfer-Encoding: chunked")],
  ["Connection with a space", lines("GET / HTTP/1.1", HOST, "Connection: a b")],
  ["Connection that names Host", lines("GET / HTTP/1.1", HOST, "Connection: host")],
  [
    "Connection that names Content-Length",
    lines("POST / HTTP/1.1", HOST, "Connection: close, Content-Length", "Content-Length: 3"),
  ],
  ["an upgrade to h2c", lines("GET / HTTP/1.1", HOST, "Connection: Upgrade", "Upgrade: h2c")],
  ["an upgrade to one of two", lines("GET / HTTP/1.1", HOST, "Upgrade: websocket, H2C-14")],
  ["a long request line", lines(`GET /${"a".repeat(9000)} HTTP/1.1`, HOST), 414],
  ["a long request line without an end", `GET /${"a".repeat(9000)}`, 414],
  ["a large head", lines("GET / HTTP/1.1", HOST, ...Array(9).fill(`X: ${"a".repeat(8000)}`)), 431],
  ["a large head without an end", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(66000)}`, 431],
  ["many fields", lines("GET / HTTP/1.1", HOST, ...Array(200).fill("X: a")), 431],
  [
    "many names in Connection",
    lines("GET / HTTP/1.1", HOST, ...Array(2).fill(`Connection: ${"x,".repeat(300)}`)),
    431,
  ],
  [
    "a long Connection of nothing",
    lines("GET / HTTP/1.1", HOST, `Connection: ${",".repeat(1030)}`),
    431,
  ],
];

for (const [name, head] of GOOD) {
  Deno.test(`RequestHead takes ${name}`, () => {
    assert.equal(refusalOf(head), 0);
    const bytes = toBytes(`${head}the rest`);
    assert.equal(new RequestHead().parse(bytes, 0, bytes.length), head.length);
  });
}

for (const [name, head, status = 400] of BAD) {
  Deno.test(`RequestHead refuses ${name} with ${status}`, () => {
    // Byte by byte is quadratic here, on purpose: only the caller paces its attempts.
    if (head.length < 20_000) assert.equal(refusalOf(head), status);
    const bytes = toBytes(head);
    assert.throws(
      () => new RequestHead().parse(bytes, 0, bytes.length),
      (error) => error instanceof HttpError && error.status === status,
    );
  });
}

Deno.test("RequestHead keeps offsets into the bytes it was given", () => {
  const text = "junk" + lines("PUT /a?b HTTP/1.1", "Host:  a.example:81 ", "X-Y: z", "x-y:");
  const bytes = toBytes(text);
  const head = new RequestHead();
  assert.equal(head.parse(bytes, 4, bytes.length), bytes.length);
  assert.equal(head.method, "PUT");
  assert.equal(head.path, "/a?b");
  assert.equal(head.host, "a.example:81");
  assert.equal(head.fieldCount, 3);
  assert.equal(head.name(1), "X-Y");
  assert.equal(head.header("x-y"), "z, ");
  assert.equal(head.header("x-z"), undefined);
  assert.equal(text.slice(head.nameStart(1), head.lineEnd(1)), "X-Y: z\r\n");
  assert.equal(text.slice(head.nameStart(2), head.lineEnd(2)), "x-y:\r\n");
});

Deno.test("RequestHead finds the path of an absolute URL", () => {
  const withPath = parseRequest(lines("GET http://a.example/x?y HTTP/1.1", "Host: a.example"));
  assert.deepEqual([withPath.form, withPath.path, withPath.host], [
    "absolute",
    "/x?y",
    "a.example",
  ]);
  const without = parseRequest(lines("GET http://a.example:80?y HTTP/1.1", "Host: a.example"));
  assert.deepEqual([without.path, without.host], ["/?y", "a.example:80"]);
});

Deno.test("RequestHead tells what Connection asks for", () => {
  const head = (version: string, ...fields: string[]) =>
    parseRequest(lines(`GET / HTTP/1.${version}`, "Host: a", ...fields));
  assert.equal(head("1").isKeepAlive, true);
  assert.equal(head("1", "Connection: Keep-Alive, CLOSE").isKeepAlive, false);
  assert.equal(head("1", "Connection: x", "Connection: close").isKeepAlive, false);
  assert.equal(head("0").isKeepAlive, false);
  assert.equal(head("0", "Connection: keep-alive").isKeepAlive, true);
  assert.equal(head("1", "Connection: upgrade").isUpgrade, false);
  assert.equal(head("1", "Upgrade: x", "Connection: upgrade").isUpgrade, true);
  assert.equal(head("0", "Upgrade: x", "Connection: upgrade").isUpgrade, false);
  const nominating = head("1", "Connection: x-a, keep-alive", "X-A: 1", "X-B: 2");
  assert.equal(nominating.hasNominations, true);
  assert.deepEqual([2, 3].map((index) => nominating.isNominated(index)), [true, false]);
});

Deno.test("RequestHead marks names that CGI reads as one of ours", () => {
  const head = parseRequest(
    lines("GET / HTTP/1.1", "Host: a", "Content_Length: 5", "X-Revtun_Cluster: b", "x-revtun-x: 1"),
  );
  assert.equal(head.contentLength, -1);
  const ids = [1, 2, 3].map((index) => head.fieldId(index));
  assert.deepEqual(ids, [FIELD.lookalike, FIELD.lookalike, FIELD.xRevtun]);
});

Deno.test("requestFraming() follows RFC 9112 section 6.3", () => {
  const framing = (method: string, ...fields: string[]) =>
    requestFraming(parseRequest(lines(`${method} HTTP/1.1`, "Host: a:1", ...fields)));
  assert.equal(framing("GET /"), "none");
  assert.equal(framing("POST /"), "none");
  assert.equal(framing("POST /", "Content-Length: 0"), "none");
  assert.equal(framing("GET /", "Content-Length: 1"), "length");
  assert.equal(framing("POST /", "Transfer-Encoding: Chunked"), "chunked");
  assert.equal(framing("CONNECT a:1"), "tunnel");
});

Deno.test("RequestHead's limits are its owner's", () => {
  const limits = { ...DEFAULT_HEAD_LIMITS, maxLineBytes: 20, maxFields: 2 };
  assert.equal(refusalOf(lines("GET /123456789 HTTP/1.1", "Host: a"), limits), 0);
  assert.equal(refusalOf(lines("GET /12345678901234567 HTTP/1.1", "Host: a"), limits), 414);
  assert.equal(refusalOf(lines("GET / HTTP/1.1", "Host: a", "X: a", "X: b"), limits), 431);
});

Deno.test("RequestHead throws nothing but HttpError, whatever the bytes", () => {
  const head = new RequestHead();
  const piece = fc.constantFrom(
    "GET ",
    "/",
    " HTTP/1.1\r\n",
    "Host: a\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    ":",
    "\0",
    "\xff",
    "x",
    "Content-Length: ",
    "1",
    ",",
    "Transfer-Encoding: chunked\r\n",
    "Connection: ",
    "http://",
    "[",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const bytes = toBytes(pieces.join(""));
      try {
        const end = head.parse(bytes, 0, bytes.length);
        assert.ok(end === INCOMPLETE || (end > 0 && end <= bytes.length));
      } catch (error) {
        assert.ok(error instanceof HttpError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("RequestHead knows of each value whether it is plain, whatever came before it", () => {
  const allowed = Array.from({ length: 256 }, (_, code) => code)
    .filter((code) => IS_FIELD_VALUE[code] === 1);
  const unit = fc.constantFrom(...allowed.map((code) => String.fromCharCode(code)));
  const value = fc.string({ unit });
  fc.assert(fc.property(fc.array(value, { maxLength: 10 }), (values) => {
    const head = parseRequest(
      lines("GET / HTTP/1.1", HOST, ...values.map((text) => `X-A: ${text}`)),
    );
    values.forEach((text, i) => {
      const isPlain = /^[ !#-[\]-~]*$/.test(head.value(i + 1));
      if (head.isPlain(i + 1)) assert.ok(isPlain, JSON.stringify(text));
      // What is cut off its end may be a tab.
      else assert.ok(!isPlain || head.value(i + 1) !== text, JSON.stringify(text));
    });
  }));
});
