import assert from "node:assert/strict";
import { silentLog } from "../../../lib/log.ts";
import { createRuntime } from "../../../lib/runtime.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import { AccessLog } from "../../../lib/server/access_log/access_log.ts";
import type {
  AccessLogOutput,
  AccessLogSettings,
} from "../../../lib/server/access_log/access_log.ts";
import type { WatchedConnection } from "../../../lib/server/traffic_watch.ts";
import { until } from "../../agent/support.ts";
import { frontendRig } from "../frontend_rig.ts";

/** A connection that has ended in order. */
function connectionTo(target: string): WatchedConnection {
  return {
    frontend: "tcp://:1/c",
    protocol: "tcp",
    startedMs: 0,
    client: undefined,
    cluster: "c",
    target,
    hostName: "h",
    toTargetBytes: 0,
    toClientBytes: 0,
    foundMs: 0,
    endedMs: 1,
    status: 200,
    error: undefined,
  };
}

/** An access log that is kept as text. */
function memoryLog(
  { runtime = createRuntime(silentLog), ...options }:
    & Partial<AccessLogSettings>
    & { runtime?: Runtime } = {},
) {
  let text = "";
  const log = new AccessLog({
    format: "common",
    sample: 1,
    output: {
      write(bytes) {
        text += new TextDecoder().decode(bytes);
        return Promise.resolve();
      },
    },
    ...options,
  }, runtime);
  return {
    log,
    get lines() {
      return text.split("\n").slice(0, -1);
    },
    /** Waits for as many lines. */
    async upTo(count: number): Promise<string[]> {
      await until(`${count} lines`, () => this.lines.length >= count);
      return this.lines;
    },
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]();
      runtime.timers.close();
    },
  };
}

function echo() {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.text();
    return new Response(`got ${body.length}`, { status: 201 });
  });
  return { name: `127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Sends bytes as they are and reads until the end. */
async function raw(address: string, text: string): Promise<string> {
  const [hostname, port] = address.split(":");
  using connection = await Deno.connect({ hostname: hostname!, port: Number(port) });
  await connection.write(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  await connection.closeWrite();
  return await new Response(connection.readable).text();
}

Deno.test("the access log has a line for each request, in Apache's combined format", async () => {
  await using target = echo();
  await using access = memoryLog();
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: [target.name],
    server: { watchers: [access.log] },
  });
  const url = `http://${rig.addresses[0]}/some/path?q=1`;
  const response = await fetch(url, {
    method: "POST",
    body: "12345",
    headers: { referer: "http://from.test/", "user-agent": 'test/1 (a "b")' },
  });
  assert.equal(await response.text(), "got 5");
  const [line] = await access.upTo(1);
  const pattern = new RegExp(
    "^127\\.0\\.0\\.1 - - \\[\\d\\d/[A-Z][a-z]{2}/20\\d\\d(:\\d\\d){3} \\+0000\\] " +
      '"POST /some/path\\?q=1 HTTP/1\\.1" 201 5 "http://from\\.test/" "test/1 \\(a \\\\"b\\\\"\\)" ' +
      "cluster=edge-a host=host-1 time=\\d+\\.\\d{3} first_byte=\\d+\\.\\d{3} error=-$",
  );
  assert.match(line!, pattern);
});

Deno.test("the access log has JSON with the times of the hops", async () => {
  await using target = echo();
  await using access = memoryLog({ format: "json" });
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: [target.name],
    server: { watchers: [access.log] },
  });
  const url = `http://${rig.addresses[0]}/j`;
  const beforeMs = Date.now();
  for (const requestId of ["mine", undefined]) {
    const headers = requestId === undefined ? {} : { "x-request-id": requestId };
    await (await fetch(url, { method: "POST", body: "12345", headers })).text();
  }
  const [first, second] = (await access.upTo(2)).map((line) => JSON.parse(line));
  assert.ok(Math.abs(Date.parse(first.ts) - beforeMs) < 60_000);
  const { ts: _ts, client, frontend, user_agent: _agent, request_id: id, ...rest } = first;
  assert.equal(client, "127.0.0.1");
  assert.match(frontend, /^http:\/\/127\.0\.0\.1:/);
  assert.equal(id, "mine");
  assert.match(second.request_id, /^[0-9a-f]{32}$/);
  const hops = ["frontend_ms", "queue_ms", "tunnel_ms", "dial_ms", "first_byte_ms"];
  assert.ok(hops.every((name) => typeof rest[name] === "number"));
  const sumMs = hops.reduce((sum, name) => sum + rest[name], 0);
  assert.ok(sumMs <= rest.duration_ms + 0.01, JSON.stringify(first));
  assert.ok(first.dial_ms > 0);
  assert.equal(second.dial_ms, 0);
  const { method, authority, path, protocol, status, cluster, target: name, host } = rest;
  assert.deepEqual({ method, authority, path, protocol, status, cluster, name, host }, {
    method: "POST",
    authority: rig.addresses[0],
    path: "/j",
    protocol: "HTTP/1.1",
    status: 201,
    cluster: "edge-a",
    name: "default",
    host: "host-1",
  });
  assert.deepEqual([rest.request_bytes, rest.response_bytes], [5, 5]);
});

