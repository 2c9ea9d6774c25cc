import assert from "node:assert/strict";
import { History, readHistory } from "../../console/lib/history.ts";
import { readHost } from "../../console/lib/hosts.ts";

/** A host with so many requests a second. */
function host(requests: number) {
  return readHost({ cluster: "c", name: "h", "requests_per_second": requests });
}

/** What a server tells that had so many requests in the seconds before 1000 s after 1970. */
function told(requests: readonly unknown[], seconds = 1000) {
  return readHistory({
    ts: new Date(seconds * 1000).toISOString(),
    "age_ms": requests.map((_, i) => (requests.length - 1 - i) * 1000),
    "requests_per_second": requests,
  });
}

Deno.test("History puts what the server saw before what the page has seen", () => {
  const history = new History();
  history.add(1_000_200, [host(0)], true);
  // The page's first second began at 0; the server has seen all of it.
  history.fill(told([5, 6, 7]));
  assert.deepEqual(history.lines(["requests"]), [[998, 999, 1000], [5, 6, 7]]);
  history.add(1_001_200, [host(8)]);
  history.fill(told([1, 1, 1, 1], 1001));
  assert.deepEqual(history.lines(["requests"]), [[998, 999, 1000, 1001.2], [5, 6, 7, 8]]);
});

Deno.test("History fills holes alone, and breaks lines where nobody has seen anything", () => {
  const history = new History();
  for (const second of [990, 991, 1000, 1001]) history.add(second * 1000, [host(second)]);
  assert.deepEqual(history.lines(["requests"]), [
    [990, 991, 995.5, 1000, 1001],
    [990, 991, null, 1000, 1001],
  ]);
  // It was started anew meanwhile: it knows of the end of the hole only.
  history.fill(told([1, 2, 3, 4, 5], 1001.5));
  assert.deepEqual(history.lines(["requests"]), [
    [990, 991, 994.25, 997.5, 998.5, 999.5, 1000, 1001],
    [990, 991, null, 1, 2, 3, 1000, 1001],
  ]);
  // A host's own line has what this page has seen of it.
  assert.deepEqual(history.lines(["requests"], "c/h"), [
    [990, 991, 1000, 1001],
    [990, 991, 1000, 1001],
  ]);
});

Deno.test("History takes the server's word for what was just before a whole picture", () => {
  const history = new History();
  history.add(1_000_000, [host(9)]);
  history.add(1_001_000, [host(0)], true);
  history.add(1_001_900, [host(4)]);
  // A hole too short to be seen by its length.
  history.fill(told([9, 7, 4], 1001.8));
  assert.deepEqual(history.lines(["requests"]), [[999.8, 1000, 1000.8, 1001.9], [9, 9, 7, 4]]);
});

Deno.test("History has what the server saw of the host that is looked at", () => {
  const history = new History();
  for (const second of [990, 991, 1000, 1020]) {
    history.add(second * 1000, [host(second)], second === 1000);
  }
  const json = {
    ts: new Date(1_003_000).toISOString(),
    ...{ "age_ms": [50_000, 20_000, 15_000, 8000, 2000], "rtt_ms": [5, 4, 3, 2, 1] },
    "requests_per_second": [1, 2, 3, 4, 5],
  };
  history.fillHost("c/h", readHistory(json, true));
  assert.deepEqual(history.lines(["requests", "rtt"], "c/h"), [
    [953, 968, 983, 988, 990, 991, 995, 1001, 1010.5, 1020],
    [1, null, 2, 3, 990, 991, 4, 5, null, 1020],
    [5, null, 4, 3, null, null, 2, 1, null, null],
  ]);
  history.fillHost("c/other", []);
  assert.deepEqual(history.lines(["requests"], "c/h")[1], [990, 991, 1000, null, 1020]);
});

Deno.test("History keeps ten minutes, and begins anew with a clock that was set back", () => {
  const history = new History();
  history.add(1_000_000, [], true);
  history.fill(told(Array(600).fill(1), 999.5));
  assert.equal(history.lines([])[0].length, 600);
  for (let second = 1001; second < 3000; second++) history.add(second * 1000, [host(second)]);
  const [times, requests] = history.lines(["requests"]);
  assert.deepEqual([times.length, times[0], requests!.at(-1)], [601, 2399, 2999]);
  history.add(2_000_000, [host(1)]);
  assert.deepEqual(history.lines(["requests"]), [[2000], [1]]);
  assert.deepEqual(history.lines(["requests"], "c/h"), [[2000], [1]]);
});

Deno.test("readHistory() takes what is no history for none, and what is no number for unknown", () => {
  for (
    const json of [{}, { ts: "x", "age_ms": [1] }, { ts: "2026-01-01T00:00:00Z", "age_ms": 1 }]
  ) {
    assert.deepEqual(readHistory(json), []);
  }
  const values = told(["9", null, {}, 4]).map((moment) => moment.values.requests);
  assert.deepEqual(values, [null, null, null, 4]);
  assert.equal(told(Array(100_000).fill(1)).length, 600);
});
