import assert from "node:assert/strict";
import { freePort } from "../../bench/ports.ts";
import { linkCommand } from "../../bench/link/link_command.ts";
import { runChecked } from "../../bench/load/checked.ts";
import { runFixedRate } from "../../bench/load/fixed_rate.ts";
import { moveBulk } from "../../bench/load/bulk.ts";
import { startPeer } from "../../bench/peer.ts";
import { ProcessGroups } from "../../bench/process_group.ts";
import { waitForAnswer } from "../../bench/wait_for_answer.ts";
import { isAlive } from "./support.ts";

const LOOPBACK = "127.0.0.1";

Deno.test("ProcessGroups.end() ends every process of every group", async () => {
  const groups = new ProcessGroups();
  const first = groups.create();
  const processes = [
    first.start("sleep 60"),
    first.start("sleep 61"),
    groups.create().start("sleep 62"),
  ];
  assert.ok(processes.every(({ pid }) => isAlive(pid)));
  await groups.end();
  assert.ok(processes.every(({ pid, isEnded }) => isEnded && !isAlive(pid)));
  assert.throws(() => groups.create(), /Interrupted/);
  assert.throws(() => first.start("true"), /Interrupted/);
});

Deno.test("startPeer() says in one line why a peer did not start, and leaves nothing", async () => {
  const groups = new ProcessGroups();
  using busy = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const spec = { name: "p", routing: "tcp", files: {}, prepare: [], agent: "sleep 60" } as const;
  const place = { backendPort: busy.addr.port };
  await assert.rejects(
    startPeer({ ...spec, server: "no-such-tunnel --x" }, place, groups),
    { message: "no-such-tunnel is not there" },
  );
  await assert.rejects(
    startPeer({ ...spec, server: "sh -c 'echo the port is taken >&2; exit 1'" }, place, groups),
    { message: "p ended at its start: the port is taken" },
  );
  await assert.rejects(
    startPeer({ ...spec, server: "sleep 60", prepare: ["echo no key >&2; false"] }, place, groups),
    /failed: no key$/,
  );
});

Deno.test("bytes, answers and ends come unchanged over the link", async () => {
  const groups = new ProcessGroups();
  const group = groups.create();
  try {
    const sink = { hostname: LOOPBACK, port: freePort() };
    const link = { hostname: LOOPBACK, port: freePort() };
    const deno = Deno.execPath();
    const server = group.start(`${deno} run -A -q --no-config bench/load/sink.ts ${sink.port}`);
    await waitForAnswer(sink, "sink", [server]);
    const settings = { bitsPerSecond: 800e6, rttMs: 4 };
    const proxy = group.start(
      linkCommand(`${LOOPBACK}:${link.port}`, `${LOOPBACK}:${sink.port}`, settings),
    );
    await waitForAnswer(link, "link", [proxy]);
    const up = await moveBulk(link, { direction: "up", streams: 2, mb: 1, minMs: 0 });
    assert.equal(up.bytes, 2 << 20);
    const latencies = await runFixedRate(link, { perSecond: 200, connections: 4, seconds: 0.3 });
    assert.equal(latencies.length, 60);
    // A link is never faster than its delay.
    assert.deepEqual(latencies, latencies.toSorted());
    assert.ok(latencies[0]! >= settings.rttMs);
  } finally {
    await groups.end();
  }
});

Deno.test("runChecked() sees answers that are another client's", async () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const body = "client-0-request-0\n";
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const serving = (async () => {
    for (let count = 0; count < 2; count++) {
      const conn = await listener.accept();
      void (async () => {
        const buffer = new Uint8Array(1024);
        while (await conn.read(buffer) !== null) {
          await conn.write(new TextEncoder().encode(answer));
        }
        conn.close();
      })();
    }
  })();
  const endpoint = { hostname: LOOPBACK, port: listener.addr.port };
  const result = await runChecked(endpoint, { connections: 2, seconds: 0.05 });
  await serving;
  assert.ok(result.answers >= 2);
  assert.equal(result.wrong, result.answers - 1);
});
