/** Clients of HTTP/2 that mean harm: each is cut off with its count, and others are served. */
import assert from "node:assert/strict";
import { H2_PREFACE } from "../../lib/codec/http2/frame_guard.ts";
import { until } from "../agent/support.ts";
import { echoService, frontendRig } from "../server/frontend_rig.ts";
import type { FrontendRig } from "../server/frontend_rig.ts";

const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
/** Literal header fields without indexing, names and values not compressed: RFC 7541 section 6.2.2. */
function field(name: string, value: string): number[] {
  const text = (part: string) => [...lengthOf(part.length), ...new TextEncoder().encode(part)];
  return [0x00, ...text(name), ...text(value)];
}

function lengthOf(length: number): number[] {
  if (length < 127) return [length];
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest >>= 7) bytes.push(rest & 127 | 128);
  return [...bytes, rest];
}

function frame(type: number, flags: number, stream: number, payload: readonly number[]): number[] {
  const { length } = payload;
  return [
    ...[length >> 16, length >> 8 & 255, length & 255, type, flags],
    ...[stream >> 24, stream >> 16 & 255, stream >> 8 & 255, stream & 255],
    ...payload,
  ];
}

const SETTINGS = frame(4, 0, 0, []);
const GET = [
  ...field(":method", "GET"),
  ...field(":scheme", "http"),
  ...field(":path", "/"),
  ...field(":authority", "edge-a"),
];

function get(stream: number, extra: readonly number[] = []): number[] {
  return frame(1, END_STREAM | END_HEADERS, stream, [...GET, ...extra]);
}

/** Sends bytes behind preface and settings, and reads until `isEnough` or the server ends; what came. */
async function attack(
  rig: FrontendRig,
  parts: readonly number[][],
  isEnough: (received: readonly number[]) => boolean = () => false,
): Promise<number[]> {
  const [hostname = "", port] = rig.addresses[0]!.split(":");
  using conn = await Deno.connect({ hostname, port: Number(port) });
  const bytes = Uint8Array.from([...H2_PREFACE, ...SETTINGS, ...parts.flat()]);
  const received: number[] = [];
  const sending = (async () => {
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  })().catch(() => {});
  const buffer = new Uint8Array(64 << 10);
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) break;
    received.push(...buffer.subarray(0, count));
    if (isEnough(received)) break;
  }
  await sending;
  return received;
}

/** A stream was reset, or the connection ended, by the frames that came. */
function isRefused(bytes: readonly number[]): boolean {
  return typesOf(bytes).some((type) => type === 3 || type === 7);
}

/** An answer's head is among them. */
function isAnswered(bytes: readonly number[]): boolean {
  return typesOf(bytes).includes(1);
}

function typesOf(bytes: readonly number[]): number[] {
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length;) {
    types.push(bytes[at + 3]!);
    at += 9 + (bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!);
  }
  return types;
}

