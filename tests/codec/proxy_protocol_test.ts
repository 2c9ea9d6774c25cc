import assert from "node:assert/strict";
import fc from "fast-check";
import { ipFromBytes } from "../../lib/codec/ip_bytes.ts";
import { encodeProxyHeader, ProxyHeaderDecoder } from "../../lib/codec/proxy_protocol.ts";
import type { ProxyHeader } from "../../lib/codec/proxy_protocol.ts";
import { byteByByte, cutsArbitrary, damaged, decodePieces } from "./pieces.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const record = { noNullPrototype: true } as const;

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

function line(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const port = fc.integer({ min: 0, max: 0xffff });
const ipOf = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => ipFromBytes(bytes));
const inet = (kind: "tcp" | "udp", host: fc.Arbitrary<string>) =>
  fc.record({
    kind: fc.constant(kind),
    source: fc.record({ host, port }, record),
    destination: fc.record({ host, port }, record),
  }, record);
const path = fc.stringMatching(/^@?[a-zé/]{1,50}$/);
const unix = (kind: "unixStream" | "unixDatagram") =>
  fc.record({ kind: fc.constant(kind), source: path, destination: path }, record);
const headerArbitrary: fc.Arbitrary<ProxyHeader> = fc.oneof(
  fc.constantFrom<ProxyHeader>({ kind: "local" }, { kind: "unknown" }),
  inet("tcp", ipOf(4)),
  inet("tcp", ipOf(16)),
  inet("udp", ipOf(4)),
  inet("udp", ipOf(16)),
  unix("unixStream"),
  unix("unixDatagram"),
);

const tcp4: ProxyHeader = {
  kind: "tcp",
  source: { host: "192.0.2.1", port: 56324 },
  destination: { host: "198.51.100.7", port: 443 },
};
const tcp6: ProxyHeader = {
  kind: "tcp",
  source: { host: "2001:db8::1", port: 1 },
  destination: { host: "::1", port: 65535 },
};