const HOSTILE: readonly [title: string, text: string, status: number][] = [
  ["no request at all", "\x16\x03\x01 garbage\r\n\r\n", 400],
  ["a quote and a backslash", 'GET /"\\ HTTP/1.1\r\nhost: a\r\n\r\n', 200],
  [
    "a field with what is no ASCII",
    'GET / HTTP/1.1\r\nhost: a\r\nuser-agent: \xff"\t\xe9\r\n\r\n',
    200,
  ],
  [
    "a line feed in a field",
    "GET / HTTP/1.1\r\nhost: a\r\nreferer: x\n1.2.3.4 - - forged\r\n\r\n",
    400,
  ],
  ["a very long path", `GET /${"x".repeat(7000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 200],
  ["a path beyond all bounds", `GET /${"x".repeat(9000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 414],
  ["half a request", "GET / HTT", 0],
];

for (const format of ["common", "json"] as const) {
  Deno.test(`hostile requests are one line each in the access log (${format})`, async (t) => {
    await using access = memoryLog({ format });
    await using rig = await frontendRig({
      listen: ["127.0.0.1:0"],
      server: { watchers: [access.log] },
    });
    for (const [title, text, status] of HOSTILE) {
      await t.step(title, async () => {
        const count = access.lines.length;
        const answer = await raw(rig.addresses[0]!, text);
        if (status === 0) return;
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
        const lines = await access.upTo(count + 1);
        assert.equal(lines.length, count + 1);
        const line = lines.at(-1)!;
        assert.match(line, /^[\x20-\x7e]+$/);
        if (format === "json") assert.equal(JSON.parse(line).status, status);
        else assert.match(line, new RegExp(`" ${status} \\d+ "`));
      });
    }
    assert.equal(access.log.droppedCount, 0);
  });
}

Deno.test("refusals, lost targets and clients that left are in the access log", async () => {
  await using access = memoryLog({ format: "json", sample: 0 });
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0", "127.0.0.1:0/nowhere", "127.0.0.1:0/edge-a/dead"],
    targets: ["dead=127.0.0.1:1"],
    server: { watchers: [access.log] },
  });
  // With a share of 0 only what went wrong is written.
  for (const address of [rig.addresses[0]!, rig.addresses[1]!, rig.addresses[2]!]) {
    await (await fetch(`http://${address}/`)).text();
  }
  const seen = (await access.upTo(3)).map((line) => JSON.parse(line));
  assert.deepEqual(
    seen.map(({ status, error, cluster, host }) => [status, error, cluster, host]),
    [
      [404, "no-route", undefined, undefined],
      [503, "no-host", "nowhere", undefined],
      [502, "target-refused", "edge-a", "host-1"],
    ],
  );
});

Deno.test("a connection of a tcp frontend is a line as well", async () => {
  for (const format of ["common", "json"] as const) {
    await using access = memoryLog({ format });
    await using rig = await frontendRig({
      listen: ["tcp://127.0.0.1:0/edge-a", "tcp://127.0.0.1:0/nowhere/x"],
      server: { watchers: [access.log] },
    });
    await raw(rig.addresses[0]!, "GET / HTTP/1.0\r\n\r\n");
    await access.upTo(1);
    await raw(rig.addresses[1]!, "").catch(() => {});
    const [good, bad] = await access.upTo(2);
    if (format === "json") {
      const line = JSON.parse(good!);
      assert.equal(line.protocol, "tcp");
      assert.deepEqual([line.status, line.cluster, line.target, line.host], [
        200,
        "edge-a",
        "default",
        "host-1",
      ]);
      assert.equal(line.request_bytes, 18);
      assert.ok(line.response_bytes > 100);
      assert.equal(JSON.parse(bad!).status, 503);
    } else {
      assert.match(good!, /^127\.0\.0\.1 - - \[.*\] "TCP default" 200 \d+ "-" "-" cluster=edge-a/);
      assert.match(bad!, /"TCP x" 503 0 "-" "-" cluster=nowhere host=- .* error=no-host/);
    }
  }
});

