import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ANSWER_STATUS,
  AnswerDecoder,
  encodeAnswer,
  encodePreface,
  MAX_PREFACE_BYTES,
  PrefaceDecoder,
} from "../../lib/codec/preface.ts";
import type { AnswerStatus } from "../../lib/codec/preface.ts";
import { byteByByte, cutsArbitrary, damaged, decodePieces } from "./pieces.ts";

const text = fc.string({ minLength: 1, maxLength: 30, unit: "binary" });
const prefaceArbitrary = fc.record({
  kind: text,
  target: text,
  network: text,
  source: text,
  destination: text,
  timed: fc.constant(true),
  traceparent: text,
}, { requiredKeys: [], noNullPrototype: true });
const answerArbitrary = fc.record({
  status: fc.constantFrom(...Object.keys(ANSWER_STATUS) as AnswerStatus[]),
  reason: text,
  dialMs: fc.double({ min: 0, max: 1e6, noNaN: true }).map((ms) => ms === 0 ? 0 : ms),
}, { requiredKeys: ["status"], noNullPrototype: true });

function block(lead: number[], json: string): Uint8Array {
  const bytes = new TextEncoder().encode(json);
  return new Uint8Array([...lead, bytes.length >> 8, bytes.length & 0xff, ...bytes]);
}

Deno.test("PrefaceDecoder reads what encodePreface() writes, however it is cut", () => {
  fc.assert(
    fc.property(prefaceArbitrary, cutsArbitrary, fc.uint8Array(), (preface, cuts, trailing) => {
      const bytes = new Uint8Array([...encodePreface(preface), ...trailing]);
      const result = decodePieces(new PrefaceDecoder(), bytes, cuts);
      const json = encodePreface(preface).subarray(2);
      assert.deepEqual(result, { value: { preface, json }, restBytes: trailing.length });
    }),
  );
});

Deno.test("AnswerDecoder reads what encodeAnswer() writes, however it is cut", () => {
  fc.assert(
    fc.property(answerArbitrary, cutsArbitrary, fc.uint8Array(), (answer, cuts, trailing) => {
      const bytes = new Uint8Array([...encodeAnswer(answer), ...trailing]);
      const result = decodePieces(new AnswerDecoder(), bytes, cuts);
      const json = encodeAnswer(answer).subarray(3);
      assert.deepEqual(result, { value: { answer, json }, restBytes: trailing.length });
    }),
  );
});

Deno.test("both decoders give the same for any cut of damaged bytes", () => {
  const prefaces = damaged(prefaceArbitrary.map(encodePreface));
  fc.assert(fc.property(prefaces, cutsArbitrary, (bytes, cuts) => {
    const whole = decodePieces(new PrefaceDecoder(), bytes, []);
    assert.deepEqual(decodePieces(new PrefaceDecoder(), bytes, cuts), whole);
  }));
  const answers = damaged(answerArbitrary.map(encodeAnswer));
  fc.assert(fc.property(answers, cutsArbitrary, (bytes, cuts) => {
    const whole = decodePieces(new AnswerDecoder(), bytes, []);
    assert.deepEqual(decodePieces(new AnswerDecoder(), bytes, cuts), whole);
  }));
});

Deno.test("the default target takes two bytes, a quick success three", () => {
  assert.deepEqual(encodePreface({}), Uint8Array.of(0, 0));
  assert.deepEqual(encodePreface({ target: "" }), Uint8Array.of(0, 0));
  assert.deepEqual(encodeAnswer({ status: "open" }), Uint8Array.of(0, 0, 0));
  assert.deepEqual(new PrefaceDecoder().push(Uint8Array.of(0, 0, 9)), {
    preface: {},
    json: new Uint8Array(0),
    rest: Uint8Array.of(9),
  });
  assert.deepEqual(new AnswerDecoder().push(Uint8Array.of(0, 0, 0)), {
    answer: { status: "open" },
    json: new Uint8Array(0),
    rest: new Uint8Array(0),
  });
  assert.deepEqual(new AnswerDecoder().push(Uint8Array.of(6, 0, 0))?.answer, { status: "busy" });
});

Deno.test("both decoders say how many bytes are missing", () => {
  const preface = new PrefaceDecoder();
  assert.equal(preface.neededBytes, 2);
  preface.push(Uint8Array.of(0));
  assert.equal(preface.neededBytes, 1);
  preface.push(Uint8Array.of(40));
  assert.equal(preface.neededBytes, 40);
  const answer = new AnswerDecoder();
  assert.equal(answer.neededBytes, 3);
  answer.push(Uint8Array.of(1, 0));
  assert.equal(answer.neededBytes, 1);
});

Deno.test("PrefaceDecoder ignores keys that it does not know, and null", () => {
  const bytes = block([], '{"target":"ssh","later":{"x":[1]},"source":null}');
  assert.deepEqual(new PrefaceDecoder().push(bytes)?.preface, { target: "ssh" });
});

Deno.test("PrefaceDecoder refuses what is no preface", () => {
  const long = MAX_PREFACE_BYTES + 1;
  const cases: [bytes: Uint8Array, reason: string, offset: number, detail: string][] = [
    [
      Uint8Array.of(long >> 8, long & 0xff),
      "limit",
      0,
      `length is ${long}, at most ${MAX_PREFACE_BYTES} is taken`,
    ],
    [block([], "[]"), "payload", 2, "JSON is a list, expected an object"],
    [block([], '{"target":1}'), "payload", 2, "target is 1, expected a string"],
    [block([], '{"target"'), "payload", 11, 'JSON ends, expected ":"'],
    [
      Uint8Array.of(0, 3, 0x22, 0xff, 0x22),
      "payload",
      3,
      "text is not valid UTF-8",
    ],
  ];
  for (const [bytes, reason, offset, detail] of cases) {
    for (const cuts of [[], byteByByte(bytes)]) {
      const result = decodePieces(new PrefaceDecoder(), bytes, cuts);
      assert.deepEqual(result, { reason, offset, detail });
    }
  }
});

Deno.test("AnswerDecoder refuses an unknown status at its first byte", () => {
  const result = decodePieces(new AnswerDecoder(), Uint8Array.of(0x48), []);
  assert.deepEqual(result, {
    reason: "type",
    offset: 0,
    detail: "status is 72, expected 0 to 7",
  });
  const badReason = decodePieces(new AnswerDecoder(), block([1], '{"reason":[]}'), []);
  assert.deepEqual(badReason, {
    reason: "payload",
    offset: 3,
    detail: "reason is a list, expected a string",
  });
});

Deno.test("what is too long for a decoder is not encoded", () => {
  const long = "x".repeat(MAX_PREFACE_BYTES);
  assert.throws(() => encodePreface({ target: long }), RangeError);
  // A reason is for people: it is cut rather than lost with the whole answer.
  const answer = encodeAnswer({ status: "failed", reason: `${long}é${long}` });
  const decoded = new AnswerDecoder().push(answer)?.answer;
  assert.ok(decoded?.reason?.startsWith("xxx"));
  assert.ok(answer.length <= 3 + MAX_PREFACE_BYTES);
});
