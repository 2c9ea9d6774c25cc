import assert from "node:assert/strict";
import fc from "fast-check";
import type { CaptureRecord } from "../../lib/decode/capture_input.ts";
import { formatRecordAsJson } from "../../lib/decode/format_record.ts";
import { parseRecord } from "../../lib/decode/parse_record.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import { encodePreface } from "../../lib/codec/preface.ts";
import { writeHeader } from "../../lib/codec/yamux.ts";
import {
  ACK,
  FIN,
  ipPacket,
  join,
  LINKS,
  pcapFile,
  pcapngFile,
  RST,
  SYN,
} from "../codec/capture/packets.ts";
import { decode } from "./decode.ts";

const AGENT: [string, number] = ["10.0.0.7", 51_234];
const SERVER: [string, number] = ["10.0.0.1", 9000];
const text = (value: string) => new TextEncoder().encode(value);

const INIT = encodeMessage({
  type: "initInfo",
  clusterName: "edge-a",
  weight: 10,
  hostName: "",
  credentialPolicy: "token",
  credential: "hunter2",
});
const RESPONSE = encodeMessage({ type: "initResponse", status: 1 });
const MUX_RESPONSE = encodeMessage({
  type: "initResponse",
  status: 1,
  hello: { version: 1, mode: "mux" },
});
const REQUEST = text("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n");
const ANSWER = text(
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
);

function names({ records }: { records: CaptureRecord[] }): string[] {
  return records.map(({ frame }) => frame);
}

interface Half {
  from: [string, number];
  to: [string, number];
  bytes: Uint8Array;
}

/** Packets of a whole connection: opening, both directions' bytes in pieces, ends. */
function conversation(steps: Half[], pieceBytes = 40, start = 0xffffff00): Uint8Array[] {
  const packets: Uint8Array[] = [];
  const next = new Map([[AGENT[1], start], [SERVER[1], start + 77]]);
  const send = (half: Omit<Half, "bytes">, flags: number, payload?: Uint8Array) => {
    const sequence = next.get(half.from[1])! >>> 0;
    const acknowledgement = next.get(half.to[1])! >>> 0;
    packets.push(ipPacket({
      ...half,
      sequence,
      acknowledgement,
      flags,
      ...(payload ? { payload } : {}),
    }));
    const size = (payload?.length ?? 0) + (flags & (SYN | FIN) ? 1 : 0);
    next.set(half.from[1], sequence + size);
  };
  const up = { from: AGENT, to: SERVER };
  const down = { from: SERVER, to: AGENT };
  send(up, SYN);
  send(down, SYN | ACK);
  for (const { from, to, bytes } of steps) {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      send({ from, to }, ACK, bytes.subarray(at, at + pieceBytes));
    }
  }
  send(up, FIN | ACK);
  send(down, FIN | ACK);
  return packets;
}

const RAW_STEPS: Half[] = [
  { from: AGENT, to: SERVER, bytes: INIT },
  { from: SERVER, to: AGENT, bytes: join(RESPONSE, REQUEST) },
  { from: AGENT, to: SERVER, bytes: ANSWER },
];
const RAW_NAMES = [
  "connection",
  "ConnectionInitInfo",
  "ConnectionInitResponse",
  "HTTP/1 request",
  "HTTP/1 request",
  "HTTP/1 response",
  "HTTP/1 response",
];

for (const [link, [linkType, wrap]] of Object.entries(LINKS)) {
  Deno.test(`a capture of ${link} is decoded, responses framed by their requests`, () => {
    const packets = conversation(RAW_STEPS).map(wrap);
    for (const isLittleEndian of [true, false]) {
      for (
        const file of [
          pcapFile(packets, { linkType, isLittleEndian }),
          pcapFile(packets, { linkType, isLittleEndian, isNanoseconds: true }),
          pcapngFile(packets, { linkType, isLittleEndian }),
        ]
      ) {
        const result = decode([file]);
        assert.deepEqual(result.errors, []);
        assert.deepEqual(names(result), RAW_NAMES);
        // The answer to HEAD has no body whatever its length says.
        const bodies = result.records.filter(({ frame }) => frame === "HTTP/1 response")
          .map(({ fields }) => fields["body_bytes"]);
        assert.deepEqual(bodies, [0, 5]);
      }
    }
  });
}

