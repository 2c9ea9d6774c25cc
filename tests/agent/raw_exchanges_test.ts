import assert from "node:assert/strict";
import fc from "fast-check";
import { RawExchanges } from "../../lib/agent/raw_exchanges.ts";
import { BufferPool } from "../../lib/buffer.ts";

const utf8 = new TextEncoder();

/** Passes `bytes` on in pieces of the given sizes, over and over. */
function inPieces(text: string, sizes: readonly number[], pass: (bytes: Uint8Array) => void): void {
  const bytes = utf8.encode(text);
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    pass(bytes.slice(at, at + size));
    at += size;
  }
}

const REQUESTS = [
  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
  "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
];
const ANSWERS = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
];

Deno.test("RawExchanges is idle exactly between exchanges, however the bytes are cut", () => {
  fc.assert(fc.property(
    fc.array(fc.nat(REQUESTS.length - 1), { minLength: 1, maxLength: 5 }),
    fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
    (kinds, sizes) => {
      const exchanges = new RawExchanges(new BufferPool());
      for (const kind of kinds) {
        assert.ok(exchanges.isIdle && exchanges.isReusable);
        inPieces(REQUESTS[kind]!, sizes, (bytes) => {
          exchanges.request(bytes);
          assert.ok(!exchanges.isIdle);
        });
        assert.ok(exchanges.isRequestWhole);
        assert.equal(exchanges.isHead, kind === 1);
        let seen = 0;
        inPieces(ANSWERS[kind]!, sizes, (bytes) => {
          exchanges.response(bytes);
          seen += bytes.length;
          assert.equal(exchanges.isIdle, seen === ANSWERS[kind]!.length);
        });
      }
      assert.ok(exchanges.isIdle && exchanges.isReusable && exchanges.isHttp);
    },
  ));
});

Deno.test("RawExchanges knows what ends a connection's use", () => {
  const get = REQUESTS[0]!;
  const cases: [string, string][] = [
    [get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    [get, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    [get, "HTTP/1.1 200 OK\r\n\r\nuntil the end"],
    ["GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", ANSWERS[0]!],
    [get, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
    ["CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"],
    ["SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2\r\n"],
    [get, "220 mail.example ESMTP\r\n"],
  ];
  for (const [request, answer] of cases) {
    const exchanges = new RawExchanges(new BufferPool());
    exchanges.request(utf8.encode(request));
    exchanges.response(utf8.encode(answer));
    assert.ok(!exchanges.isReusable, answer);
    exchanges.close();
  }
});

Deno.test("RawExchanges bears any bytes in either direction", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.uint8Array())), (pieces) => {
    const exchanges = new RawExchanges(new BufferPool());
    for (const [isRequest, bytes] of pieces) {
      if (isRequest) exchanges.request(bytes);
      else exchanges.response(bytes);
    }
    exchanges.close();
  }));
});

Deno.test("RawExchanges follows no more requests than may wait", () => {
  const exchanges = new RawExchanges(new BufferPool());
  for (let i = 0; i < 64; i++) exchanges.request(utf8.encode(REQUESTS[0]!));
  assert.ok(exchanges.isHttp);
  exchanges.request(utf8.encode(REQUESTS[0]!));
  assert.ok(!exchanges.isHttp && !exchanges.isReusable && !exchanges.isIdle);
});