Deno.test("a share of the requests is written, chosen by chance", async () => {
  const plain = createRuntime(silentLog);
  const chances = [0.05, 0.5, 0.09, 0.1, 0.99];
  const runtime = { ...plain, random: () => chances.shift()! };
  await using access = memoryLog({ sample: 0.1, runtime });
  const connection = connectionTo("");
  for (let i = 0; i < 5; i++) access.log.connectionEnded(connection);
  access.log.connectionEnded({ ...connection, status: 502, error: new Error("broke") });
  await access.log[Symbol.asyncDispose]();
  assert.equal(access.lines.length, 3);
  plain.timers.close();
});

Deno.test("a full disk costs lines, and no request", async () => {
  await using access = memoryLog({
    output: { write: () => Promise.reject(new Error("No space left on device (os error 28)")) },
  });
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    server: { watchers: [access.log] },
  });
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`http://${rig.addresses[0]}/`);
    assert.equal(response.status, 200);
    await response.body?.cancel();
  }
  await until("the lines are counted as lost", () => access.log.droppedCount === 3);
});

/** An output whose writes end when the test says. */
function slowOutput() {
  let text = "";
  let isClosed = false;
  const waiting: (() => void)[] = [];
  const output: AccessLogOutput = {
    write(bytes) {
      assert.equal(isClosed, false);
      text += new TextDecoder().decode(bytes);
      return new Promise((resolve) => waiting.push(resolve));
    },
    close: () => isClosed = true,
  };
  return {
    output,
    get names() {
      return [...text.matchAll(/TCP (\w+)|"target":"(\w+)"/g)].map((match) => match[1] ?? match[2]);
    },
    get text() {
      return text;
    },
    get isClosed() {
      return isClosed;
    },
    written: () => waiting.shift()!(),
  };
}

Deno.test("AccessLog goes on by other settings without losing or mixing a line", async () => {
  const [one, two, three] = [slowOutput(), slowOutput(), slowOutput()];
  await using at = memoryLog({ output: one.output });
  const { log } = at;
  const passed = (target: string) => log.connectionEnded(connectionTo(target));
  passed("a");
  const first = log.configure({ output: two.output, format: "json", sample: 1 });
  await until("the first write", () => one.names.length === 1);
  // Made while the last line of before is written, and for what comes then.
  passed("b");
  one.written();
  await first;
  assert.equal(one.isClosed, true);
  const flushed = log.configure({ output: two.output, format: "common", sample: 1 });
  await until("the second write", () => two.names.length === 1);
  passed("c");
  two.written();
  await flushed;
  assert.equal(two.isClosed, false);
  const off = log.configure({ output: undefined, format: "common", sample: 1 });
  await until("the third write", () => two.names.length === 2);
  two.written();
  await off;
  assert.deepEqual([log.isOn, two.isClosed], [false, true]);
  await log.configure({ output: three.output, format: "common", sample: 1 });
  assert.equal(log.isOn, true);
  passed("d");
  const ended = log[Symbol.asyncDispose]();
  await until("the last write", () => three.names.length === 1);
  three.written();
  await ended;
  assert.deepEqual([one.names, two.names, three.names], [["a"], ["b", "c"], ["d"]]);
  assert.match(two.text, /^\{.*\}\n[^{]/);
  assert.equal(log.droppedCount, 0);
});

Deno.test("AccessLog ends though an output takes nothing, and closes the one that was to follow", async () => {
  const [one, two] = [slowOutput(), slowOutput()];
  const at = memoryLog({ output: one.output });
  at.log.connectionEnded(connectionTo("a"));
  const never = at.log.configure({ output: two.output, format: "common", sample: 1 });
  await at[Symbol.asyncDispose]();
  assert.equal(one.isClosed, true);
  one.written();
  await never;
  assert.equal(two.isClosed, true);
});
