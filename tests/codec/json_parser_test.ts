import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_JSON_DEPTH, parseJson } from "../../lib/codec/json_parser.ts";
import { DecodeError } from "../../lib/errors.ts";

const utf8 = new TextEncoder();

function parse(text: string | Uint8Array): unknown {
  const bytes = typeof text === "string" ? utf8.encode(text) : text;
  return parseJson(bytes, { format: "test", offset: 100 });
}

function failure(text: string | Uint8Array): DecodeError {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof DecodeError);
    return error;
  }
  throw new assert.AssertionError({ message: `${text} was taken` });
}

/** What the platform makes of the same bytes; undefined where it refuses them. */
function reference(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function agrees(bytes: Uint8Array): void {
  const expected = reference(bytes);
  if (expected === undefined) failure(bytes);
  else assert.deepEqual(parse(bytes), expected.value);
}

Deno.test("parseJson() reads what JSON.parse reads", () => {
  const value = fc.jsonValue({ maxDepth: 4, stringUnit: "binary" });
  fc.assert(fc.property(value, fc.constantFrom(undefined, 1, "\t"), (json, indent) => {
    agrees(utf8.encode(JSON.stringify(json, null, indent)));
  }));
});

Deno.test("parseJson() refuses what JSON.parse refuses", () => {
  const alphabet = fc.constantFrom(
    ...'{}[]:,"\\ \n\t0123456789.eE+-/bfnrtu',
    "true",
    "false",
    "null",
    '"weight"',
    '"__proto__":',
    "\\u00e9",
    "\\ud83d",
    "é",
    "😀",
    "\u0001",
    "\ufeff",
  );
  const text = fc.array(alphabet, { maxLength: 12 }).map((parts) => utf8.encode(parts.join("")));
  fc.assert(fc.property(text, agrees), { numRuns: 3000 });
});

Deno.test("parseJson() agrees with JSON.parse on damaged texts", () => {
  const damaged = fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.nat(255)).map(
    ([json, at, byte]) => {
      const bytes = utf8.encode(json);
      bytes[at % bytes.length] = byte;
      return bytes;
    },
  );
  fc.assert(fc.property(damaged, agrees), { numRuns: 2000 });
});

Deno.test("parseJson() agrees with JSON.parse on numbers", () => {
  const texts = ["0", "-0", "10", "999999999", "1234567890", "9007199254740993", "1e3", "1E-2"];
  texts.push("-1.5", "1.", ".5", "01", "-", "+1", "1e", "1e+", "0x1", "00", "1e999", "-01", "2 3");
  for (const text of texts) agrees(utf8.encode(text));
});

Deno.test("parseJson() keeps keys that objects have by nature", () => {
  const value = parse('{"__proto__":{"a":1},"constructor":2}') as Record<string, unknown>;
  assert.deepEqual(Object.keys(value), ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

Deno.test("parseJson() says which byte is wrong and what it expected", () => {
  const cases: [text: string | Uint8Array, offset: number, detail: string][] = [
    ["", 0, "JSON ends, expected a value"],
    ["  ", 2, "JSON ends, expected a value"],
    ['{"a"', 4, 'JSON ends, expected ":"'],
    ['{"a":}', 5, 'JSON has "}", expected a value'],
    ["{a:1}", 1, 'JSON has "a", expected a key'],
    ['{"a":1,}', 7, 'JSON has "}", expected a key'],
    ["[1 2]", 3, 'JSON has "2", expected "," or "]"'],
    ["tru", 0, 'JSON has "t", expected a value'],
    ["1 x", 2, 'JSON has "x", expected the end'],
    ['"ab', 3, "JSON ends, expected the end of a string"],
    ['"a\\', 3, "JSON ends, expected the end of a string"],
    ['"a\nb"', 2, "JSON has byte 0x0a, expected the end of a string"],
    ['"a\\x"', 1, "a string has a wrong escape"],
    ["-x", 1, 'JSON has "x", expected a digit'],
    ["012", 1, 'JSON has "1", expected no digit behind a leading 0'],
    [Uint8Array.of(0x22, 0x61, 0xc3, 0x28, 0x22), 2, "text is not valid UTF-8"],
    [Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 1, "text is not valid UTF-8"],
    [Uint8Array.of(0x22, 0xef, 0xbf, 0xbd, 0xff, 0x22), 4, "text is not valid UTF-8"],
    [Uint8Array.of(0xff), 0, "JSON has byte 0xff, expected a value"],
  ];
  for (const [text, offset, detail] of cases) {
    const error = failure(text);
    assert.equal(error.detail, detail);
    assert.equal(error.offset, 100 + offset, detail);
    assert.equal(error.reason, "payload");
  }
});

Deno.test("parseJson() stops at the 17th level", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(Array.isArray(parse(nested(MAX_JSON_DEPTH))));
  const error = failure(nested(MAX_JSON_DEPTH + 1));
  assert.equal(error.reason, "limit");
  assert.equal(error.offset, 100 + MAX_JSON_DEPTH);
  // As deep as a frame can be: no stack overflows, whatever closes or does not.
  assert.equal(failure("[".repeat(65_535)).reason, "limit");
  assert.equal(failure('{"a":'.repeat(13_000)).reason, "limit");
});