/** Bytes that encode to and decode from the same header. */
const EXACT: [name: string, version: "v1" | "v2", bytes: Uint8Array, header: ProxyHeader][] = [
  ["v1 over IPv4", "v1", line("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"), tcp4],
  ["v1 over IPv6", "v1", line("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), tcp6],
  ["v1 unknown", "v1", line("PROXY UNKNOWN\r\n"), { kind: "unknown" }],
  ["v2 over IPv4", "v2", fromHex(`${SIGNATURE}2111000cc0000201c6336407dc0401bb`), tcp4],
  [
    "v2 over IPv6",
    "v2",
    fromHex(
      `${SIGNATURE}2121002420010db8${"00".repeat(11)}01${"00".repeat(15)}010001ffff`,
    ),
    tcp6,
  ],
  ["v2 local", "v2", fromHex(`${SIGNATURE}20000000`), { kind: "local" }],
  ["v2 unknown", "v2", fromHex(`${SIGNATURE}21000000`), { kind: "unknown" }],
  [
    "v2 over a unix socket",
    "v2",
    fromHex(`${SIGNATURE}213100d82f61${"00".repeat(106)}0062${"00".repeat(106)}`),
    { kind: "unixStream", source: "/a", destination: "@b" },
  ],
];

/** Bytes that we do not write but read. */
const TAKEN: [name: string, bytes: Uint8Array, header: ProxyHeader][] = [
  ["v1 unknown with addresses", line("PROXY UNKNOWN ffff::1 x y z 7 7\r\n"), { kind: "unknown" }],
  [
    "v2 with extensions",
    fromHex(`${SIGNATURE}21110013c0000201c6336407dc0401bb04000400000000`),
    tcp4,
  ],
  ["v2 local with addresses", fromHex(`${SIGNATURE}2011000cc0000201c6336407dc0401bb`), {
    kind: "local",
  }],
  ["v2 local, body of any kind", fromHex(`${SIGNATURE}2011000299ff`), { kind: "local" }],
  ["v2 of no transport", fromHex(`${SIGNATURE}21100001ff`), { kind: "unknown" }],
];

const REFUSED: [bytes: Uint8Array, reason: string, offset: number, detail: RegExp][] = [
  [line("GET / HTTP/1.1\r\n"), "magic", 0, /^byte is 0x47, expected the start/],
  [line("PROXYTCP4"), "magic", 5, /0x54/],
  [fromHex("0d0a0d0a000d0a5155495421"), "magic", 11, /0x21/],
  [line(`PROXY TCP4 ${"1".repeat(100)}`), "limit", 107, /does not end within 107/],
  [line("PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n"), "type", 6, /TCP4, TCP6 or UNKNOWN/],
  [line("PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n"), "type", 6, /TCP4/],
  [line("PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n"), "syntax", 6, /3 fields, expected 4/],
  [line("PROXY TCP4 1.1.1.1 1.1.1.256 1 1\r\n"), "syntax", 6, /"1.1.1.256" is not an IPv4/],
  [line("PROXY TCP4 ::1 ::1 1 1\r\n"), "syntax", 6, /not an IPv4/],
  [line("PROXY TCP6 1.1.1.1 ::1 1 1\r\n"), "syntax", 6, /not an IPv6/],
  [line("PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n"), "syntax", 6, /"65536" is not a port/],
  [line("PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n"), "syntax", 6, /"01" is not a port/],
  [fromHex(`${SIGNATURE}11`), "version", 12, /version is 1, expected 2/],
  [fromHex(`${SIGNATURE}22`), "type", 12, /command is 2/],
  [fromHex(`${SIGNATURE}2141`), "type", 13, /0x41/],
  [fromHex(`${SIGNATURE}2113`), "type", 13, /0x13/],
  [fromHex(`${SIGNATURE}2111000b`), "length", 14, /length is 11, its addresses take 12/],
  [fromHex(`${SIGNATURE}21111001`), "limit", 14, /4097/],
];

for (const [name, version, bytes, header] of EXACT) {
  Deno.test(`PROXY ${name} is read and written`, () => {
    assert.deepEqual(encodeProxyHeader(header, version), bytes);
    const whole = new Uint8Array([...bytes, 0x0d, 0x0a]);
    const expected = { value: { header }, restBytes: 2 };
    assert.deepEqual(decodePieces(new ProxyHeaderDecoder(), whole, []), expected);
    assert.deepEqual(decodePieces(new ProxyHeaderDecoder(), whole, byteByByte(whole)), expected);
  });
}

Deno.test("ProxyHeaderDecoder takes what others may write", () => {
  for (const [name, bytes, header] of TAKEN) {
    const expected = { value: { header }, restBytes: 0 };
    assert.deepEqual(decodePieces(new ProxyHeaderDecoder(), bytes, []), expected, name);
  }
});

Deno.test("ProxyHeaderDecoder refuses what is no header, at the byte that says so", () => {
  for (const [bytes, reason, offset, detail] of REFUSED) {
    for (const cuts of [[], byteByByte(bytes)]) {
      const result = decodePieces(new ProxyHeaderDecoder(), bytes, cuts) as { detail: string };
      assert.match(result.detail ?? JSON.stringify(result), detail);
      assert.deepEqual({ ...result, detail: "" }, { reason, offset, detail: "" });
    }
  }
});

Deno.test("ProxyHeaderDecoder reads what encodeProxyHeader() writes, however it is cut", () => {
  fc.assert(
    fc.property(headerArbitrary, cutsArbitrary, fc.uint8Array(), (header, cuts, trailing) => {
      const bytes = new Uint8Array([...encodeProxyHeader(header, "v2"), ...trailing]);
      const result = decodePieces(new ProxyHeaderDecoder(), bytes, cuts);
      assert.deepEqual(result, { value: { header }, restBytes: trailing.length });
      const v1 = encodeProxyHeader(header, "v1");
      assert.ok(v1.length <= 107);
      const expected = header.kind === "tcp" ? header : { kind: "unknown" };
      assert.deepEqual(new ProxyHeaderDecoder().push(v1)?.header, expected);
    }),
  );
});

Deno.test("ProxyHeaderDecoder gives the same for any cut of damaged bytes", () => {
  const version = fc.constantFrom("v1" as const, "v2" as const);
  const valid = fc.tuple(headerArbitrary, version).map(([header, version]) =>
    encodeProxyHeader(header, version)
  );
  fc.assert(
    fc.property(damaged(valid), cutsArbitrary, (bytes, cuts) => {
      const whole = decodePieces(new ProxyHeaderDecoder(), bytes, []);
      assert.deepEqual(decodePieces(new ProxyHeaderDecoder(), bytes, cuts), whole);
    }),
    { numRuns: 500 },
  );
});

Deno.test("ProxyHeaderDecoder says how many bytes are missing", () => {
  const decoder = new ProxyHeaderDecoder();
  decoder.push(fromHex(`${SIGNATURE}`));
  assert.equal(decoder.neededBytes, 4);
  decoder.push(fromHex("2111000c"));
  assert.equal(decoder.neededBytes, 12);
});

Deno.test("encodeProxyHeader() maps an IPv4 address beside an IPv6 one", () => {
  const header: ProxyHeader = { ...tcp4, destination: { host: "2001:db8::2", port: 80 } };
  assert.deepEqual(
    new TextDecoder().decode(encodeProxyHeader(header, "v1")),
    "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 56324 80\r\n",
  );
  const decoded = new ProxyHeaderDecoder().push(encodeProxyHeader(header, "v2"))?.header;
  assert.deepEqual(decoded, { ...header, source: { host: "::ffff:192.0.2.1", port: 56324 } });
});

Deno.test("encodeProxyHeader() refuses what no header can say", () => {
  const broken: ProxyHeader[] = [
    { ...tcp4, source: { host: "example.test", port: 1 } },
    { ...tcp4, source: { host: "192.0.2.1", port: 65_536 } },
    { kind: "unixStream", source: "/".repeat(109), destination: "/b" },
  ];
  for (const header of broken) assert.throws(() => encodeProxyHeader(header, "v2"), RangeError);
});
