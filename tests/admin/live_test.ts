import assert from "node:assert/strict";
import { EventStreams } from "../../lib/admin/event_stream.ts";
import { LiveView } from "../../lib/admin/live.ts";
import { withChanges } from "../../lib/admin/live_changes.ts";
import type { Changes, Picture } from "../../lib/admin/live_changes.ts";
import { ServerLive } from "../../lib/admin/server_live.ts";
import { openPermit } from "../../lib/auth/permit.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Registry } from "../../lib/server/registry.ts";
import { TimerWheel } from "../../lib/timer.ts";
import { FakeConnection } from "../server/fake_connection.ts";
import { adminRig } from "./rig.ts";
import type { AdminRig, Json } from "./rig.ts";

/** Messages of a stream, with their events. */
async function* messagesOf(rig: AdminRig, path: string): AsyncGenerator<[string, Json]> {
  const response = await fetch(`${rig.url}${path}`);
  assert.equal(response.status, 200);
  let rest = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const messages = (rest + text).split("\n\n");
    rest = messages.pop()!;
    for (const message of messages) {
      const match = /^event: (.*)\ndata: (.*)$/.exec(message);
      if (match !== null) yield [match[1]!, JSON.parse(match[2]!)];
    }
  }
}

const H1 = {
  ...{
    n: 0,
    cluster: "c",
    id: "a",
    weight: 10,
    requests: 4,
    "received_bytes": 30,
    "sent_bytes": 3,
  },
  ...{
    "in_flight": 0,
    "rtt_ms": null,
    connections: [{ id: 7, mode: "mux", "received_bytes": 30 }],
  },
};
const H2 = { ...H1, n: 1, id: "b", "requests_per_second": 3, connections: [] };
const BEFORE: Picture = { ts: "t", status: { hosts: 2, clients: 1 }, hosts: [H1, H2], away: [] };
const NOTHING: Changes = { ts: "t2", status: {}, changed: [], gone: [] };

Deno.test("withChanges() takes in fields, rows with their rates, and who came and left", () => {
  const fresh = { n: 2, cluster: "c", id: "new", connections: [] };
  const now = withChanges(BEFORE, {
    ...{ ts: "t2", status: { clients: 5 }, away: [{ name: "b" }] },
    changed: [{ cluster: "c", id: "a", weight: 11 }, fresh],
    gone: [{ cluster: "c", id: "b" }],
    rows: [[0, 8, 2, 1.5, 40, 3]],
    seconds: 2,
  });
  assert.deepEqual(now, {
    ts: "t2",
    status: { hosts: 2, clients: 5 },
    hosts: [{
      ...{ n: 0, cluster: "c", id: "a", weight: 11, requests: 8, "received_bytes": 40 },
      ...{ "sent_bytes": 3, "in_flight": 2, "rtt_ms": 1.5 },
      ...{ "requests_per_second": 2, "received_bytes_per_second": 5, "sent_bytes_per_second": 0 },
      connections: [
        {
          id: 7,
          mode: "mux",
          "in_flight": 2,
          "rtt_ms": 1.5,
          "received_bytes": 40,
          "sent_bytes": 3,
        },
      ],
    }, fresh],
    away: [{ name: "b" }],
  });
});

Deno.test("withChanges() leaves a host without news the same object, and at rest without a row", () => {
  assert.equal(withChanges(BEFORE, { ...NOTHING, rows: [] }).hosts[1], H2);
  const [first, second] = withChanges(BEFORE, { ...NOTHING, rows: [], seconds: 1 }).hosts;
  assert.equal(first, H1);
  assert.equal(second!["requests_per_second"], 0);
  const evil = { ...NOTHING, rows: [null, 3, "x", [9, 1], []] } as unknown as Changes;
  assert.deepEqual(withChanges(BEFORE, evil).hosts, BEFORE.hosts);
});

/** Plays with the hosts of a server without sockets: what changes is up to `random`. */
function shake(registry: Registry, random: () => number): void {
  const hostName = `h${Math.floor(random() * 6)}`;
  const host = registry.hostFor({
    info: {
      ...{ type: "initInfo", clusterName: `c${hostName}`, weight: 1 + Math.floor(random() * 3) },
      ...{ hostName, credentialPolicy: "", credential: "" },
      hello: { version: 1, modes: ["mux"], agentId: "a", connectionId: 1 },
    },
    permit: openPermit(""),
    remoteAddress: "10.0.0.7:1",
  }, 0);
  const [connection] = host.connections as FakeConnection[];
  const dice = random();
  if (connection === undefined || dice < 0.2) {
    const fresh = new FakeConnection();
    fresh.id = Math.floor(random() * 1e6);
    registry.add(host, fresh);
  } else if (dice < 0.4) registry.remove(host, connection);
  else {
    host.requests += Math.floor(random() * 9);
    Object.assign(connection, {
      inFlight: Math.floor(random() * 3),
      rttMs: random() * 2,
      receivedBytes: connection.receivedBytes + Math.floor(random() * 9),
    });
    if (random() < 0.2) host.override = { weight: Math.floor(random() * 4) };
  }
}

