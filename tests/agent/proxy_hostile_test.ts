import assert from "node:assert/strict";
import fc from "fast-check";
import { ConnectProxy } from "../../lib/agent/connect_proxy.ts";
import { SocksProxy } from "../../lib/agent/socks_proxy.ts";
import { DialError } from "../../lib/errors.ts";
import { Secret } from "../../lib/secret.ts";

const PROXY = { kind: "tcp", host: "proxy", port: 1 } as const;
const TARGET = { kind: "tcp", host: "cloud", port: 9000 } as const;
const SECRET = new Secret("till-7:s3cret");

/** A connection on which `bytes` came, in pieces of `size` at most, and then the end. */
function conn(bytes: Uint8Array, size: number) {
  let left = bytes;
  return {
    read(into: Uint8Array) {
      const count = Math.min(into.length, size, left.length);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return Promise.resolve(count === 0 ? null : count);
    },
    write: (from: Uint8Array) => Promise.resolve(Math.min(from.length, size)),
  };
}

const parts = fc.constantFrom(
  ...["HTTP/1.1 200 OK\r\n", "HTTP/1.1 407 No\r\n", "HTTP/1.1 100 Go on\r\n", "X: y\r\n", "\r\n"],
  ...["\n", "Content-Length: 1\r\n", "Proxy-Authenticate: \x1b[2J\r\n", "\x05\x00", "\x05\x02"],
  ...["\x01\x00", "\x05\x00\x00\x03\x02ab\x00\x01", "\x05\x00\x00\x01", "\x00".repeat(6)],
).map((text) => new TextEncoder().encode(text));
const answer = fc.array(fc.oneof(parts, fc.uint8Array({ maxLength: 8 })), { maxLength: 12 })
  .map((pieces) => Uint8Array.from(pieces.flatMap((piece) => [...piece])));

Deno.test("whatever a proxy answers, it leads on or the dial says why it does not", async () => {
  let led = 0;
  for (const proxy of [new ConnectProxy(PROXY, SECRET), new SocksProxy(PROXY, SECRET)]) {
    await fc.assert(
      fc.asyncProperty(answer, fc.integer({ min: 1, max: 9 }), async (bytes, size) => {
        try {
          await proxy.open(conn(bytes, size), TARGET);
          led += 1;
        } catch (error) {
          assert.ok(error instanceof DialError, String(error));
          assert.match(error.message, /^Cannot connect to cloud:9000: proxy proxy:1: /);
          // deno-lint-ignore no-control-regex
          assert.doesNotMatch(error.message, /s3cret|[\x00-\x1f]/);
        }
      }),
      { numRuns: 2000 },
    );
  }
  assert.ok(led > 0);
});
