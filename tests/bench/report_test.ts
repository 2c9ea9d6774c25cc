import assert from "node:assert/strict";
import { judge } from "../../bench/goals.ts";
import { readResults, Recorder, writeResults } from "../../bench/measurement.ts";
import type { Results } from "../../bench/measurement.ts";
import { fillMarks, generatedParts, sectionTable } from "../../bench/report.ts";

function results(): Results {
  return {
    format: 1,
    startedAt: "2026-01-02T03:04:05.000Z",
    command: "npm run bench",
    machine: { cpu: "A CPU", cores: 2, memoryGb: 8, os: "linux 6", deno: "2" },
    peers: [{ name: "rathole", version: "0.5.0" }],
    missing: [{ what: "frp", why: "frps is not there" }],
    measurements: [],
  };
}

const REQUESTS = {
  section: "requests",
  case: "keepalive-50",
  title: "keep-alive, 50 connections",
  unit: "req/s",
  better: "higher",
} as const;
const P99 = { ...REQUESTS, case: "keepalive-50-p99", unit: "ms", better: "lower" } as const;

function filled(): Results {
  const recorder = new Recorder(results());
  for (const [peer, values] of [["direct", [200, 200]], ["rathole", [90, 110]]] as const) {
    for (const value of values) recorder.add({ ...REQUESTS, peer }, value);
  }
  recorder.add({ ...REQUESTS, peer: "revtun" }, 160);
  recorder.add({ ...P99, peer: "revtun" }, 4);
  recorder.add({ ...P99, peer: "direct" }, 1);
  recorder.add({ ...P99, peer: "rathole" }, 3);
  return recorder.results;
}

Deno.test("sectionTable() has revtun first, medians, spreads and multiples", () => {
  const [head, , row] = sectionTable(filled(), "requests").split("\n");
  assert.match(head!, /^\| +\| +revtun \| +direct \| +rathole \|$/);
  assert.match(row!, /^\| keep-alive, 50 connections, req\/s \| +160 \| +200 ±0 % \(0\.80×\) \| /);
  assert.match(row!, / 100 ±10 % \(1\.60×\) \|$/);
});

Deno.test("judge() compares with tunnels only, each by itself", () => {
  const rows = judge(filled(), [
    { section: "requests", case: "keepalive-50", against: ["rathole", "bore"], atLeast: 1.5 },
    { section: "requests", case: "keepalive-50", against: "the best tunnel", atLeast: 1.7 },
    { section: "requests", case: "keepalive-50-p99", against: "every tunnel", atMost: 1 },
    { section: "requests", case: "keepalive-50-p99", limit: 4 },
    { section: "requests", case: "keepalive-50", floor: 161 },
    { section: "bulk", case: "down-1", floor: 1 },
  ]);
  assert.deepEqual(rows.map(({ goal, measured, isMet }) => [goal, measured, isMet]), [
    ["≥ 1.5 × rathole", "1.60 ×", true],
    ["≥ 1.7 × rathole (the best)", "1.60 ×", false],
    ["≤ 1 × rathole", "1.33 ×", false],
    ["≤ 4 ms", "4.00 ms", true],
    ["≥ 161 req/s", "160 req/s", false],
  ]);
});

Deno.test("fillMarks() replaces between marks and leaves all else", () => {
  const document = "a\n<!-- bench:goals -->\nold\n<!-- /bench:goals -->\nb\n" +
    "<!-- bench:micro -->\nkept\n<!-- /bench:micro -->\n";
  const filledIn = fillMarks(document, new Map([["goals", "new $& one\n"]]));
  assert.equal(
    filledIn,
    "a\n<!-- bench:goals -->\n\nnew $& one\n\n<!-- /bench:goals -->\nb\n" +
      "<!-- bench:micro -->\nkept\n<!-- /bench:micro -->\n",
  );
  assert.equal(fillMarks(filledIn, new Map([["goals", "new $& one\n"]])), filledIn);
});

Deno.test("docs/performance.md has a place for every table", async () => {
  const document = await Deno.readTextFile("docs/performance.md");
  for (const name of generatedParts(filled()).keys()) {
    assert.ok(document.includes(`<!-- bench:${name} -->`), name);
    assert.ok(document.includes(`<!-- /bench:${name} -->`), name);
  }
});

Deno.test("results are read as they were written, to four digits", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/r.json`;
    const written = filled();
    written.measurements[0]!.values[0] = 123.456789;
    await writeResults(path, written);
    const read = await readResults(path);
    assert.equal(read.measurements[0]!.values[0], 123.5);
    read.measurements[0]!.values[0] = 123.456789;
    assert.deepEqual(read, written);
    await Deno.writeTextFile(path, "{}");
    await assert.rejects(readResults(path), /holds no results/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Recorder.forget() drops the sections that are measured anew", () => {
  const recorder = new Recorder(filled());
  recorder.forget(["bulk"]);
  assert.equal(recorder.results.measurements.length, 6);
  recorder.forget(["requests"]);
  assert.equal(recorder.results.measurements.length, 0);
});
