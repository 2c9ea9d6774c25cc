import assert from "node:assert/strict";
import fc from "fast-check";
import { frameFromJson, frameToJson } from "../../lib/codec/frame_json.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { encodeWireFrame } from "../../lib/codec/wire_frame.ts";
import type { WireFrame } from "../../lib/codec/wire_frame.ts";
import { DecodeError } from "../../lib/errors.ts";

const SHOWN = { isCredentialShown: true };
const MASKED = { isCredentialShown: false };
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.json({ maxDepth: 2 }).map((json) => new TextEncoder().encode(json)),
  fc.string({ unit: "binary" }).map((text) => new TextEncoder().encode(text)),
);
const record = { noNullPrototype: true } as const;
const wireArbitrary: fc.Arbitrary<WireFrame> = fc.oneof(
  fc.record({
    protocol: fc.constant("mosn" as const),
    flag: fc.constantFrom(1, 2, 3, 0x10, 0x11, 0x12, 0x13, 0x14, 0x1f),
    kind: fc.constantFrom(0x0100 as const, 0x0200 as const),
    payload,
  }, record),
  fc.record({ protocol: fc.constant("preface" as const), payload }, record),
  fc.record({
    protocol: fc.constant("answer" as const),
    status: fc.integer({ min: 0, max: 255 }),
    payload,
  }, record),
  fc.record({
    protocol: fc.constant("yamux" as const),
    type: fc.integer({ min: 1, max: 3 }),
    flags: u16,
    streamId: u32,
    value: u32,
  }, record),
  fc.tuple(u16, u32, payload).map(([flags, streamId, payload]) => ({
    protocol: "yamux" as const,
    type: 0,
    flags,
    streamId,
    value: payload.length,
    payload,
  })),
);

function initInfo(credential: string): WireFrame {
  const bytes = encodeMessage({
    type: "initInfo",
    clusterName: "edge-a",
    weight: 10,
    hostName: "",
    credentialPolicy: "token",
    credential,
  });
  return { protocol: "mosn", ...new FrameDecoder().push(bytes)!.frame };
}

Deno.test("any frame comes back from its JSON as the same bytes, through text too", () => {
  fc.assert(
    fc.property(wireArbitrary, (wire) => {
      const text = JSON.stringify(frameToJson(wire, SHOWN));
      const back = frameFromJson(JSON.parse(text));
      assert.deepEqual(encodeWireFrame(back), encodeWireFrame(wire));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("frameFromJson() throws nothing but DecodeError", () => {
  const names = ["ConnectionInitInfo", "unknown", "preface", "answer", "yamux.data", "yamux.ping"];
  const json = fc.record({
    frame: fc.oneof(fc.constantFrom(...names), fc.jsonValue()),
    type: fc.jsonValue(),
    flag: fc.jsonValue(),
    flags: fc.jsonValue(),
    stream: fc.jsonValue(),
    status: fc.jsonValue(),
    length: fc.jsonValue(),
    value: fc.jsonValue(),
    payload: fc.jsonValue(),
    "payload_hex": fc.jsonValue(),
    "payload_text": fc.jsonValue(),
  }, { requiredKeys: [] });
  fc.assert(fc.property(fc.oneof(json, fc.jsonValue()), (value) => {
    try {
      frameFromJson(value);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  }));
});

Deno.test("frameToJson() masks credentials unless told otherwise", () => {
  const shown = frameToJson(initInfo("s3cret"), SHOWN)["payload"] as Record<string, unknown>;
  assert.equal(shown["credential"], "s3cret");
  const masked = frameToJson(initInfo("s3cret"), MASKED)["payload"] as Record<string, unknown>;
  assert.deepEqual(masked, { ...shown, credential: "***" });
  assert.deepEqual(frameToJson(initInfo(""), MASKED), frameToJson(initInfo(""), SHOWN));
});

Deno.test("frameToJson() shows nothing of an init info that it cannot read", () => {
  const texts = ['{"credential":"s3cret"', '["s3cret"]', "s3cret"];
  for (const text of texts) {
    const payload = new TextEncoder().encode(text);
    const frame: WireFrame = { protocol: "mosn", flag: 1, kind: 0x0100, payload };
    assert.doesNotMatch(JSON.stringify(frameToJson(frame, MASKED)), /s3cret/);
  }
  // Written in an odd way: its bytes would show it.
  const odd = new TextEncoder().encode('{ "credential": "s3cret" }');
  const frame: WireFrame = { protocol: "mosn", flag: 1, kind: 0x0100, payload: odd };
  const text = JSON.stringify(frameToJson(frame, MASKED));
  assert.equal(text, '{"frame":"ConnectionInitInfo","payload":{"credential":"***"}}');
});

Deno.test("frameFromJson() says what is wrong", () => {
  const cases: [json: unknown, detail: RegExp][] = [
    [[], /^JSON is not an object$/],
    [{}, /^frame is "", expected one of ConnectionInitInfo, .*, unknown$/],
    [{ frame: "Hello" }, /^frame is "Hello"/],
    [{ frame: "yamux.syn" }, /^frame is "yamux.syn", expected yamux.data, /],
    [{ frame: "Drain", type: "answer" }, /^type is "answer"/],
    [{ frame: "unknown", flag: 256 }, /^flag is 256, expected 0 to 255$/],
    [{ frame: "answer", status: "maybe" }, /^status is "maybe", expected one of open, /],
    [{ frame: "answer", status: 256 }, /^status is 256/],
    [{ frame: "yamux.ping", flags: "SYN" }, /^flags is not a list$/],
    [{ frame: "yamux.ping", flags: ["SIN"] }, /^flag "SIN" is none of SYN, ACK, FIN, RST$/],
    [{ frame: "yamux.ping", value: -1 }, /^value is -1, expected 0 to 4294967295$/],
    [
      { frame: "yamux.data", length: 5 },
      /^length is 5, but the payload has 0 bytes, decode it with --payload$/,
    ],
    [{ frame: "preface", "payload_hex": "0" }, /^payload_hex is not an even number/],
    [{ frame: "preface", payload: { a: 1 }, "payload_hex": "7b7d" }, /differ, remove one/],
  ];
  for (const [json, detail] of cases) {
    assert.throws(() => frameFromJson(json), (error) => {
      assert.ok(error instanceof DecodeError);
      assert.match(error.detail, detail);
      return true;
    });
  }
});

Deno.test("encodeWireFrame() refuses what its length fields cannot say", () => {
  const payload = new Uint8Array(65_536);
  const frames: WireFrame[] = [
    { protocol: "mosn", flag: 1, kind: 0x0100, payload },
    { protocol: "preface", payload },
    { protocol: "answer", status: 0, payload },
    { protocol: "yamux", type: 0, flags: 0, streamId: 1, value: 5 },
    { protocol: "yamux", type: 1, flags: 0, streamId: 1, value: 5, payload },
  ];
  for (const frame of frames) assert.throws(() => encodeWireFrame(frame), RangeError);
});
