import assert from "node:assert/strict";
import { OutputClosedError, reportError } from "../../cmd/report_error.ts";
import { ConfigError, DialError, HandshakeError, ListenError } from "../../lib/errors.ts";
import { TextOutput } from "./run_cli.ts";

async function report(error: unknown, isStackWanted = false): Promise<[number, string]> {
  const stderr = new TextOutput();
  return [await reportError(error, stderr, { isStackWanted }), stderr.text];
}

Deno.test("each error has its exit code and one line", async () => {
  const cases: [unknown, number, string][] = [
    [new ConfigError("--listen", "no address"), 2, "revtun: --listen: no address\n"],
    [
      new ListenError(":80", "permission denied"),
      1,
      "revtun: Cannot listen on :80: permission denied\n",
    ],
    [new DialError("a:1", "refused", "refused"), 1, "revtun: Cannot connect to a:1: refused\n"],
    [new HandshakeError("Refused: auth", 2, false), 3, "revtun: Refused: auth\n"],
    [new HandshakeError("Busy", 0, true), 1, "revtun: Busy\n"],
    [new ConfigError("f", "line 1\n  line 2"), 2, "revtun: f: line 1; line 2\n"],
  ];
  for (const [error, code, text] of cases) assert.deepEqual(await report(error), [code, text]);
});

Deno.test("an error that nobody expected says how to see more", async () => {
  const [code, text] = await report(new TypeError("x is not a function"));
  assert.equal(code, 1);
  assert.match(
    text,
    /^revtun: TypeError: x is not a function \(unexpected; --log-level debug .*\)\n$/,
  );
});

Deno.test("stacks are shown when they are wanted, with those of the causes", async () => {
  const error = new ListenError(":80", "denied", { cause: new Error("os error 13") });
  const [, text] = await report(error, true);
  assert.match(text, /ListenError.*\n +at .*\n[\s\S]*Caused by: Error: os error 13\n +at /);
  assert.doesNotMatch((await report(error))[1], /\n +at /);
});

Deno.test("a reader that has gone is no failure", async () => {
  assert.deepEqual(await report(new OutputClosedError("peer", "gone")), [0, ""]);
});

Deno.test("a stderr that cannot be written to changes no exit code", async () => {
  const stderr = new TextOutput();
  stderr.write = () => Promise.reject(new Error("No space left on device"));
  assert.equal(await reportError(new ConfigError("a", "b"), stderr, { isStackWanted: false }), 2);
});
