import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { hashPassword, matchesHash, parsePasswordHash } from "../../lib/auth/password_hash.ts";
import { TooManyChecksError, UserTable } from "../../lib/auth/user_table.ts";

/** Few rounds: what is tested is not how long it takes. */
const ROUNDS = 1000;

Deno.test("hashPassword() makes what another implementation of PBKDF2 makes", async () => {
  const text = await hashPassword("pässword", ROUNDS);
  const [, name, rounds, salt = "", hash = ""] = text.split("$");
  assert.equal(name, "pbkdf2-sha256");
  const expected = pbkdf2Sync(
    "pässword",
    Buffer.from(salt.replaceAll(".", "+"), "base64"),
    Number(rounds),
    32,
    "sha256",
  );
  assert.equal(
    Buffer.from(hash.replaceAll(".", "+"), "base64").toString("hex"),
    expected.toString("hex"),
  );
  assert.notEqual(text, await hashPassword("pässword", ROUNDS));
});

Deno.test("matchesHash() takes what Python has hashed, and nothing near it", async () => {
  // By hashlib.pbkdf2_hmac, of "password" and the salt "0123456789abcdef".
  const hash = parsePasswordHash(
    "$pbkdf2-sha256$6400$MDEyMzQ1Njc4OWFiY2RlZg$GAgw.j2X2FQf6rCn19KJonkGfQQsVMJDdhR2EPZ/a9I",
  );
  assert.equal(await matchesHash("password", hash), true);
  assert.equal(await matchesHash("Password", hash), false);
});

for (
  const [text, problem] of [
    ["", /names no user/],
    ["# nobody\n", /names no user/],
    ["alice", /line 1 is not NAME:HASH/],
    [":x", /line 1 is not NAME:HASH/],
    ["alice:secret", /line 1, "alice": is no hash of the form \$pbkdf2-sha256\$/],
    ["alice:$pbkdf2-sha256$1000$a$b", /line 1, "alice": has a/],
    ["alice:$pbkdf2-sha256$99999999$YWJj$YWJj", /has over 10000000 rounds/],
  ] as const
) {
  Deno.test(`UserTable refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => new UserTable(text), (error: Error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, problem);
      assert.ok(!error.message.includes("secret"));
      return true;
    });
  });
}

Deno.test("UserTable checks a pair once, and remembers good and bad ones", async () => {
  const line = await hashPassword("s:3cret", ROUNDS);
  const table = new UserTable(
    `\n# users\nalice:${line}\r\nbob:${await hashPassword("b", ROUNDS)}\n`,
  );
  assert.deepEqual(table.names, ["alice", "bob"]);
  assert.equal(table.known("alice:s:3cret"), undefined);
  const checks = [table.check("alice:s:3cret"), table.check("alice:s:3cret")];
  assert.deepEqual(await Promise.all(checks), [true, true]);
  assert.equal(table.known("alice:s:3cret"), true);
  for (const pair of ["alice:", "alice:s", "bob:s:3cret", "carol:b", ":b"]) {
    assert.equal(await table.check(pair), false, pair);
    assert.equal(table.known(pair), false);
  }
});

Deno.test("UserTable lets no more than a few passwords wait", async () => {
  const table = new UserTable(`alice:${await hashPassword("a", ROUNDS)}`);
  const checks = Array.from({ length: 100 }, (_, n) => table.check(`alice:${n}`));
  const results = await Promise.allSettled(checks);
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 100 - 2 - 64);
  assert.ok(refused.every(({ reason }) => reason instanceof TooManyChecksError));
  assert.equal(await table.check("alice:a"), true);
});
