import assert from "node:assert/strict";
import fc from "fast-check";
import { BodyScanner } from "../../../lib/codec/http1/body_scanner.ts";
import { HttpError } from "../../../lib/codec/http1/http_error.ts";
import { toBytes } from "./support.ts";

interface Result {
  /** Bytes that belong to the body. */
  size: number;
  isDone: boolean;
  payload: string;
}

/** Scans a chunked body cut at `cuts`. */
function scanChunks(text: string, cuts: number[] = []): Result {
  const bytes = toBytes(text);
  const scanner = new BodyScanner();
  scanner.start("chunked", 0);
  let payload = "";
  let size = 0;
  const edges = [...cuts, bytes.length].map((cut) => Math.min(cut, bytes.length)).sort((a, b) =>
    a - b
  );
  for (const end of edges) {
    if (scanner.isDone) break;
    size = scanner.scan(bytes, size, end, (from, to) => payload += text.slice(from, to));
  }
  return { size, isDone: scanner.isDone, payload };
}

const everyByte = (text: string) => Array.from(text, (_, i) => i + 1);

const GOOD: [name: string, body: string, payload: string][] = [
  ["no chunk", "0\r\n\r\n", ""],
  ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"],
  [
    "sizes in either case, with zeros before",
    "00A\r\n0123456789\r\n0a\r\n0123456789\r\n000\r\n\r\n",
    "01234567890123456789",
  ],
  ["extensions", '2;a;b=c;d="e f"\r\nhi\r\n0;last\r\n\r\n', "hi"],
  ["trailers", "2\r\nhi\r\n0\r\nX-Sum: 1 2\r\nx-empty:\r\n\r\n", "hi"],
  ["CR and LF inside a chunk", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"],
];

const BAD: [name: string, body: string][] = [
  ["an empty size", "\r\n"],
  ["a size that is none", "x\r\n"],
  ["a size with 0x", "0x5\r\nhello\r\n"],
  ["a sign", "-5\r\nhello\r\n"],
  ["a space before the size", " 5\r\nhello\r\n"],
  ["a space behind the size", "5 \r\nhello\r\n"],
  ["a size over 2^48", "1000000000000\r\n"],
  ["a bare LF behind the size", "5\nhello\r\n"],
  ["a bare CR behind the size", "5\rhello\r\n"],
  ["a bare LF behind an extension", "5;a\nhello\r\n"],
  ["an empty extension", "5;\r\nhello\r\n"],
  ["NUL in an extension", "5;a\0\r\nhello\r\n"],
  ["a chunk longer than it says", "2\r\nhello\r\n"],
  ["a chunk with a bare LF behind it", "2\r\nhi\n0\r\n\r\n"],
  ["a chunk with a bare CR behind it", "2\r\nhi\r0\r\n\r\n"],
  ["a long extension", `5;${"a".repeat(2000)}`],
  ["many extensions", `1;${"a".repeat(1000)}\r\nx\r\n`.repeat(20)],
  ["a bare LF for the end", "0\r\n\n"],
  ["a bare CR for the end", "0\r\n\rx"],
  ["a trailer without a colon", "0\r\nX\r\n\r\n"],
  ["a trailer without a name", "0\r\n: a\r\n\r\n"],
  ["a trailer with a space in its name", "0\r\nX : a\r\n\r\n"],
  ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
  ["a control in a trailer", "0\r\nX: a\x01\r\n\r\n"],
  ["Content-Length as a trailer", "0\r\nContent-Length: 5\r\n\r\n"],
  ["Transfer-Encoding as a trailer", "0\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["Host as a trailer", "0\r\nHost: b\r\n\r\n"],
  ["a field of ours as a trailer", "0\r\nX-Revtun-Cluster: b\r\n\r\n"],
  ["X-Forwarded-For as a trailer", "0\r\nX-Forwarded-For: b\r\n\r\n"],
  ["long trailers", "0\r\n" + "X: a\r\n".repeat(3000)],
];

for (const [name, body, payload] of GOOD) {
  Deno.test(`BodyScanner finds the end behind ${name}`, () => {
    const expected = { size: body.length, isDone: true, payload };
    assert.deepEqual(scanChunks(`${body}GET /`), expected);
    assert.deepEqual(scanChunks(`${body}GET /`, everyByte(body)), expected);
    assert.equal(scanChunks(body.slice(0, -1)).isDone, false);
  });
}

for (const [name, body] of BAD) {
  Deno.test(`BodyScanner refuses ${name}`, () => {
    const is400 = (error: unknown) => error instanceof HttpError && error.status === 400;
    assert.throws(() => scanChunks(body), is400);
    assert.throws(() => scanChunks(body, everyByte(body)), is400);
  });
}

Deno.test("BodyScanner gives the payload of any chunks, however they are cut", () => {
  const chunk = fc.string({ minLength: 1, maxLength: 40, unit: "binary-ascii" });
  fc.assert(fc.property(
    fc.array(chunk, { maxLength: 6 }),
    fc.array(fc.nat(300), { maxLength: 8 }),
    (chunks, cuts) => {
      const body = chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join("") +
        "0\r\n\r\n";
      const expected = { size: body.length, isDone: true, payload: chunks.join("") };
      assert.deepEqual(scanChunks(`${body}rest`, cuts), expected);
    },
  ));
});

Deno.test("BodyScanner counts a length, even one over 2^32", () => {
  const scanner = new BodyScanner();
  scanner.start("length", 2 ** 33 + 1);
  const bytes = new Uint8Array(1 << 20);
  for (let i = 0; i < 2 ** 13; i++) {
    assert.equal(scanner.scan(bytes, 0, bytes.length), bytes.length);
  }
  assert.equal(scanner.isDone, false);
  assert.equal(scanner.scan(bytes, 0, bytes.length), 1);
  assert.equal(scanner.isDone, true);
  assert.equal(scanner.scan(bytes, 5, bytes.length), 5);
});

Deno.test("BodyScanner leaves the end of a close-delimited body to the connection", () => {
  const scanner = new BodyScanner();
  scanner.start("close", -1);
  assert.equal(scanner.scan(new Uint8Array(9), 0, 9), 9);
  assert.equal(scanner.isDone, false);
  scanner.start("none", -1);
  assert.equal(scanner.isDone, true);
});
