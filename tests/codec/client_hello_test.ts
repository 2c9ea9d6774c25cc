import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ClientHelloDecoder,
  MAX_CLIENT_HELLO_BYTES,
  readServerName,
} from "../../lib/codec/client_hello.ts";
import type { ClientHello } from "../../lib/codec/client_hello.ts";
import { DecodeError } from "../../lib/errors.ts";
import { byteByByte, cutsArbitrary, damaged, decodePieces } from "./pieces.ts";

const FOLDER = new URL("../../testdata/client_hello/", import.meta.url);
const TLS13 = 0x0304;
const TLS12 = 0x0303;
const ALL_VERSIONS = [TLS13, TLS12, 0x0302, 0x0301];

const RECORDED: Readonly<Record<string, ClientHello>> = {
  curl: { serverName: "edge-a.example.test", alpn: ["h2", "http/1.1"], versions: ALL_VERSIONS },
  deno: { serverName: "deno.example.test", alpn: ["http/1.1"], versions: [TLS13, TLS12] },
  go: { serverName: "go.example.test", alpn: ["h2"], versions: [TLS13, TLS12] },
  "openssl_no_name": { alpn: [], versions: ALL_VERSIONS },
  "openssl_tls12": { serverName: "legacy.example.test", alpn: [], versions: [TLS12] },
  python: { serverName: "py.example.test", alpn: ["h2", "http/1.1"], versions: [TLS13, TLS12] },
};

const recordings = Object.fromEntries(
  await Promise.all(
    Object.keys(RECORDED).map(async (name) =>
      [name, await Deno.readFile(new URL(`${name}.bin`, FOLDER))] as const
    ),
  ),
);

function u16(value: number): number[] {
  return [value >> 8 & 0xff, value & 0xff];
}

/** A vector with a length of two bytes. */
function vector(content: readonly number[]): number[] {
  return [...u16(content.length), ...content];
}

function extension(type: number, content: readonly number[]): number[] {
  return [...u16(type), ...vector(content)];
}

function serverName(name: string, type = 0): number[] {
  return extension(0, vector([type, ...vector([...name].map((c) => c.charCodeAt(0)))]));
}

/** A handshake message of one record. */
function message(body: readonly number[], type = 1): number[] {
  return [type, body.length >> 16, ...u16(body.length), ...body];
}

function hello(extensions?: readonly number[]): number[] {
  const head = [3, 3, ...new Array(32).fill(7), 0, ...vector([0x13, 1]), 1, 0];
  return extensions === undefined ? head : [...head, ...vector(extensions)];
}

function records(message: readonly number[], size = message.length): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    bytes.push(22, 3, 1, ...vector(message.slice(at, at + size)));
  }
  return Uint8Array.from(bytes);
}

function decode(bytes: Uint8Array, cuts: readonly number[] = []): unknown {
  return decodePieces(new ClientHelloDecoder(), bytes, cuts);
}

Deno.test("every recorded ClientHello is tested", async () => {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name.endsWith(".bin")) names.push(name.slice(0, -4));
  }
  assert.deepEqual(names.sort(), Object.keys(RECORDED).sort());
  assert.ok(names.length >= 6);
});

for (const [name, expected] of Object.entries(RECORDED)) {
  Deno.test(`ClientHelloDecoder reads what ${name} sends`, () => {
    const bytes = recordings[name]!;
    const value = { value: { hello: expected, records: bytes }, restBytes: 3 };
    const trailing = new Uint8Array([...bytes, 1, 2, 3]);
    assert.deepEqual(decode(trailing), value);
    assert.deepEqual(decode(trailing, byteByByte(trailing)), value);
  });
}

Deno.test("ClientHelloDecoder reads a message that is spread over records", () => {
  const whole = recordings["curl"]!.subarray(5);
  for (const size of [9, 10, 100, 511]) {
    const bytes = records([...whole], size);
    const { value } = decode(bytes, [1, 17, 60]) as { value: { hello: ClientHello } };
    assert.deepEqual(value.hello, RECORDED["curl"]);
  }
});

Deno.test("ClientHelloDecoder gives the same for any cut of damaged bytes", () => {
  const valid = fc.tuple(
    fc.constantFrom(...Object.values(recordings)),
    fc.integer({ min: 9, max: 600 }),
  ).map(
    ([bytes, size]) => records([...bytes.subarray(5)], size),
  );
  fc.assert(
    fc.property(damaged(valid), cutsArbitrary, (bytes, cuts) => {
      assert.deepEqual(decode(bytes, cuts), decode(bytes));
      assert.deepEqual(nameIn(bytes), nameOf(decode(bytes)));
    }),
    { numRuns: 500 },
  );
});

