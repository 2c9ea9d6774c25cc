import assert from "node:assert/strict";
import fc from "fast-check";
import { SocksDecoder, SocksRefusal } from "../../lib/codec/socks5.ts";
import type { SocksMessage, SocksStep } from "../../lib/codec/socks5.ts";
import { byteByByte, cutsArbitrary, decodePieces } from "./pieces.ts";

const ascii = (text: string) => [...new TextEncoder().encode(text)];

const GOOD: [SocksStep, number[], SocksMessage][] = [
  ["methods", [5, 1, 0], { type: "methods", methods: [0] }],
  ["methods", [5, 2, 0, 2], { type: "methods", methods: [0, 2] }],
  ["password", [1, 1, 0x61, 2, 0x62, 0x63], { type: "password", user: "a", password: "bc" }],
  ["password", [1, 1, 0x61, 0], { type: "password", user: "a", password: "" }],
  [
    "request",
    [5, 1, 0, 1, 10, 0, 0, 7, 0, 22],
    { type: "request", command: 1, host: "10.0.0.7", port: 22 },
  ],
  [
    "request",
    [5, 1, 0, 4, 0xfd, ...Array(14).fill(0), 1, 0x1f, 0x90],
    { type: "request", command: 1, host: "fd00::1", port: 8080 },
  ],
  [
    "request",
    [5, 1, 0, 3, 12, ...ascii("db.e1.revtun"), 0x15, 0x38],
    { type: "request", command: 1, host: "db.e1.revtun", port: 5432 },
  ],
];

const BAD: [SocksStep, number[], RegExp][] = [
  ["methods", [4, 1, 0, 80, 10, 0, 0, 1, 0], /version is 4, expected 5 \(SOCKS 4/],
  ["methods", ascii("GET / HTTP/1.1\r\n"), /version is 71, expected 5/],
  ["methods", [5, 0], /offers no method/],
  ["password", [5, 1, 0, 1], /version of its password is 5/],
  ["password", [1, 0, 1, 0x61], /user name is empty/],
  ["password", [1, 1, 0xff, 1, 0x61], /user name is no UTF-8/],
  ["request", [4, 1, 0, 1], /version of its request is 4/],
  ["request", [5, 1, 7, 1, 0, 0], /reserved byte is 7/],
  ["request", [5, 1, 0, 3, 0, 0, 80], /host name is empty/],
  ["request", [5, 1, 0, 3, 1, 0xfe, 0, 80], /host name is no UTF-8/],
  ["request", [5, 1, 0, 2, 10, 0, 0, 1, 0, 80], /address type is 2/],
  ["request", [5, 2, 0, 1, 10, 0, 0, 1, 0, 80], /command is bind, only connect/],
  ["request", [5, 3, 0, 1, 10, 0, 0, 1, 0, 80], /command is udpAssociate, only connect/],
  ["request", [5, 9, 0, 1, 10, 0, 0, 1, 0, 80], /command is 9, only connect/],
];

function decoderFor(step: SocksStep): SocksDecoder {
  const decoder = new SocksDecoder();
  decoder.expect(step);
  return decoder;
}

for (const [step, bytes, message] of GOOD) {
  Deno.test(`SocksDecoder reads ${step} ${bytes.join(" ")}, in any pieces`, () => {
    const extended = Uint8Array.from([...bytes, 9, 8, 7]);
    fc.assert(fc.property(cutsArbitrary, (cuts) => {
      const outcome = decodePieces(decoderFor(step), extended, cuts);
      assert.deepEqual(outcome, { value: { message }, restBytes: 3 });
    }));
    assert.equal(decoderFor(step).push(extended.subarray(0, bytes.length - 1)), undefined);
  });
}

for (const [step, bytes, message] of BAD) {
  Deno.test(`SocksDecoder refuses ${step} ${bytes.join(" ")}`, () => {
    const all = Uint8Array.from(bytes);
    for (const cuts of [[], byteByByte(all)]) {
      const outcome = decodePieces(decoderFor(step), all, cuts);
      assert.match("detail" in outcome ? outcome.detail : "nothing is wrong", message);
    }
  });
}

Deno.test("SocksDecoder tells what to reply to what is not served", () => {
  const replyTo = (bytes: number[]) => {
    try {
      decoderFor("request").push(Uint8Array.from(bytes));
    } catch (error) {
      return error instanceof SocksRefusal ? error.reply : undefined;
    }
    return undefined;
  };
  assert.equal(replyTo([5, 2, 0, 1, 10, 0, 0, 1, 0, 80]), "unknownCommand");
  assert.equal(replyTo([5, 1, 0, 2, 10, 0, 0, 1, 0, 80]), "unknownAddressType");
});

Deno.test("SocksDecoder meets any bytes with a message, a DecodeError, or patience", () => {
  const step = fc.constantFrom<SocksStep>("methods", "password", "request");
  fc.assert(fc.property(step, fc.uint8Array({ maxLength: 600 }), (name, bytes) => {
    decodePieces(decoderFor(name), bytes, byteByByte(bytes));
  }));
});