async function assertServes(rig: FrontendRig): Promise<void> {
  const response = await fetch(`http://${rig.addresses[0]}/`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
}

/** Refused requests and connections, for whatever reason. */
function countOf(rig: FrontendRig): number {
  return Object.values(rig.server.stats.h2Refusals).reduce((sum, count) => sum + count, 0);
}

const CASES: [string, () => number[][], Record<string, number>][] = [
  [
    "rapid reset",
    () =>
      Array.from({ length: 1001 }, (_, index) => [
        ...get(index * 2 + 1),
        ...frame(3, 0, index * 2 + 1, [0, 0, 0, 8]),
      ]),
    { resets: 1 },
  ],
  ["a flood of settings", () => Array(5001).fill(frame(4, 0, 0, [])), { control: 1 }],
  ["a flood of pings", () => Array(5001).fill(frame(6, 0, 0, Array(8).fill(0))), { control: 1 }],
  [
    "a flood of empty data",
    () => [frame(1, END_HEADERS, 1, GET), ...Array(101).fill(frame(0, 0, 1, []))],
    { emptyFrames: 1 },
  ],
  [
    "a flood of continuations",
    () => [frame(1, END_STREAM, 1, GET), ...Array(40).fill(frame(9, 0, 1, field("a", "b")))],
    { headerBlock: 1 },
  ],
  [
    "an endless header block",
    () => [
      frame(1, END_STREAM, 1, GET),
      ...Array(5).fill(frame(9, 0, 1, field("a", "b".repeat(16_000)))),
    ],
    { headerBlock: 1 },
  ],
  ["a frame beyond the largest", () => [frame(0, 0, 1, Array(16_385).fill(0))], { frameSize: 1 }],
];

Deno.test.each(CASES)("HTTP/2 client: %s is cut off", async (_, parts, refusals) => {
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
  await attack(rig, parts());
  assert.deepEqual({ ...rig.server.stats.h2Refusals }, refusals);
  await assertServes(rig);
});

/** What makes a server reset a stream that was in order (MadeYouReset). */
const PROVOCATIONS: [string, (stream: number) => number[]][] = [
  [
    "credit beyond 2^31",
    (id) => [...get(id), ...frame(8, 0, id, [0x7f, 0xff, 0xff, 0xff])],
  ],
  ["credit of nothing", (id) => [...get(id), ...frame(8, 0, id, [0, 0, 0, 0])]],
  ["data behind the end", (id) => [...get(id), ...frame(0, 0, id, [1])]],
  ["headers behind the end", (id) => [...get(id), ...frame(1, END_STREAM | END_HEADERS, id, GET)]],
  ["a priority of a wrong size", (id) => [...get(id), ...frame(2, 0, id, [0, 0, 0])]],
  [
    "more data than announced",
    (id) => [
      ...frame(1, END_HEADERS, id, [...GET, ...field("content-length", "1")]),
      ...frame(0, END_STREAM, id, [1, 2]),
    ],
  ],
];

Deno.test.each(PROVOCATIONS)(
  "HTTP/2 client: what makes others reset streams ends the connection (CVE-2025-8671): %s",
  async (_, provoke) => {
    await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
    const types = typesOf(await attack(rig, [provoke(1)]));
    assert.deepEqual([types.includes(7), types.includes(3)], [true, false]);
    await assertServes(rig);
  },
);

const MALFORMED: [string, number[]][] = [
  ["Connection", field("connection", "close")],
  ["Transfer-Encoding", field("transfer-encoding", "chunked")],
  ["Upgrade", field("upgrade", "h2c")],
  ["a name in capitals", field("X-A", "b")],
  ["another host", field("host", "other")],
  ["a length without a body", field("content-length", "5")],
  ["a length that is none", field("content-length", "0x5")],
  ["a second path", field(":path", "/other")],
];

Deno.test.each(MALFORMED)(
  "HTTP/2 request with %s is refused, and goes nowhere",
  async (_, extra) => {
    await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
    const isOver = (bytes: readonly number[]) => isRefused(bytes) || isAnswered(bytes);
    const received = await attack(rig, [get(1, extra)], isOver);
    assert.ok(isRefused(received));
    const { streamsOpened, requests } = rig.server.stats;
    assert.deepEqual({ streamsOpened, requests }, { streamsOpened: 0, requests: 0 });
    await until("it to be counted", () => countOf(rig) === 1);
    await assertServes(rig);
  },
);

Deno.test("HTTP/2 headers beyond what a list may have are refused, small as they may be packed", async () => {
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
  // A long field that goes into the table once, and is named a thousand times by one byte each.
  const name = new TextEncoder().encode("x-bomb");
  const value = Array(4000).fill(0x61);
  const indexed = [0x40, ...lengthOf(name.length), ...name, ...lengthOf(value.length), ...value];
  const bomb = [...indexed, ...Array(1000).fill(0x80 | 62)];
  const isOver = (bytes: readonly number[]) => isRefused(bytes) || isAnswered(bytes);
  await attack(rig, [get(1, bomb)], isOver);
  assert.equal(rig.server.stats.streamsOpened, 0);
  await until("it to be counted", () => countOf(rig) === 1);
  await assertServes(rig);
});

Deno.test("HTTP/2 requests beyond those at once are refused one by one, the others served", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"], targets: [echo.address] });
  const settled = frame(4, ACK, 0, []);
  const post = (stream: number) => frame(1, END_HEADERS, stream, GET);
  const parts = Array.from({ length: 300 }, (_, index) => post(index * 2 + 1));
  const refusedOf = (bytes: readonly number[]) =>
    typesOf(bytes).filter((type) => type === 3).length;
  await attack(rig, [settled, ...parts], (bytes) => refusedOf(bytes) >= 300 - 256);
  await until("them to be counted", () => countOf(rig) === 300 - 256);
  assert.deepEqual({ ...rig.server.stats.h2Refusals }, { refused: 300 - 256 });
});

Deno.test.each([
  ["a line end in a value", field("x-a", "b\r\nx-revtun-cluster: other")],
  ["a space in a name", field("x-revtun-cluster other", "b")],
])("HTTP/2 field with %s does not become one of HTTP/1", async (_, extra) => {
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
  // Node leaves such fields out.
  await attack(rig, [get(1, extra)], isAnswered);
  const { streamsOpened, answers } = rig.server.stats;
  assert.deepEqual({ streamsOpened, ...answers }, { streamsOpened: 1, "2xx": 1 });
});
