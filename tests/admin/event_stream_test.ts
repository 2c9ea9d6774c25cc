import assert from "node:assert/strict";
import { EventStreams } from "../../lib/admin/event_stream.ts";
import type { Sink } from "../../lib/admin/event_stream.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { adminRig } from "./rig.ts";

Deno.test("events are told as they come, after those that were not seen", async () => {
  await using rig = await adminRig();
  rig.runtime.log.info("a.first", "First");
  rig.runtime.log.info("a.second", "Second");
  const seen = rig.events.lastId - 1;
  const response = await fetch(`${rig.url}/api/v1/events`, {
    headers: { accept: "text/event-stream", "last-event-id": String(seen) },
  });
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const read = async (pattern: RegExp) => {
    while (!pattern.test(text)) text += (await reader.read()).value;
  };
  await read(/a\.second/);
  assert.doesNotMatch(text, /a\.first/);
  rig.runtime.log.warn("a.third", "Third", { n: 3 });
  await read(/a\.third[^\n]*\n\n/);
  assert.match(
    text,
    /retry: 1000\n\nid: \d+\nevent: event\ndata: \{"id":\d+,"ts":"[^"]+","level":"info"/,
  );
  assert.match(text, /"event":"a.third","message":"Third","fields":\{"n":3\}\}\n\n$/);
  await reader.cancel();
  const list = (await rig.ask("/api/v1/events?limit=2")).json;
  assert.deepEqual(list.items.map(({ event }: { event: string }) => event), [
    "a.second",
    "a.third",
  ]);
  assert.equal((await rig.ask(`/api/v1/events?after=${list.last_id}`)).json.items.length, 0);
  assert.equal((await rig.ask("/api/v1/events?after=x")).status, 400);
});

Deno.test("streams are bounded in number, and end with their endpoint", async () => {
  const runtime = createRuntime(silentLog);
  const streams = new EventStreams(runtime, 1);
  let isStopped = false;
  const response = streams.respond(() => () => {
    isStopped = true;
  });
  assert.throws(() => streams.respond(() => () => {}), /1 streams are open already/);
  assert.equal(streams.count, 1);
  streams.close();
  assert.equal(isStopped, true);
  assert.equal(await response.text(), "retry: 1000\n\n");
  assert.equal(streams.count, 0);
  assert.equal(runtime.timers.size, 0);
  runtime.timers.close();
});

Deno.test("a reader that does not read is cut off", async () => {
  const runtime = createRuntime(silentLog);
  const streams = new EventStreams(runtime);
  let sink: Sink | undefined;
  let isStopped = false;
  const response = streams.respond((to) => {
    sink = to;
    return () => {
      isStopped = true;
    };
  });
  for (let i = 0; i < 2000; i++) sink!.send({ data: String(i) });
  assert.equal(streams.count, 0);
  assert.ok(isStopped);
  const text = await response.text();
  assert.ok(text.includes("data: 1000\n"));
  assert.ok(!text.includes("data: 1900\n"));
  runtime.timers.close();
});
