import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, FRAME_FLAG, FRAME_KIND, FrameDecoder } from "../../lib/codec/frame.ts";
import type { Frame } from "../../lib/codec/frame.ts";
import { CONNECT_STATUS, describeStatus, effectiveWeight } from "../../lib/codec/message.ts";
import { decodeMessage } from "../../lib/codec/decode_message.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import type { Message } from "../../lib/codec/message.ts";
import { DecodeError } from "../../lib/errors.ts";

const text = fc.string({ minLength: 1, maxLength: 20, unit: "binary" });
const anyText = fc.string({ maxLength: 20 });
const count = fc.nat();
const record = { noNullPrototype: true } as const;

const agentHello = fc.record({
  version: count,
  modes: fc.subarray(["mux", "raw"] as const).map((modes) => [...modes]),
  agentId: anyText,
  connectionId: count,
  software: text,
  purpose: text,
  isTracing: fc.constant(true),
  targets: fc.dictionary(
    anyText,
    fc.record({ proxyProtocol: fc.constantFrom("v1" as const, "v2" as const) }, {
      requiredKeys: [],
      ...record,
    }),
    record,
  ),
}, { requiredKeys: ["version", "modes", "agentId", "connectionId"], ...record });

const serverHello = fc.record({
  version: count,
  mode: fc.constantFrom("mux" as const, "raw" as const),
  serverId: text,
  serverCount: fc.integer({ min: 1 }),
  software: text,
  reason: text,
  retryAfterMs: fc.integer({ min: 1 }),
  isFinal: fc.constant(true),
}, { requiredKeys: ["version"], ...record });

const messageArbitrary: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant("initInfo" as const),
    clusterName: anyText,
    weight: fc.integer(),
    hostName: anyText,
    credentialPolicy: anyText,
    credential: anyText,
    hello: agentHello,
  }, {
    requiredKeys: [
      "type",
      "clusterName",
      "weight",
      "hostName",
      "credentialPolicy",
      "credential",
    ],
    ...record,
  }),
  fc.record({
    type: fc.constant("initResponse" as const),
    status: fc.integer(),
    hello: serverHello,
  }, { requiredKeys: ["type", "status"], ...record }),
  fc.record({
    type: fc.constant("gracefulClose" as const),
    addresses: fc.array(anyText),
    clusterName: anyText,
  }, record),
  fc.record({
    type: fc.constant("adjustWeight" as const),
    clusterName: anyText,
    hostName: anyText,
    weight: fc.integer(),
  }, record),
  fc.record({
    type: fc.constant("drain" as const),
    state: fc.constantFrom("draining" as const, "active" as const),
    reason: text,
  }, { requiredKeys: ["type", "state"], ...record }),
  fc.record({
    type: fc.constant("retryAfter" as const),
    retryAfterMs: count,
    reason: text,
  }, { requiredKeys: ["type", "retryAfterMs"], ...record }),
  fc.record({
    type: fc.constant("targetHealth" as const),
    targets: fc.dictionary(anyText, fc.boolean(), record),
  }, record),
  fc.record({
    type: fc.constant("expose" as const),
    frontends: fc.array(fc.record({ url: anyText, target: anyText }, record), { maxLength: 5 }),
  }, record),
  fc.record({
    type: fc.constant("exposed" as const),
    frontends: fc.array(
      fc.record({ url: anyText, address: text, reason: text }, {
        requiredKeys: ["url"],
        ...record,
      }),
      { maxLength: 5 },
    ),
  }, record),
  fc.record({
    type: fc.constant("trace" as const),
    streamId: count,
    traceparent: anyText,
  }, record),
  fc.record({
    type: fc.constant("unknown" as const),
    flag: fc.integer({ min: 0x17, max: 0x1f }),
    payload: fc.uint8Array(),
  }, record),
);

