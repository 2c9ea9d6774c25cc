import assert from "node:assert/strict";
import { PairBytes } from "../../../lib/server/access_log/pair_bytes.ts";

Deno.test("PairBytes makes its bytes anew only when one of its texts is another", () => {
  let made = 0;
  const pair = new PairBytes((first: string | undefined, second: string) => {
    made += 1;
    return `${first}:${second}`;
  });
  const of = (first: string | undefined, second: string) =>
    new TextDecoder().decode(pair.of(first, second));
  assert.equal(of(undefined, ""), "undefined:");
  assert.equal(of(undefined, ""), "undefined:");
  assert.equal(made, 1);
  assert.equal(of("ä", ""), "ä:");
  assert.equal(of("ä", "b"), "ä:b");
  assert.equal(of(undefined, "b"), "undefined:b");
  assert.equal(made, 4);
  assert.equal(pair.of(undefined, "b"), pair.of(undefined, "b"));
});
