import assert from "node:assert/strict";
import { LineBuffer } from "../../../lib/server/access_log/line_buffer.ts";
import { COMMON_ESCAPES, JSON_ESCAPES } from "../../../lib/server/access_log/escapes.ts";
import { TimerWheel } from "../../../lib/timer.ts";

/** A buffer whose writes end when they are told to. */
function rig(maxBytes = 1000) {
  const timers = new TimerWheel();
  const written: string[] = [];
  const failures: (string | undefined)[] = [];
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const lines = new LineBuffer({
    timers,
    maxBytes,
    onFailure: (error) => failures.push(error?.message),
    write(bytes) {
      written.push(new TextDecoder().decode(bytes));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  });
  const add = (text: string) => {
    if (!lines.begin(text.length + 1)) return;
    lines.text(text);
    lines.finish();
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  return { lines, add, written, failures, waiting, settle, [Symbol.dispose]: () => timers.close() };
}

Deno.test("LineBuffer hands over many lines in one write, and drops what there is no room for", async () => {
  using at = rig(100);
  const line = "x".repeat(29);
  at.add(line);
  assert.equal(at.written.length, 0);
  at.add(line);
  assert.equal(at.written.length, 1);
  for (let i = 0; i < 10; i++) at.add(line);
  // One buffer is being written, the other one took three lines.
  assert.equal(at.lines.droppedCount, 7);
  const flushed = at.lines.flush();
  at.waiting[0]!.resolve();
  await at.settle();
  at.waiting[1]!.resolve();
  await flushed;
  assert.deepEqual(at.written, [`${line}\n`.repeat(2), `${line}\n`.repeat(3)]);
});

Deno.test("LineBuffer tells of the first failure and of the end of failures, and counts the lines", async () => {
  using at = rig();
  for (const isGood of [false, false, true]) {
    at.add("line");
    const flushed = at.lines.flush();
    const { resolve, reject } = at.waiting.shift()!;
    if (isGood) resolve();
    else reject(new Error("disk full"));
    await flushed;
  }
  assert.deepEqual(at.failures, ["disk full", undefined]);
  assert.equal(at.lines.droppedCount, 2);
});

Deno.test("LineBuffer.close() waits for its last write, but not for ever", async () => {
  using at = rig();
  at.add("last");
  await at.lines.close();
  assert.deepEqual(at.written, ["last\n"]);
  at.add("later");
  assert.equal(at.lines.droppedCount, 1);
});

Deno.test("LineBuffer writes numbers and times as they are", async () => {
  using at = rig();
  at.lines.begin(200);
  for (const value of [0, 7, 10, 999, 1000, 2 ** 40]) {
    at.lines.number(value);
    at.lines.text(" ");
  }
  for (const ms of [0, 0.0004, 0.0005, 1.5, 12.999, 999.9996, 86_400_000.25, -1]) {
    at.lines.millis(ms);
    at.lines.text(" ");
  }
  at.lines.finish();
  const closed = at.lines.close();
  at.waiting[0]!.resolve();
  await closed;
  assert.equal(
    at.written[0],
    "0 7 10 999 1000 1099511627776 " +
      "0.000 0.000 0.001 1.500 12.999 1000.000 86400000.250 0.000 \n",
  );
});

Deno.test("no byte of a client can end a line or a string", async () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const [escapes, isJson] of [[COMMON_ESCAPES, false], [JSON_ESCAPES, true]] as const) {
    using at = rig(4000);
    at.lines.begin(2000);
    at.lines.escaped(all, 0, all.length, escapes);
    at.lines.finish();
    const closed = at.lines.close();
    at.waiting[0]!.resolve();
    await closed;
    const text = at.written[0]!.slice(0, -1);
    assert.match(text, /^[\x20-\x7e]*$/);
    assert.doesNotMatch(text.replaceAll(/\\(x..|u....|.)/g, ""), /["\\]/);
    if (!isJson) continue;
    const read = JSON.parse(`"${text}"`) as string;
    assert.deepEqual(Array.from(read, (character) => character.charCodeAt(0)), [...all]);
  }
});

Deno.test("LineBuffer.flush() does not wait for lines that come meanwhile, and says where it cut", async () => {
  using at = rig();
  at.add("one");
  let cutAt = 0;
  const flushed = at.lines.flush(() => {
    cutAt = at.written.length;
    at.add("three");
  });
  await at.settle();
  at.add("four");
  at.waiting.shift()!.resolve();
  await flushed;
  assert.deepEqual([cutAt, at.written], [1, ["one\n"]]);
});
