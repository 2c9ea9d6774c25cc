import assert from "node:assert/strict";
import fc from "fast-check";
import { SocksDecoder } from "../../lib/codec/socks5.ts";
import type { SocksStep } from "../../lib/codec/socks5.ts";
import {
  encodeSocksConnect,
  encodeSocksMethods,
  encodeSocksPassword,
} from "../../lib/codec/socks5_client.ts";

/** What a server reads of it. */
function decoded(step: SocksStep, bytes: Uint8Array): unknown {
  const decoder = new SocksDecoder();
  decoder.expect(step);
  const { message, rest } = decoder.push(bytes)!;
  assert.equal(rest.length, 0);
  return message;
}

Deno.test("a SOCKS server reads what its client writes", () => {
  assert.deepEqual(decoded("methods", encodeSocksMethods(false)), {
    type: "methods",
    methods: [0],
  });
  const both = { type: "methods", methods: [0, 2] };
  assert.deepEqual(decoded("methods", encodeSocksMethods(true)), both);
  for (const host of ["cloud", "10.0.0.7", "fd00::1", "n".repeat(255)]) {
    const expected = { type: "request", command: 1, host, port: 65_535 };
    assert.deepEqual(decoded("request", encodeSocksConnect(host, 65_535)), expected);
  }
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
    .filter((value) => new TextEncoder().encode(value).length <= 255);
  fc.assert(fc.property(text, text, (user, password) => {
    const expected = { type: "password", user, password };
    assert.deepEqual(decoded("password", encodeSocksPassword(user, password)), expected);
  }));
});

Deno.test("a SOCKS client writes nothing that is empty or too long", () => {
  for (const text of ["", "n".repeat(256), "ä".repeat(128)]) {
    assert.throws(() => encodeSocksPassword(text, "b"), RangeError);
    assert.throws(() => encodeSocksPassword("a", text), RangeError);
    assert.throws(() => encodeSocksConnect(text, 1), RangeError);
  }
});
