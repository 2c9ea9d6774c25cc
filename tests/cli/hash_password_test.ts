import assert from "node:assert/strict";
import { UserTable } from "../../lib/auth/user_table.ts";
import { runCli } from "./run_cli.ts";

Deno.test("revtun hash-password makes lines that a table of users reads", async () => {
  const run = (name: string, stdin: string) =>
    runCli(["hash-password", name, "--rounds", "1000"], { stdin });
  const alice = await run("alice", "s:ecret \n");
  const bob = await run("bob", "pässword");
  assert.equal(alice.code, 0, alice.stderr);
  assert.match(alice.stdout, /^alice:\$pbkdf2-sha256\$1000\$[\w./]{22}\$[\w./]{43}\n$/);
  const users = new UserTable(alice.stdout + bob.stdout);
  assert.equal(await users.check("alice:s:ecret "), true);
  assert.equal(await users.check("bob:pässword"), true);
  assert.equal(await users.check("bob:password"), false);
});

for (
  const [name, args, stdin, problem] of [
    ["no password", ["alice"], "", /^revtun: stdin: has no password\n$/],
    ["a colon in the name", ["a:b"], "x", /^revtun: NAME: "a:b" cannot be a user/],
    [
      "a file that is no password",
      ["alice"],
      "x".repeat(5000),
      /^revtun: stdin: has more than 1024/,
    ],
    ["too few rounds", ["alice", "--rounds", "1"], "x", /^revtun: --rounds: /],
  ] as const
) {
  Deno.test(`revtun hash-password refuses ${name}`, async () => {
    const { code, stdout, stderr } = await runCli(["hash-password", ...args], { stdin });
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, problem);
  });
}