Deno.test("ServerLive's changes make its pictures of each other, whatever happens", async () => {
  await using rig = await adminRig();
  const runtime = { ...rig.runtime, nowMs: () => nowMs };
  let nowMs = rig.runtime.nowMs();
  const live = new ServerLive(rig.server, runtime);
  live.look({ withFigures: true });
  let seen: Picture = JSON.parse(JSON.stringify(live.picture()));
  for (let seed = 1, step = 0; step < 500; step++) {
    const random = () => (seed = seed * 48271 % 0x7fffffff) / 0x7fffffff;
    const told = JSON.stringify(live.picture());
    for (let count = random() * 5; count > 0; count--) shake(rig.server.registry, random);
    // Who comes now begins with what the others know.
    assert.equal(JSON.stringify(live.picture()), told);
    nowMs += 100 + Math.floor(random() * 2000);
    seen = withChanges(
      seen,
      JSON.parse(JSON.stringify(live.look({ withFigures: random() < 0.5 }))),
    );
    const now: Picture = JSON.parse(JSON.stringify(live.picture()));
    const hosts = seen.hosts.toSorted((a, b) => `${a["cluster"]}` < `${b["cluster"]}` ? -1 : 1);
    assert.deepEqual({ ...seen, hosts }, now, `step ${step}`);
  }
  for (const { hosts } of rig.server.registry.clusters.values()) hosts.clear();
});

Deno.test("who comes is told before the next second, however many come at once", async () => {
  let nowMs = 0;
  const looks: boolean[] = [];
  const timers = new TimerWheel(50, () => nowMs);
  const runtime = { ...createRuntime(silentLog), timers, nowMs: () => nowMs };
  const view = new LiveView(runtime, {
    look({ withFigures }) {
      looks.push(withFigures);
      return NOTHING;
    },
    picture: () => BEFORE,
    forget() {},
  });
  // Nobody watches: nothing is looked at.
  view.wake();
  assert.equal(timers.size, 0);
  const streams = new EventStreams(runtime);
  const response = view.respond(streams, "changes");
  for (let count = 0; count < 100; count++) view.wake();
  for (; nowMs < 900; nowMs += 50) timers.advance();
  assert.deepEqual(looks, [true, false]);
  for (; nowMs < 1200; nowMs += 50) timers.advance();
  assert.deepEqual(looks, [true, false, true]);
  for (; nowMs < 2000; nowMs += 50) {
    view.wake();
    timers.advance();
  }
  // Bounded to ten a second, and they take nothing from the seconds.
  assert.ok(looks.length >= 5 && looks.length <= 11, String(looks));
  view.wake();
  await response.body!.cancel();
  assert.equal(timers.size, 0);
  runtime.timers.close();
});

Deno.test("each watcher is told of a drain, a weight and a coming between two seconds", async () => {
  await using rig = await adminRig();
  await rig.join("h1");
  const watchers = Array.from({ length: 3 }, () => messagesOf(rig, "/api/v1/live?changes=true"));
  for (const watcher of watchers) assert.equal((await watcher.next()).value[0], "live");
  /** True if no watcher had to wait for figures, which come with the seconds. */
  const isToldSoon = async (isIt: (message: Json) => boolean) => {
    let isSoon = true;
    for (const watcher of watchers) {
      let message: Json;
      do message = (await watcher.next()).value[1]; while (!isIt(message));
      isSoon &&= message.seconds === undefined;
    }
    return isSoon;
  };
  // It may happen just before a second: then it is tried again.
  const eventually = async (act: (round: number) => Promise<boolean>) => {
    for (let round = 0; round < 20; round++) if (await act(round)) return;
    assert.fail("it was told with the seconds each time");
  };
  const host = "/api/v1/hosts/edge-a/h1";
  await eventually(async (round) => {
    await rig.ask(`${host}/${round % 2 === 0 ? "drain" : "undrain"}`, {});
    return await isToldSoon(({ changed }) => changed[0]?.drained_by_operator === (round % 2 === 0));
  });
  await eventually(async (round) => {
    await rig.ask(`${host}/weight`, { weight: 20 + round });
    return await isToldSoon(({ changed }) => changed[0]?.weight === 20 + round);
  });
  await eventually(async (round) => {
    await rig.join(`new-${round}`);
    return await isToldSoon(({ changed }) => changed[0]?.name === `new-${round}`);
  });
  for (const watcher of watchers) await watcher.return(undefined);
});

