import assert from "node:assert/strict";
import { plural } from "../lib/plural.ts";

Deno.test("plural() counts one as one, and all else as many", () => {
  assert.deepEqual([0, 1, 2].map((count) => plural(count, "host")), [
    "0 hosts",
    "1 host",
    "2 hosts",
  ]);
  assert.equal(plural(1, "request is", "requests are"), "1 request is");
  assert.equal(plural(3, "request is", "requests are"), "3 requests are");
});