Deno.test("IPv6 addresses are written as RFC 5952 has it", () => {
  const from: [string, number] = ["::7", 5000];
  const to: [string, number] = ["::1", 9000];
  const packet = ipPacket({ from, to, sequence: 5, payload: INIT });
  const { records, errors } = decode([pcapFile([packet])]);
  assert.deepEqual(errors, []);
  assert.deepEqual(records[0]!.fields, { from: "[::7]:5000", to: "[::1]:9000" });
});

Deno.test("credentials are masked unless asked for", () => {
  for (const [isCredentialShown, shown] of [[false, "***"], [true, "hunter2"]] as const) {
    const { records } = decode([INIT], { isCredentialShown });
    const payload = records[0]!.fields["payload"] as Record<string, unknown>;
    assert.equal(payload["credential"], shown);
    assert.equal(JSON.stringify(records).includes("hunter2"), isCredentialShown);
  }
});

Deno.test("any split of any kind of capture gives the same records", () => {
  const packets = conversation(RAW_STEPS);
  const files = [pcapFile(packets), pcapngFile(packets), join(INIT, ANSWER), muxCapture()];
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(fc.nat(2000), { maxLength: 30 }),
      (file, cuts) => {
        const sorted = [...new Set(cuts.map((cut) => cut % file.length))].sort((a, b) => a - b);
        const pieces: Uint8Array[] = [];
        let from = 0;
        for (const cut of [...sorted, file.length]) {
          if (cut > from) pieces.push(file.subarray(from, cut));
          from = cut;
        }
        assert.deepEqual(decode(pieces), decode([file]));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("byte by byte gives the same as whole", () => {
  const file = pcapFile(conversation(RAW_STEPS));
  const pieces = [...file].map((byte) => Uint8Array.of(byte));
  assert.deepEqual(decode(pieces), decode([file]));
});

Deno.test("reordering and retransmission do not show; sequence numbers may wrap", () => {
  const packets = conversation(RAW_STEPS, 9);
  const wanted = decode([pcapFile(packets)]).records.map(({ frame, offset }) => [frame, offset]);
  fc.assert(
    fc.property(fc.array(fc.nat(packets.length - 3), { maxLength: 12 }), (swaps) => {
      const shuffled = [...packets];
      for (const at of swaps) {
        // Only neighbours of one direction trade places, as on a network; and each comes twice.
        const index = Math.max(2, at % (shuffled.length - 4));
        const [a, b] = [shuffled[index]!, shuffled[index + 1]!];
        if (a[13] === b[13] && a[15] === b[15]) [shuffled[index], shuffled[index + 1]] = [b, a];
      }
      const result = decode([pcapFile(shuffled.flatMap((packet) => [packet, packet]))]);
      assert.deepEqual(result.errors, []);
      assert.deepEqual(result.records.map(({ frame, offset }) => [frame, offset]), wanted);
    }),
    { numRuns: 60 },
  );
});

Deno.test("bytes that are not in the capture are told, not guessed at", () => {
  const packets = conversation(RAW_STEPS, 20);
  const initPackets = Math.ceil(INIT.length / 20);
  // Within the response's head: nothing says what follows.
  const { errors } = decode([pcapFile(packets.toSpliced(-4, 1))]);
  assert.equal(errors.length, 1);
  assert.match(errors[0]!.message, /20 bytes are not in the capture/);
  // Within the handshake: its frame says how long it is.
  for (let lost = 1; lost < initPackets; lost++) {
    const result = decode([pcapFile(packets.toSpliced(2 + lost, 1))]);
    assert.deepEqual(result.errors, []);
    const init = result.records.find(({ frame }) => frame === "ConnectionInitInfo");
    assert.deepEqual(init!.fields, { complete: false });
    const frames = result.records.filter(({ layer }) => layer !== "capture");
    assert.deepEqual(frames.map(({ frame }) => frame).sort(), RAW_NAMES.slice(1).sort());
  }
});

Deno.test("a gap within a payload of known length is passed over", () => {
  const body = new Uint8Array(5000);
  const answer = join(text("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), body);
  const get = text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const packets = conversation([
    { from: AGENT, to: SERVER, bytes: INIT },
    { from: SERVER, to: AGENT, bytes: join(RESPONSE, get) },
    { from: AGENT, to: SERVER, bytes: answer },
  ], 1000);
  packets.splice(-5, 1);
  const result = decode([pcapFile(packets)]);
  assert.deepEqual(result.errors, []);
  assert.deepEqual(names(result).slice(-2), ["gap", "HTTP/1 response"]);
  assert.equal(result.records.at(-1)!.fields["body_bytes"], 5000);
});

Deno.test("a snap length that cuts packets is a gap", () => {
  const packets = conversation(RAW_STEPS, 500);
  const { errors } = decode([pcapFile(packets, { snapBytes: 80 })]);
  assert.ok(errors.some(({ message }) => /not in the capture/.test(message)));
});

Deno.test("other connections are left out, unless their port is asked for", () => {
  const web: [string, number] = ["10.0.0.9", 80];
  const other = ipPacket({
    from: AGENT,
    to: web,
    sequence: 1,
    payload: text("GET / HTTP/1.1\r\n"),
  });
  const file = pcapFile([other, ...conversation(RAW_STEPS)]);
  assert.deepEqual(names(decode([file])), RAW_NAMES);
  assert.deepEqual(names(decode([file], { port: 9000 })), RAW_NAMES);
  assert.match(decode([file], { port: 80 }).errors[0]!.message, /nothing known starts in/);
  assert.match(decode([pcapFile([other])]).errors[0]!.message, /none of its 1 TCP connections/);
});

Deno.test("a reset ends both directions where they are", () => {
  const packets = conversation(RAW_STEPS);
  const reset = ipPacket({ from: SERVER, to: AGENT, sequence: 0, flags: RST });
  const result = decode([pcapFile([...packets.slice(0, 5), reset])]);
  assert.deepEqual(result.errors, []);
});

Deno.test("ports used again are a new connection", () => {
  const packets = [...conversation(RAW_STEPS), ...conversation(RAW_STEPS, 40, 12_345)];
  const { records } = decode([pcapFile(packets)]);
  assert.deepEqual([...new Set(records.map(({ connection }) => connection))], [1, 2]);
});

function muxFrame(type: number, flags: number, id: number, value: number, payload?: Uint8Array) {
  const bytes = new Uint8Array(12 + (payload?.length ?? 0));
  writeHeader(bytes, 0, type, flags, id, value);
  if (payload !== undefined) bytes.set(payload, 12);
  return bytes;
}

/** What a server sends: a handshake's answer, then a session. */
function muxCapture(): Uint8Array {
  const preface = encodePreface({ target: "ssh" });
  const data = join(preface, text("SSH-2.0-x\r\n"));
  return join(
    MUX_RESPONSE,
    muxFrame(2, 1, 0, 7),
    muxFrame(0, 1, 2, data.length, data),
    muxFrame(1, 0, 2, 1000),
    muxFrame(0, 4, 2, 3, text("bye")),
    muxFrame(3, 0, 0, 0),
  );
}

Deno.test("a session's frames, prefaces, answers and control messages are told", () => {
  const control = encodePreface({ kind: "control" });
  const drain = encodeMessage({ type: "drain", state: "draining" });
  const said = join(control, drain);
  const agent = join(
    INIT,
    muxFrame(0, 1, 1, said.length, said),
    muxFrame(0, 2, 2, 3, new Uint8Array(3)),
  );
  const result = decode([agent]);
  assert.deepEqual(result.errors, []);
  assert.deepEqual(names(result), [
    "ConnectionInitInfo",
    "assumed",
    "yamux.data",
    "preface",
    "Drain",
    "yamux.data",
    "answer",
  ]);
  assert.deepEqual(names(decode([muxCapture()])), [
    "ConnectionInitResponse",
    "yamux.ping",
    "yamux.data",
    "preface",
    "yamux.window_update",
    "yamux.data",
    "yamux.go_away",
  ]);
});

Deno.test("records as JSON make the same bytes again", () => {
  for (const bytes of [muxCapture(), join(INIT, ANSWER), join(RESPONSE, REQUEST)]) {
    const { records } = decode([bytes], { isPayloadKept: true, isCredentialShown: true });
    const again = join(
      ...records.map((record) => parseRecord(text(formatRecordAsJson(record))).bytes),
    );
    assert.deepEqual(again, bytes);
  }
});

Deno.test("hex dumps of xxd, hexdump -C and tcpdump -X are read", () => {
  const hex = [...RESPONSE].map((byte) => byte.toString(16).padStart(2, "0"));
  const rows = Array.from(
    { length: Math.ceil(hex.length / 16) },
    (_, i) => hex.slice(i * 16, i * 16 + 16),
  );
  const pairs = (row: string[]) => row.join("").replace(/(....)(?=.)/g, "$1 ");
  const xxd = rows.map((row, i) =>
    `${(i * 16).toString(16).padStart(8, "0")}: ${pairs(row).padEnd(39)}  ab`
  );
  const hexdump = rows.map((row, i) =>
    `${(i * 16).toString(16).padStart(8, "0")}  ${row.slice(0, 8).join(" ")}  ${
      row.slice(8).join(" ")
    }  |ab|`
  );
  for (const lines of [xxd, hexdump, [hex.join("")], [hex.join(" ")]]) {
    const result = decode([text(lines.join("\n") + "\n")]);
    assert.deepEqual(result.errors, []);
    assert.deepEqual(names(result), ["ConnectionInitResponse"]);
  }
  const packet = ipPacket({ from: AGENT, to: SERVER, sequence: 9, payload: INIT });
  const dump = ["12:00:00.000001 IP 10.0.0.7.51234 > 10.0.0.1.9000: Flags [.], length 120"];
  for (let at = 0; at < packet.length; at += 16) {
    const row = [...packet.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, "0"));
    dump.push(`\t0x${at.toString(16).padStart(4, "0")}:  ${pairs(row)}  ....`);
  }
  assert.deepEqual(names(decode([text(dump.join("\n"))])), ["connection", "ConnectionInitInfo"]);
});

Deno.test("what does not parse gives one error with its offset, after what did", () => {
  const cases: [Uint8Array, RegExp, number][] = [
    [new Uint8Array(0), /no input/, 0],
    [INIT.subarray(0, 30), /ends within it/, 0],
    [join(RESPONSE, text("GET / HTTP/1.1\r\nHost: a\r\n")), /ends within its head/, 1],
    [join(RESPONSE, text("GET / HTTP/1.1\r\nHost : a\r\n\r\n")), /at byte 40: white space/, 1],
    [text("hello, this is no capture\n"), /first byte is 0x68/, 0],
    [join(MUX_RESPONSE, new Uint8Array(12).fill(9)), /version is 9/, 1],
    [join(MUX_RESPONSE, muxFrame(0, 0, 2, 500)), /500 bytes are missing/, 2],
    [pcapFile([]).subarray(0, 20), /ends within its header/, 0],
  ];
  for (const [bytes, message, count] of cases) {
    const { records, errors } = decode([bytes]);
    assert.equal(records.length, count, String(message));
    assert.match(errors[0]!.message, message);
  }
});

Deno.test("no input does anything but give records and DecodeErrors", () => {
  const seeds = [
    pcapFile(conversation(RAW_STEPS)),
    pcapngFile(conversation(RAW_STEPS)),
    muxCapture(),
    join(INIT, ANSWER),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
      fc.nat(),
      (seed, flips, cut) => {
        const bytes = seed.slice(0, seed.length - (cut % 50));
        for (const [at, value] of flips) bytes[at % bytes.length] = value;
        decode([bytes]);
        decode([bytes], { port: 9000 });
      },
    ),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decode([bytes])));
});

Deno.test("any text gives records and DecodeErrors, however its dumps are damaged", () => {
  const hex = [...INIT].map((byte) => byte.toString(16).padStart(2, "0"));
  const rows = hex.flatMap((_, at) => at % 16 === 0 ? [hex.slice(at, at + 16)] : []);
  const offset = (row: number) => (row * 16).toString(16).padStart(8, "0");
  const dumps = [
    rows.map((row, at) => `${offset(at)}: ${row.join(" ")}  ..`).join("\n"),
    rows.map((row, at) => `${offset(at)}  ${row.join(" ")}  |..|`).join("\n"),
    rows.map((row, at) => `\t0x${offset(at).slice(4)}:  ${row.join(" ")}  ..`).join("\n"),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...dumps),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(..." \n*:|0123456789abcdefx\u{e9}")), {
        maxLength: 6,
      }),
      (dump, edits) => {
        const chars = [...dump];
        for (const [at, char] of edits) chars[at % chars.length] = char;
        decode([text(chars.join(""))], { input: "hex" });
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("a session that was recorded without its handshake is read from its first frame", () => {
  const session = muxCapture().subarray(MUX_RESPONSE.length);
  const result = decode([session]);
  assert.deepEqual(result.errors, []);
  assert.deepEqual(names(result).slice(0, 4), [
    "resumed",
    "yamux.ping",
    "yamux.data",
    "preface",
  ]);
});

Deno.test("a capture that begins within connections is read where something starts", () => {
  const whole = conversation([
    { from: AGENT, to: SERVER, bytes: INIT },
    { from: SERVER, to: AGENT, bytes: muxCapture() },
  ], 4000);
  // The opening, the handshake and the start of the session are not there.
  const file = pcapFile([
    ipPacket({ from: SERVER, to: AGENT, sequence: 50, payload: text("the end of something") }),
    ipPacket({
      from: SERVER,
      to: AGENT,
      sequence: 70,
      payload: muxCapture().subarray(MUX_RESPONSE.length),
    }),
  ]);
  assert.match(decode([file]).errors[0]!.message, /1 began before the capture; --port N/);
  const result = decode([file], { port: SERVER[1] });
  assert.deepEqual(result.errors, []);
  assert.deepEqual(names(result).slice(0, 3), ["connection", "resumed", "yamux.ping"]);
  assert.ok(result.records.slice(1).every(({ direction }) => direction === "server-to-agent"));
  assert.deepEqual(decode([pcapFile(whole)]).errors, []);
});

Deno.test("behind a lost packet it goes on where the next message starts", () => {
  const packets = conversation([
    { from: AGENT, to: SERVER, bytes: INIT },
    { from: SERVER, to: AGENT, bytes: RESPONSE },
    { from: SERVER, to: AGENT, bytes: text("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n") },
    { from: AGENT, to: SERVER, bytes: text("HTTP/1.1 204 No Content\r\n\r\n") },
    { from: SERVER, to: AGENT, bytes: text("HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n") },
    { from: AGENT, to: SERVER, bytes: text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n") },
  ], 1000);
  packets.splice(4, 1);
  const { records, errors } = decode([pcapFile(packets)]);
  assert.match(errors[0]!.message, /TCP stream at byte 20: 28 bytes are not in the capture/);
  assert.equal(errors.length, 1);
  const [head] = records.filter(({ frame }) => frame === "HTTP/1 request");
  assert.equal(head!.fields["start_line"], "HEAD /2 HTTP/1.1");
  const last = records.filter(({ frame }) => frame === "HTTP/1 response").at(-1)!;
  assert.equal(last.fields["body_bytes"], 0);
});

Deno.test("what an upgrade or another protocol brings is named and counted", () => {
  const http2 = text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);
  const upgrade = text("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  const switched = text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
  const cases: [down: Uint8Array[], up: Uint8Array[], frames: string[]][] = [
    [[http2, settings], [settings], ["HTTP/2", "HTTP/2"]],
    [[text("\x16\x03\x01 hello")], [text("\x16\x03\x03 hello")], ["TLS", "TLS"]],
    [[Uint8Array.of(1, 1, 0, 1)], [Uint8Array.of(1, 0, 0, 2)], ["data", "data"]],
    [[upgrade, text("\0\x01ping")], [switched, text("pong")], [
      "HTTP/1 request",
      "HTTP/1 response",
      "data",
    ]],
  ];
  for (const [down, up, frames] of cases) {
    const steps: Half[] = [
      { from: AGENT, to: SERVER, bytes: INIT },
      { from: SERVER, to: AGENT, bytes: join(RESPONSE, down[0]!) },
      { from: AGENT, to: SERVER, bytes: up[0]! },
      ...down.slice(1).map((bytes) => ({ from: SERVER, to: AGENT, bytes })),
      ...up.slice(1).map((bytes) => ({ from: AGENT, to: SERVER, bytes })),
    ];
    const result = decode([pcapFile(conversation(steps, 5000))]);
    assert.deepEqual(result.errors, []);
    assert.deepEqual(names(result).slice(3).sort(), [...frames].sort());
  }
});

Deno.test("a tunnel inside TLS is called that", () => {
  const hello = join(Uint8Array.of(0x16, 3, 1, 0, 5), new Uint8Array(5));
  const file = pcapFile(conversation([{ from: AGENT, to: SERVER, bytes: hello }]));
  assert.match(decode([file]).errors[0]!.message, /handshake, 1 are TLS;/);
  const { errors } = decode([file], { port: SERVER[1] });
  assert.match(errors[0]!.message, /the connection is TLS: capture where it is not encrypted/);
  assert.equal(errors.length, 1);
});

Deno.test("compressed captures are called that", () => {
  for (
    const [name, magic] of [["gzip", [0x1f, 0x8b]], ["zstd", [0x28, 0xb5, 0x2f, 0xfd]]] as const
  ) {
    const { errors } = decode([join(Uint8Array.from(magic), new Uint8Array(50))]);
    assert.match(errors[0]!.message, new RegExp(`compressed with ${name}, unpack it first`));
  }
});

Deno.test("a message that revtun would refuse is told as it went", () => {
  const request = text("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nHost: a\r\n\r\n");
  const { records, errors } = decode([join(RESPONSE, request)]);
  assert.deepEqual(errors, []);
  assert.equal(records[1]!.fields["note"], "Upgrade to h2c is not taken");
});
