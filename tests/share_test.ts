import assert from "node:assert/strict";
import { parseShare } from "../lib/share.ts";

Deno.test.each([["0", 0], ["1", 1], ["0.25", 0.25], [".5", 0.5], ["1.00", 1], ["0.", 0]] as const)(
  "parseShare() reads %s as %s",
  (text, share) => assert.equal(parseShare(text), share),
);

Deno.test.each(["", "2", "-0.1", "10%", "1e-3", "0.1x", "1.1", "NaN"])(
  "parseShare() refuses %s",
  (text) => assert.throws(() => parseShare(text), RangeError),
);