Deno.test("a watcher that reads slowly is told a whole picture when it has caught up", async () => {
  let nowMs = 0;
  let looks = 0;
  const timers = new TimerWheel(50, () => nowMs);
  const runtime = { ...createRuntime(silentLog), timers, nowMs: () => nowMs };
  const view = new LiveView(runtime, {
    look: () => ({ ...NOTHING, ts: String(++looks) }),
    picture: () => ({ ...BEFORE, ts: String(looks) }),
    forget() {},
  });
  const streams = new EventStreams(runtime);
  const reader = view.respond(streams, "changes").body!.getReader();
  const read = async (count: number) => {
    const texts: string[] = [];
    while (texts.length < count) {
      const text = new TextDecoder().decode((await reader.read()).value);
      const [, event, ts] = /^event: (\w+)\ndata: \{"ts":"(\d+)"/.exec(text) ?? [];
      if (event !== undefined) texts.push(`${event} ${ts}`);
    }
    return texts;
  };
  const tick = () => {
    nowMs += 1200;
    timers.advance();
  };
  assert.deepEqual(await read(1), ["live 1"]);
  tick();
  assert.deepEqual(await read(1), ["change 2"]);
  for (let count = 0; count < 10; count++) tick();
  assert.deepEqual(await read(2), ["change 3", "change 4"]);
  let last = "";
  while (!last.startsWith("live")) {
    tick();
    [last] = await read(1) as [string];
  }
  // What waits behind the picture goes on from it.
  for (let ts = Number(last.slice("live ".length)) + 1; ts <= looks; ts++) {
    assert.deepEqual(await read(1), [`change ${ts}`]);
  }
  tick();
  assert.deepEqual(await read(1), [`change ${looks}`]);
  // One that takes nothing at all gives its place to others.
  for (let count = 0; count < 100; count++) tick();
  assert.equal(streams.count, 0);
  assert.equal(timers.size, 0);
  await reader.cancel();
  runtime.timers.close();
});

Deno.test("/api/v1/live tells whole pictures, or what has changed, of each host", async () => {
  await using rig = await adminRig();
  await rig.join("h1");
  const whole = messagesOf(rig, "/api/v1/live");
  const changes = messagesOf(rig, "/api/v1/live?changes=true");
  const [event, first] = (await changes.next()).value;
  assert.equal(event, "live");
  assert.equal((await whole.next()).value[0], "live");
  const { cluster, name, state, weight, connections } = first.hosts[0];
  assert.deepEqual([cluster, name, state, weight, connections.length], [
    "edge-a",
    "h1",
    "active",
    10,
    1,
  ]);
  await rig.join("h2", "edge-b");
  for (let i = 0; i < 20; i++) {
    const response = await fetch(rig.frontendUrl, { headers: { "x-revtun-cluster": "edge-b" } });
    await response.body?.cancel();
  }
  let seen = first as Picture;
  let requests = 0;
  const endMs = performance.now() + 30_000;
  while (requests < 20 && performance.now() < endMs) {
    const [kind, news] = (await changes.next()).value;
    assert.equal(kind, "change");
    seen = withChanges(seen, news);
    const h2 = seen.hosts.find((host) => host["name"] === "h2") as Json;
    requests = h2?.requests ?? 0;
    if (requests === 20) {
      assert.equal(h2.in_flight, 0);
      assert.equal(h2.cluster, "edge-b");
    }
  }
  assert.equal(requests, 20);
  // Whoever asks for whole pictures sees the same.
  let h2: Json;
  do {
    const [kind, now] = (await whole.next()).value;
    assert.equal(kind, "live");
    h2 = now.hosts.find((host: Json) => host.name === "h2");
  } while (h2?.requests !== 20 && performance.now() < endMs);
  for (
    const rate of [
      "requests_per_second",
      "received_bytes_per_second",
      "sent_bytes_per_second",
    ]
  ) assert.equal(typeof h2[rate], "number", rate);
  await changes.return(undefined);
  await whole.return(undefined);
  assert.equal((await rig.ask("/api/v1/live?changes=some")).status, 400);
});

Deno.test("/api/v1/live tells of a host that left, and that it is away", async () => {
  await using rig = await adminRig();
  const agent = await rig.join("h1");
  const changes = messagesOf(rig, "/api/v1/live?changes=true");
  let seen = (await changes.next()).value[1] as Picture;
  await agent.close();
  const endMs = performance.now() + 30_000;
  while (seen.hosts.length > 0 && performance.now() < endMs) {
    seen = withChanges(seen, (await changes.next()).value[1]);
  }
  assert.deepEqual(seen.hosts, []);
  assert.equal((seen.away[0] as Json).name, "h1");
  await changes.return(undefined);
});
