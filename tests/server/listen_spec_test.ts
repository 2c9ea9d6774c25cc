import assert from "node:assert/strict";
import { formatListenSpec, parseListenSpec } from "../../lib/server/listen_spec.ts";

const GOOD: [string, string][] = [
  [":8080", "http://:8080"],
  ["127.0.0.1:0", "http://127.0.0.1:0"],
  ["http://[::1]:80/edge-a", "http://[::1]:80/edge-a"],
  ["tcp://:2222/edge-a/ssh", "tcp://:2222/edge-a/ssh"],
  ["TCP://:2222/edge-a", "tcp://:2222/edge-a"],
  ["unix:/run/f.sock", "http://unix:/run/f.sock"],
  ["tcp://unix:/run/f.sock?cluster=c&target=t", "tcp://unix:/run/f.sock?cluster=c&target=t"],
];

for (const [text, formatted] of GOOD) {
  Deno.test(`--listen ${text} is understood`, () => {
    assert.equal(formatListenSpec(parseListenSpec(text)), formatted);
    assert.equal(formatListenSpec(parseListenSpec(formatted)), formatted);
  });
}

const BAD: [string, RegExp][] = [
  ["tcp://:2222", /names no cluster/],
  ["ftp://:21", /is no scheme/],
  [":70000", /port 70000 is out of range/],
  ["::1:80", /without brackets/],
  ["localhost", /has no port/],
  ["tcp://:1/a/b/c", /more than/],
  ["tcp://:1/a b", /not a name/],
  ["unix:", /no path/],
  ["unix:/x?clutser=c", /"clutser" of http:\/\/ is unknown/],
  ["tcp://:1/a?color=red", /"color" of tcp:\/\/ is unknown/],
  ["tcp://unix:/run/f.sock", /names no cluster, expected tcp:\/\/ADDRESS\?cluster=CLUSTER/],
  ["", /has no port/],
];

for (const [text, message] of BAD) {
  Deno.test(`--listen ${JSON.stringify(text)} is refused in words`, () => {
    assert.throws(() => parseListenSpec(text), (error: Error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, message);
      return true;
    });
  });
}
