import assert from "node:assert/strict";
import { BufferPool } from "../../../lib/buffer.ts";
import { HeldBytes } from "../../../lib/codec/http1/held_bytes.ts";
import { latin1 } from "../../../lib/codec/http1/latin1.ts";
import { toBytes } from "./support.ts";

const textOf = (held: HeldBytes) =>
  held.buffer === undefined ? "" : latin1(held.buffer.bytes, held.start, held.end);

Deno.test("HeldBytes keeps what is appended until it is consumed", () => {
  const pool = new BufferPool();
  const held = new HeldBytes(pool);
  for (let i = 0; i < 5000; i++) held.append(toBytes("abc"));
  assert.equal(held.length, 15_000);
  held.consume(14_998);
  assert.equal(textOf(held), "bc");
  held.append(toBytes("x".repeat(20_000)));
  assert.equal(textOf(held).slice(0, 3), "bcx");
  held.consume(20_002);
  assert.equal(held.buffer, undefined);
  assert.equal(pool.idleBytes, (4 << 10) + (16 << 10) + (64 << 10));
});

Deno.test("HeldBytes does not write into a buffer that someone still reads", () => {
  const held = new HeldBytes(new BufferPool());
  held.append(toBytes("abc"));
  const before = held.buffer!;
  before.retain();
  held.append(toBytes("def"));
  assert.notEqual(held.buffer, before);
  assert.equal(textOf(held), "abcdef");
  before.release();
  held.clear();
});

Deno.test("HeldBytes asks a parser rarely, and always when a head ends", () => {
  const head = "GET / HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n";
  for (const text of [head, head.replaceAll("\r\n", "\n"), head.replace(/\r\n\r\n$/, "\r\n\n")]) {
    const held = new HeldBytes(new BufferPool());
    let attempts = 0;
    let wasAsked = false;
    for (const byte of toBytes(text)) {
      held.append(Uint8Array.of(byte));
      wasAsked = held.isHeadLikely();
      if (wasAsked) attempts += 1;
    }
    assert.ok(attempts <= 10, `${attempts} attempts`);
    assert.equal(wasAsked, true);
    held.clear();
  }
});
