import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Secret } from "../lib/secret.ts";

Deno.test("a Secret shows in no text, JSON or dump", () => {
  const secret = new Secret("hunter2");
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    Deno.inspect({ secret }),
    inspect({ secret }),
    Object.keys(secret).join(),
  ];
  for (const text of shown) assert.doesNotMatch(text, /hunter2/);
  assert.equal(String(secret), "***");
  assert.equal(secret.reveal(), "hunter2");
});
