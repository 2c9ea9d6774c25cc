import assert from "node:assert/strict";
import { createLog, silentLog } from "../lib/log.ts";
import type { LogOptions } from "../lib/log.ts";
import { formatEvent } from "../lib/log_format.ts";

function recordingLog(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "text",
    write: (text) => void lines.push(...text.trimEnd().split("\n")),
    ...options,
  });
  return { log, lines };
}

Deno.test("the log writes events as logfmt lines", async () => {
  const { log, lines } = recordingLog();
  log.info("tunnel.registered", "Host joined", { cluster: "edge-a", weight: 10, note: undefined });
  await log.flush();
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /^ts=\d{4}-\d\d-\d\dT[\d:.]+Z level=info event=tunnel\.registered msg="Host joined" cluster=edge-a weight=10$/,
  );
});

Deno.test("the log writes events as JSON lines", async () => {
  const { log, lines } = recordingLog({ format: "json" });
  log.warn("agent.retried", 'Server "a" is away', { delay_ms: 1000, is_final: false });
  await log.flush();
  const { ts, ...rest } = JSON.parse(lines[0]!);
  assert.match(ts, /^\d{4}-/);
  assert.deepEqual(rest, {
    level: "warn",
    event: "agent.retried",
    msg: 'Server "a" is away',
    delay_ms: 1000,
    is_final: false,
  });
});

Deno.test("the log leaves out what is below its level", async () => {
  const { log, lines } = recordingLog({ level: "warn" });
  assert.equal(log.isDebug, false);
  log.debug("a.b", "no");
  log.info("a.b", "no");
  log.warn("a.b", "yes");
  log.error("a.b", "yes");
  await log.flush();
  assert.deepEqual(lines.map((line) => /level=(\w+)/.exec(line)?.[1]), ["warn", "error"]);
  const all = recordingLog({ level: "debug" });
  assert.equal(all.log.isDebug, true);
  all.log.debug("a.b", "yes");
  await all.log.flush();
  assert.equal(all.lines.length, 1);
});

Deno.test("a child's events carry its fields and those of its parents", async () => {
  const { log, lines } = recordingLog();
  log.child({ cluster: "edge-a" }).child({ host: "h1" }).info("a.b", "text", { host: "h2" });
  await log.flush();
  assert.match(lines[0]!, / cluster=edge-a host=h2$/);
});

Deno.test("two logs of one process do not mix", async () => {
  const first = recordingLog();
  const second = recordingLog({ level: "error" });
  first.log.info("a.b", "first");
  second.log.info("a.b", "second");
  await Promise.all([first.log.flush(), second.log.flush()]);
  assert.equal(first.lines.length, 1);
  assert.equal(second.lines.length, 0);
});

Deno.test("the log counts what it could not write and nothing after its end", async () => {
  const { log } = recordingLog({
    write: () => {
      throw new Error("Broken pipe");
    },
  });
  log.info("a.b", "lost");
  await log.close();
  assert.equal(log.droppedCount, 1);
  log.info("a.b", "late");
  assert.equal(log.droppedCount, 1);
});

Deno.test("no event can end its line or act on a terminal", () => {
  const hostile = "a\nlevel=error\r\x1b[2J\x9b31m\u2028\u202e\x7f";
  for (const format of ["text", "json"] as const) {
    const line = formatEvent(format, {
      time: new Date(0),
      level: "info",
      event: "a.b",
      message: hostile,
      fields: { name: hostile },
    });
    // deno-lint-ignore no-control-regex -- control characters are what this is about
    assert.doesNotMatch(line.slice(0, -1), /[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
  }
});

Deno.test("colours stand in the text format only, and only when asked for", () => {
  const event = {
    time: new Date(0),
    level: "error",
    event: "a.b",
    message: "m",
    fields: {},
  } as const;
  assert.ok(formatEvent("text", event, true).includes("\x1b[31merror\x1b[0m"));
  assert.ok(!formatEvent("text", event).includes("\x1b"));
  assert.ok(!formatEvent("json", event, true).includes("\x1b"));
});

Deno.test("the silent log takes everything", () => {
  for (const level of ["debug", "info", "warn", "error"] as const) silentLog[level]("a.b", "m");
  assert.equal(silentLog.child({}), silentLog);
});

Deno.test("the log's level can change at any time, for its children too", async () => {
  const { log, lines } = recordingLog({ level: "warn" });
  const child = log.child({ a: 1 });
  child.info("a.b", "no");
  log.level = "debug";
  assert.equal(child.isDebug, true);
  child.debug("c.d", "yes");
  log.level = "error";
  assert.equal(log.level, "error");
  child.warn("e.f", "no");
  await log.flush();
  assert.deepEqual(lines.map((line) => /event=(\S+)/.exec(line)?.[1]), ["c.d"]);
});

Deno.test("a log's format changes while it is in use, for its children too", async () => {
  const { log, lines } = recordingLog();
  const child = log.child({ cluster: "edge-a" });
  child.info("a.b", "One");
  log.format = "json";
  child.info("a.b", "Two");
  await log.close();
  assert.match(lines[0]!, /event=a\.b .*cluster=edge-a/);
  const { event, cluster, msg } = JSON.parse(lines[1]!);
  assert.deepEqual([event, cluster, msg], ["a.b", "edge-a", "Two"]);
  assert.equal(log.format, "json");
});