/** What {@link readServerName} makes of bytes that are all there. */
function nameIn(bytes: Uint8Array): unknown {
  try {
    return readServerName(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { reason: error.reason, offset: error.offset, detail: error.detail };
  }
}

/** The same of the decoder's word. */
function nameOf(outcome: unknown): unknown {
  if ((outcome as { needed?: true }).needed) return undefined;
  const { value } = outcome as { value?: { hello: ClientHello } };
  return value === undefined ? outcome : value.hello.serverName ?? "";
}

Deno.test("readServerName() gives the decoder's name, of what is whole", () => {
  for (const [name, bytes] of Object.entries(recordings)) {
    assert.equal(readServerName(bytes), RECORDED[name]!.serverName ?? "");
    assert.equal(readServerName(new Uint8Array([...bytes, 1])), RECORDED[name]!.serverName ?? "");
    assert.equal(readServerName(bytes.subarray(0, -1)), undefined);
  }
  const spread = records([...recordings["curl"]!.subarray(5)], 100);
  assert.equal(readServerName(spread), RECORDED["curl"]!.serverName);
});

Deno.test("ClientHelloDecoder refuses what is no ClientHello", () => {
  const cases: [bytes: Uint8Array, reason: string, offset: number, detail: RegExp][] = [
    [Uint8Array.of(0x47), "magic", 0, /^byte is 0x47, expected 0x16/],
    [Uint8Array.of(22, 2), "version", 1, /major version is 2/],
    [Uint8Array.of(22, 3, 9), "version", 2, /minor version is 9/],
    [Uint8Array.of(22, 3, 1, 0, 0), "length", 3, /record length is 0/],
    [Uint8Array.of(22, 3, 1, 0x40, 1), "length", 3, /16385/],
    [records([2]), "type", 5, /message type is 2, expected 1/],
    [records([1, 1, 0, 0]), "limit", 6, /at|over/],
    [records([1, 0, 0x40, 1]), "limit", 8, /over 16384/],
    [records([...message(hello()), 9]), "length", 9 + 41, /more follows/],
    [records(message([3, 3, 1])), "length", 11, /random takes 32 bytes, 1 are left/],
    [records(message([2, 0])), "version", 9, /major version is 2/],
    [
      records(message([3, 3, ...new Array(32).fill(0), 33, ...new Array(33).fill(0)])),
      "length",
      44,
      /session id has over 32/,
    ],
    [
      records(message([3, 3, ...new Array(32).fill(0), 0, 0, 3, 1, 1, 1])),
      "length",
      46,
      /cipher suites take 3/,
    ],
    [
      records(message([3, 3, ...new Array(32).fill(0), 0, 0, 2, 1, 1, 0])),
      "length",
      49,
      /no compression/,
    ],
    [records(message([...hello([]), 0])), "length", 52, /1 bytes too many/],
    [records(message(hello([0, 0]))), "length", 54, /extension takes 2 bytes, 0 are left/],
    [
      records(message(hello([...extension(7, []), ...extension(7, [])]))),
      "syntax",
      58,
      /7 is there twice/,
    ],
    [records(message(hello(extension(0, vector([]))))), "syntax", 58, /no server name/],
    [records(message(hello(serverName("a.test", 1)))), "type", 61, /name type is 1/],
    [records(message(hello(serverName("a..test")))), "syntax", 68, /not a DNS name/],
    [records(message(hello(serverName("a.test.")))), "syntax", 68, /not a DNS name/],
    [records(message(hello(serverName("a\0.test")))), "syntax", 68, /not a DNS name/],
    [records(message(hello(serverName("x".repeat(256))))), "syntax", 61 + 256, /not a DNS name/],
    [records(message(hello(extension(16, vector([]))))), "length", 58, /no protocol name/],
    [records(message(hello(extension(16, vector([0]))))), "length", 59, /name is empty/],
    [records(message(hello(extension(16, [...vector([1, 65]), 0])))), "length", 60, /too many/],
    [records(message(hello(extension(43, [0])))), "length", 57, /no version/],
    [records(message(hello(extension(43, [1, 3])))), "length", 57, /version takes 2 bytes/],
  ];
  for (const [bytes, reason, offset, detail] of cases) {
    for (const cuts of [[], byteByByte(bytes)]) {
      const result = decode(bytes, cuts) as { detail: string };
      const text = result.detail ?? JSON.stringify(result);
      assert.match(text, detail);
      assert.deepEqual({ ...result, detail: text }, { reason, offset, detail: text });
    }
  }
});

Deno.test("ClientHelloDecoder takes a hello without extensions", () => {
  const { value } = decode(records(message(hello()))) as { value: { hello: ClientHello } };
  assert.deepEqual(value.hello, { alpn: [], versions: [TLS12] });
});

Deno.test("ClientHelloDecoder bounds what it holds and what it walks over", () => {
  const large = message(hello(extension(21, new Array(MAX_CLIENT_HELLO_BYTES - 60).fill(0))));
  assert.ok("value" in (decode(records(large, 1000), [5, 100]) as object));
  const spread = records(large, 1);
  const result = decode(spread, byteByByte(spread)) as { reason: string; offset: number };
  assert.deepEqual([result.reason, result.offset], ["limit", 64 * 6]);
});

Deno.test("ClientHelloDecoder says how many bytes are missing", () => {
  const bytes = recordings["curl"]!;
  const decoder = new ClientHelloDecoder();
  assert.equal(decoder.neededBytes, 5);
  decoder.push(bytes.subarray(0, 5));
  assert.equal(decoder.neededBytes, 512);
  decoder.push(bytes.subarray(5, 15));
  assert.equal(decoder.neededBytes, 502);
});
