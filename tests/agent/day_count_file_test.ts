import assert from "node:assert/strict";
import { DayCountWriter, readDayCount } from "../../lib/agent/day_count_file.ts";
import type { DayCount } from "../../lib/agent/day_count_file.ts";
import { Scratch } from "../config/support.ts";
import { EventLog, testRuntime } from "./support.ts";

Deno.test("a day's count is written whole, and read back", async () => {
  await using scratch = new Scratch();
  const path = `${scratch.path}/count.json`;
  using runtime = testRuntime();
  let count: DayCount = { day: 20_849, bytes: 5 };
  assert.equal(await readDayCount(path), undefined);
  const writer = new DayCountWriter(runtime, () => ({ path, count }));
  count = { day: 20_849, bytes: 123_456_789_012 };
  await writer.close();
  assert.deepEqual(await readDayCount(path), count);
  assert.equal(await Deno.readTextFile(path), '{"date":"2027-01-31","bytes":123456789012}\n');
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(scratch.path)].map(({ name }) => name), ["count.json"]);
});

Deno.test("a count that cannot be trusted or read is refused, one that is not there is none", async () => {
  await using scratch = new Scratch();
  const cases: [string, number, RegExp][] = [
    ["", 0o600, /holds no count of bytes: remove it/],
    ['{"date":"2027-01-31"}', 0o600, /holds no count/],
    ['{"date":"2027-01-31","bytes":-1}', 0o600, /holds no count/],
    ['{"date":"yesterday","bytes":1}', 0o600, /holds no count/],
    ["null", 0o600, /holds no count/],
    ["x".repeat(2000), 0o600, /has 2000 bytes, expected at most 1024/],
    ['{"date":"2027-01-31","bytes":1}', 0o602, /can be written by anyone/],
  ];
  for (const [text, mode, message] of cases) {
    const path = await scratch.write("count.json", text);
    await Deno.chmod(path, mode);
    await assert.rejects(readDayCount(path), message, text);
  }
});

Deno.test("a count that cannot be written is said so, and is no end", async () => {
  await using scratch = new Scratch();
  const log = new EventLog();
  using runtime = testRuntime(log);
  const path = `${scratch.path}/nowhere/count.json`;
  const writer = new DayCountWriter(runtime, () => ({ path, count: { day: 1, bytes: 1 } }));
  await writer.close();
  assert.equal(log.of("state.unwritable").length, 1);
});
