import assert from "node:assert/strict";
import { wrap } from "../lib/wrap.ts";

Deno.test("wrap() breaks between words, and leaves a long one whole", () => {
  assert.deepEqual(wrap("a bc def ghij", 6), ["a bc", "def", "ghij"]);
  assert.deepEqual(wrap("a much-longer-word b", 6), ["a", "much-longer-word", "b"]);
  assert.deepEqual(wrap("", 6), [""]);
  assert.deepEqual(wrap("one line", Infinity), ["one line"]);
});