function frameOf(bytes: Uint8Array): Frame {
  const { frame, rest } = new FrameDecoder().push(bytes)!;
  assert.equal(rest.length, 0);
  return frame;
}

function frame(flag: number, json: unknown): Frame {
  const payload = new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json));
  const kind = flag === FRAME_FLAG.initResponse ? FRAME_KIND.response : FRAME_KIND.request;
  return { flag, kind, payload };
}

function failure(broken: Frame): DecodeError {
  try {
    decodeMessage(broken);
  } catch (error) {
    assert.ok(error instanceof DecodeError);
    return error;
  }
  throw new assert.AssertionError({ message: "it was taken" });
}

Deno.test("decodeMessage() reads what encodeMessage() writes", () => {
  fc.assert(
    fc.property(messageArbitrary, (message) => {
      assert.deepEqual(decodeMessage(frameOf(encodeMessage(message))), message);
    }),
    { numRuns: 500 },
  );
});

Deno.test("decodeMessage() throws nothing but DecodeError, whatever the JSON", () => {
  const flags = fc.constantFrom(...Object.values(FRAME_FLAG));
  const keys = fc.constantFrom(
    "cluster_name",
    "weight",
    "extra",
    "revtun",
    "modes",
    "targets",
    "addresses",
    "status",
    "state",
    "retry_after_ms",
    "__proto__",
  );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e300, "", "mux", "draining"),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(keys, tie("json"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(flags, json, (flag, value) => {
      try {
        decodeMessage(frame(flag, value));
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("our init info without extra is MOSN's, byte by byte", async () => {
  const recorded = await Deno.readFile(
    new URL("../../testdata/captures/mosn-agent-to-server.bin", import.meta.url),
  );
  const { frame, rest } = new FrameDecoder().push(recorded)!;
  const message = decodeMessage(frame);
  assert.deepEqual(message, {
    type: "initInfo",
    clusterName: "clientCluster",
    weight: 10,
    hostName: "",
    credentialPolicy: "",
    credential: "",
  });
  assert.deepEqual(encodeMessage(message), recorded.slice(0, recorded.length - rest.length));
  assert.match(new TextDecoder().decode(rest), /^HTTP\/1\.1 200 OK\r\n/);
});

Deno.test("our init response without extra is MOSN's, byte by byte", async () => {
  const recorded = await Deno.readFile(
    new URL("../../testdata/captures/mosn-server-to-agent.bin", import.meta.url),
  );
  const { frame, rest } = new FrameDecoder().push(recorded)!;
  const message = decodeMessage(frame);
  assert.deepEqual(message, { type: "initResponse", status: CONNECT_STATUS.success });
  assert.deepEqual(encodeMessage(message), recorded.slice(0, recorded.length - rest.length));
  assert.match(new TextDecoder().decode(rest), /^GET \/id\/42 HTTP\/1\.1\r\n/);
});

Deno.test("decodeMessage() takes missing, null and unknown keys", () => {
  const expected = {
    type: "initInfo",
    clusterName: "c",
    weight: 0,
    hostName: "",
    credentialPolicy: "",
    credential: "",
  };
  const flag = FRAME_FLAG.initInfo;
  assert.deepEqual(decodeMessage(frame(flag, { "cluster_name": "c" })), expected);
  assert.deepEqual(
    decodeMessage(frame(flag, { "cluster_name": "c", weight: null, extra: null, later: [1] })),
    expected,
  );
  assert.deepEqual(
    decodeMessage(frame(flag, { "cluster_name": "c", extra: { other: 1 } })),
    expected,
  );
  assert.deepEqual(
    decodeMessage(frame(FRAME_FLAG.gracefulClose, { addresses: null })),
    { type: "gracefulClose", addresses: [], clusterName: "" },
  );
});

Deno.test("decodeMessage() ignores modes and PROXY versions that it does not know", () => {
  const revtun = {
    version: 2,
    modes: ["quic", "mux"],
    targets: { a: { "proxy_protocol": "v9" }, b: { "proxy_protocol": "v2", later: true } },
  };
  const message = decodeMessage(frame(FRAME_FLAG.initInfo, { extra: { revtun } }));
  assert.ok(message.type === "initInfo");
  assert.deepEqual(message.hello, {
    version: 2,
    modes: ["mux"],
    agentId: "",
    connectionId: 0,
    targets: { a: {}, b: { proxyProtocol: "v2" } },
  });
});

Deno.test("decodeMessage() says which field is wrong", () => {
  const cases: [flag: number, json: unknown, detail: string][] = [
    [1, [], "JSON is a list, expected an object"],
    [1, "null", "JSON is null, expected an object"],
    [1, '"x"', "JSON is a string, expected an object"],
    [1, "7", "JSON is 7, expected an object"],
    [1, { "cluster_name": 1 }, "cluster_name is 1, expected a string"],
    [1, { weight: "10" }, "weight is a string, expected a whole number"],
    [1, { weight: 1.5 }, "weight is 1.5, expected a whole number"],
    [1, { weight: 1e300 }, "weight is 1e+300, expected a whole number"],
    [1, { extra: [] }, "extra is a list, expected an object"],
    [1, { extra: { revtun: 1 } }, "revtun is 1, expected an object"],
    [1, { extra: { revtun: { modes: "mux" } } }, "modes is a string, expected a list of strings"],
    [2, { status: true }, "status is boolean, expected a whole number"],
    [3, { addresses: [1] }, "addresses is a list, expected a list of strings"],
    [0x11, {}, 'state is "", expected "draining" or "active"'],
    [0x13, { targets: { a: 1 } }, 'health of target "a" is no boolean'],
  ];
  for (const [flag, json, detail] of cases) {
    const error = failure(frame(flag, json));
    assert.equal(error.detail, detail);
    assert.deepEqual([error.reason, error.offset], ["payload", 8], detail);
  }
});

Deno.test("decodeMessage() counts offsets from the frame's start, and from what precedes it", () => {
  const broken = frame(FRAME_FLAG.initInfo, '{"weight":x}');
  assert.equal(failure(broken).offset, 8 + 10);
  assert.throws(() => decodeMessage(broken, 1000), /ConnectionInitInfo at byte 1018/);
});

Deno.test("decodeMessage() refuses a request where a response belongs, and the reverse", () => {
  const answer = { ...frame(FRAME_FLAG.initResponse, { status: 1 }), kind: FRAME_KIND.request };
  assert.deepEqual([failure(answer).reason, failure(answer).offset], ["type", 4]);
  const info = { ...frame(FRAME_FLAG.initInfo, {}), kind: FRAME_KIND.response };
  assert.equal(failure(info).reason, "type");
});

Deno.test("encodeMessage() refuses what does not fit a frame", () => {
  const message: Message = { type: "drain", state: "draining", reason: "x".repeat(65_536) };
  assert.throws(() => encodeMessage(message), RangeError);
});

Deno.test("effectiveWeight() takes 1 for less and 10,000 for more", () => {
  const cases = [[-1, 1], [0, 1], [1, 1], [10, 10], [10_000, 10_000], [10_001, 10_000]] as const;
  for (const [weight, effective] of cases) assert.equal(effectiveWeight(weight), effective);
});

Deno.test("describeStatus() has words for each status", () => {
  const words = Object.values(CONNECT_STATUS).map(describeStatus);
  assert.equal(new Set(words).size, words.length);
  assert.equal(describeStatus(99), "status 99");
});

Deno.test("a control message of a newer version comes through as unknown", () => {
  const bytes = encodeFrame({ flag: 0x1f, kind: FRAME_KIND.request, payload: Uint8Array.of(0xff) });
  const message = decodeMessage(frameOf(bytes));
  assert.deepEqual(message, { type: "unknown", flag: 0x1f, payload: Uint8Array.of(0xff) });
});
