import assert from "node:assert/strict";
import { EventRing, keepingLog } from "../lib/event_ring.ts";
import type { KeptEvent } from "../lib/event_ring.ts";
import { createLog, silentLog } from "../lib/log.ts";

const event = (name: string): Omit<KeptEvent, "id"> => ({
  timeMs: 0,
  level: "info",
  event: name,
  message: name,
  fields: {},
});

const names = (events: KeptEvent[]) => events.map((kept) => `${kept.id} ${kept.event}`);

Deno.test("EventRing keeps the latest events and gives them by what was seen", () => {
  const ring = new EventRing({ maxEvents: 3 });
  assert.deepEqual(ring.latest(10), []);
  for (const name of ["a", "b", "c", "d", "e"]) ring.add(event(name));
  assert.equal(ring.lastId, 5);
  assert.deepEqual(names(ring.latest(10)), ["3 c", "4 d", "5 e"]);
  assert.deepEqual(names(ring.latest(1)), ["5 e"]);
  assert.deepEqual(names(ring.latest(0)), []);
  assert.deepEqual(names(ring.after(3, 10)), ["4 d", "5 e"]);
  assert.deepEqual(names(ring.after(3, 1)), ["4 d"]);
  // What was seen is older than what is kept.
  assert.deepEqual(names(ring.after(0, 10)), ["3 c", "4 d", "5 e"]);
  assert.deepEqual(names(ring.after(5, 10)), []);
});

Deno.test("EventRing of a program that was started anew goes on behind the one before", () => {
  const before = new EventRing({ firstId: 1000 });
  for (const name of ["a", "b", "c"]) before.add(event(name));
  assert.deepEqual(names(before.after(1000, 10)), ["1001 b", "1002 c"]);
  const after = new EventRing({ firstId: 5000 });
  assert.equal(after.lastId, 4999);
  after.add(event("d"));
  assert.deepEqual(names(after.after(before.lastId, 10)), ["5000 d"]);
});

Deno.test("EventRing tells listeners until they leave, and bounds how many there are", () => {
  const ring = new EventRing({ maxEvents: 3, maxListeners: 2 });
  const heard: string[] = [];
  const leave = ring.listen(({ event }) => heard.push(`1${event}`));
  const leaveToo = ring.listen(({ event }) => heard.push(`2${event}`));
  assert.throws(() => ring.listen(() => {}), /^RangeError: 2 listeners follow the events already$/);
  ring.add(event("a"));
  leave();
  leave();
  ring.add(event("b"));
  leaveToo();
  ring.add(event("c"));
  assert.deepEqual(heard, ["1a", "2a", "2b"]);
});

Deno.test("keepingLog() keeps events that the log's level leaves out, debug events apart", async () => {
  const ring = new EventRing();
  let written = "";
  const inner = createLog({
    level: "warn",
    format: "text",
    write: (text) => void (written += text),
  });
  const log = keepingLog(inner, ring);
  const child = log.child({ cluster: "a" }).child({ host: "h" });
  child.debug("no.no", "not kept");
  child.info("host.changed", "Changed", { weight: 3 });
  child.warn("host.ejected", "Ejected");
  log.error("admin.failed", "Failed");
  await inner.close();
  assert.deepEqual(
    ring.latest(9).map(({ level, event, fields }) => [level, event, fields]),
    [
      ["info", "host.changed", { cluster: "a", host: "h", weight: 3 }],
      ["warn", "host.ejected", { cluster: "a", host: "h" }],
      ["error", "admin.failed", {}],
    ],
  );
  assert.match(
    written,
    /^ts=\S+ level=warn event=host.ejected msg=Ejected cluster=a host=h\n.*admin.failed/,
  );
  assert.equal(keepingLog(silentLog, ring).isDebug, false);
});
