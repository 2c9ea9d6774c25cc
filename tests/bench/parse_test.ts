/** What the harness reads: load generators, /proc, peers.yaml, its own command line. */
import assert from "node:assert/strict";
import { parseH2Load } from "../../bench/load/h2load.ts";
import { parseArguments } from "../../bench/arguments.ts";
import { contentLength, headEnd, statusOf } from "../../bench/load/http_text.ts";
import { parseHey, parseWrk } from "../../bench/load/wrk.ts";
import { fillIn, parsePeers } from "../../bench/peer_spec.ts";
import { descendants, parseStat } from "../../bench/proc.ts";

const encoder = new TextEncoder();

Deno.test("parseWrk() reads rates, percentiles of any unit and failures", () => {
  const text = `Running 2s test @ http://127.0.0.1:7102/
  1 threads and 50 connections
  Latency Distribution
     50%  737.00us
     75%    0.91ms
     90%    1.20ms
     99%    1.02s
  126341 requests in 2.10s, 19.31MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:  60150.39
Transfer/sec:      9.19MB
`;
  assert.deepEqual(parseWrk(text), {
    requestsPerSecond: 60150.39,
    requests: 126341,
    p50Ms: 0.737,
    p99Ms: 1020,
    failures: 15,
  });
  assert.throws(() => parseWrk("unable to connect"), /unable to connect/);
});

Deno.test("parseHey() counts answers other than 2xx as failures", () => {
  const text = `
Summary:
  Total:	2.0012 secs
  Requests/sec:	1000.0000

Latency distribution:
  50% in 0.0012 secs
  99% in 0.0450 secs

Status code distribution:
  [200]	1990 responses
  [502]	10 responses
`;
  assert.deepEqual(parseHey(text, 2), {
    requestsPerSecond: 1000,
    requests: 1990,
    p50Ms: 1.2,
    p99Ms: 45,
    failures: 10,
  });
});

Deno.test("parseStat() bears a program's name with spaces and parentheses", () => {
  const fields = ["S", "41", ...Array(9).fill("0"), "150", "50", ...Array(20).fill("0")];
  const stat = parseStat(`42 (a) b (c) ${fields.join(" ")}`);
  assert.deepEqual(stat, { parent: 41, cpuSeconds: 2 });
});

Deno.test("descendants() finds children of children, and only of who is there", () => {
  const parents = new Map([[1, 0], [2, 1], [3, 2], [4, 1], [5, 9]]);
  assert.deepEqual(descendants([2, 77], parents).sort(), [2, 3]);
  assert.deepEqual(descendants([1], parents).sort(), [1, 2, 3, 4]);
});

Deno.test("heads of HTTP are found and read", () => {
  const bytes = encoder.encode("HTTP/1.1 200 OK\r\nX: \r\r\nContent-Length: 12\r\n\r\nhello");
  const end = headEnd(bytes);
  assert.equal(new TextDecoder().decode(bytes.subarray(end)), "hello");
  assert.equal(contentLength(bytes.subarray(0, end)), 12);
  assert.equal(statusOf(bytes), 200);
  assert.equal(headEnd(bytes.subarray(0, end - 1)), -1);
});

Deno.test("peers.yaml: the file in the repo is good", async () => {
  const specs = parsePeers(await Deno.readTextFile("bench/peers.yaml"), "bench/peers.yaml");
  const names = specs.map(({ name }) => name);
  for (const name of ["ssh -R", "rathole", "bore", "frp", "chisel", "frp vhost", "MOSN h2"]) {
    assert.ok(names.includes(name), name);
  }
  const values = { DIR: "/d", CTRL: 1, FRONT: 2, BACKEND: 3, DIAL_HOST: "h", DIAL: 4 };
  for (const { server, agent, files } of specs) {
    for (const text of [server, agent, ...Object.values(files)]) {
      assert.doesNotMatch(fillIn(text, values), /\{[A-Z_]+\}/);
    }
  }
});

Deno.test("peers.yaml: a mistake is named with its place", () => {
  const good = "name: a\n    server: s\n    agent: a\n";
  const rows: [string, RegExp][] = [
    ["peers: 3", /^p: peers is not a list$/],
    ["peers:\n  - name: a\n    server: s", /^p: peers\[0\]\.agent is missing or no text$/],
    [`peers:\n  - ${good}    speed: 3`, /^p: peers\[0\]\.speed is not known$/],
    [`peers:\n  - ${good}    routing: udp`, /^p: peers\[0\]\.routing is "udp"/],
    [`peers:\n  - ${good}    install: {}`, /^p: peers\[0\]\.install names neither a crate nor a/],
    [`peers:\n  - ${good}  - ${good}`, /^p: two peers are called "a"$/],
    ["peers: [", /^p: .+/],
  ];
  for (const [text, message] of rows) {
    assert.throws(() => parsePeers(text, "p"), { message });
  }
  assert.throws(() => fillIn("x {PORT}", { FRONT: 1 }), /No \{PORT\} here, there are FRONT/);
});

Deno.test("parseH2Load() reads what h2load prints, and counts what did not succeed", () => {
  const text = (codes: number) =>
    "finished in 4.00s, 12345.67 req/s, 1.20MB/s\n" +
    "requests: 49390 total, 49400 started, 49390 done, 49388 succeeded, 1 failed, 1 errored, " +
    `0 timeout\nstatus codes: ${codes} 2xx, 0 3xx, 0 4xx, ${49388 - codes} 5xx\n`;
  const expected = { requestsPerSecond: 12345.67, requests: 49388, failures: 2 };
  assert.deepEqual(parseH2Load(text(49388)), expected);
  assert.deepEqual(parseH2Load(text(49380)), { ...expected, requests: 49380, failures: 10 });
  assert.throws(() => parseH2Load("finished in 4.00s"), /No counts/);
});

Deno.test("parseArguments() refuses what it does not know", () => {
  const known = ["bulk", "link"];
  assert.deepEqual(parseArguments([], known).sections, known);
  const parsed = parseArguments(["link", "--quick", "--peers=rathole,ssh -R", "--rounds=3"], known);
  assert.deepEqual(parsed.sections, ["link"]);
  assert.deepEqual(parsed.peers, ["rathole", "ssh -R"]);
  assert.equal(parsed.isQuick, true);
  assert.equal(parsed.rounds, 3);
  assert.equal(parseArguments(["--report"], known).report, "");
  for (const bad of ["all", "--fast", "--rounds=0", "--rounds=many"]) {
    assert.throws(
      () => parseArguments([bad], known),
      (error: Error) => error.message.includes(bad),
    );
  }
});
