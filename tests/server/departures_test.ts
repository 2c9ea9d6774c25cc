import assert from "node:assert/strict";
import { Departures } from "../../lib/server/departures.ts";

const leaving = (hostName: string, lastSeenMs: number, reason = "reset") => ({
  cluster: "c",
  hostName,
  remoteAddress: "10.0.0.7:5000",
  lastSeenMs,
  reason,
});

Deno.test("Departures lists hosts that are away, with how often they left", () => {
  const departures = new Departures();
  departures.joined("c", "never left");
  departures.left(leaving("a", 1));
  departures.left(leaving("b", 2));
  departures.joined("c", "a");
  departures.left(leaving("a", 3, "drained"));
  assert.deepEqual(
    departures.away().map(({ hostName, times, reason }) => [hostName, times, reason]),
    [["a", 2, "drained"], ["b", 1, "reset"]],
  );
  departures.joined("c", "b");
  assert.deepEqual(departures.away().map(({ hostName }) => hostName), ["a"]);
  assert.equal(departures.timesOf("c", "b"), 1);
  assert.equal(departures.timesOf("c", "x"), 0);
});

Deno.test("Departures forgets the hosts that left longest ago", () => {
  const departures = new Departures(2);
  for (const [index, name] of ["a", "b", "a", "c"].entries()) {
    departures.left(leaving(name, index));
  }
  assert.deepEqual(departures.away().map(({ hostName }) => hostName), ["c", "a"]);
});
