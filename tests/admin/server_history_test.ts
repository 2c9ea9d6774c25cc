import assert from "node:assert/strict";
import { HISTORY_SECONDS, ServerHistory } from "../../lib/admin/server_history.ts";
import { openPermit } from "../../lib/auth/permit.ts";
import type { Host } from "../../lib/server/host.ts";
import { TimerWheel } from "../../lib/timer.ts";
import { FakeConnection } from "../server/fake_connection.ts";
import { adminRig } from "./rig.ts";
import type { AdminRig, Json } from "./rig.ts";

/** A history of a real server's made-up hosts, by a clock of the test's own. */
class World {
  nowMs = 5_000;
  #timersMs = 0;
  readonly timers = new TimerWheel(50, () => this.#timersMs);
  readonly history: ServerHistory;
  readonly #rig: AdminRig;

  constructor(rig: AdminRig) {
    this.#rig = rig;
    const runtime = { ...rig.runtime, timers: this.timers, nowMs: () => this.nowMs };
    this.history = new ServerHistory(rig.server, runtime);
  }

  host(hostName: string, connections: readonly FakeConnection[]): Host {
    const { registry } = this.#rig.server;
    const info = {
      ...{ type: "initInfo", clusterName: "c", weight: 10, hostName } as const,
      ...{ credentialPolicy: "", credential: "" },
    };
    const host = registry.hostFor({ info, permit: openPermit(""), remoteAddress: hostName }, 0);
    for (const connection of connections) registry.add(host, connection);
    return host;
  }

  /** The timer fires, `ms` after it did before. */
  tick(ms = 1000): void {
    this.nowMs += ms;
    this.#timersMs += 2000;
    this.timers.advance();
  }

  view(seconds = HISTORY_SECONDS): Json {
    return this.history.view(seconds);
  }
}

Deno.test("ServerHistory has what passed in each second, whoever came or left in it", async () => {
  await using rig = await adminRig();
  const world = new World(rig);
  const [a, b, c] = [new FakeConnection(), new FakeConnection(), new FakeConnection()];
  Object.assign(a, { receivedBytes: 700, rttMs: 3 });
  Object.assign(b, { rttMs: 2, inFlight: 2 });
  const host = world.host("h1", [a, b]);
  host.requests = 50;
  world.history.start();
  host.requests += 10;
  a.receivedBytes += 100;
  world.tick(2000);
  // Half of its connections is gone: that takes nothing from the other half.
  rig.server.registry.remove(host, a);
  b.sentBytes += 30;
  Object.assign(c, { rttMs: 9.5, receivedBytes: 5 });
  world.host("h2", [c]).requests = 1;
  world.tick();
  rig.server.registry.clusters.get("c")!.hosts.clear();
  world.tick();
  const { ts, ...view } = world.view();
  assert.ok(Math.abs(Date.parse(ts) - Date.now()) < 60_000);
  assert.deepEqual(view, {
    "age_ms": [2000, 1000, 0],
    "requests_per_second": [5, 1, 0],
    "received_bytes_per_second": [50, 5, 0],
    "sent_bytes_per_second": [0, 30, 0],
    "in_flight": [2, 2, 0],
    "median_rtt_ms": [2, 2, null],
    "worst_rtt_ms": [2, 9.5, null],
  });
  assert.deepEqual(world.view(1)["age_ms"], [1000, 0]);
  world.history.close();
  assert.equal(world.timers.size, 0);
});

Deno.test("ServerHistory keeps ten minutes, and no more", async () => {
  await using rig = await adminRig();
  const world = new World(rig);
  const host = world.host("h1", [new FakeConnection()]);
  world.history.start();
  for (let nth = 1; nth <= 1500; nth++) {
    host.requests += nth;
    world.tick();
  }
  const { age_ms: ages, requests_per_second: rates } = world.view();
  assert.deepEqual([ages.length, ages[0], ages.at(-1)], [600, 599_000, 0]);
  assert.deepEqual([rates[0], rates.at(-1)], [901, 1500]);
  world.history.close();
  rig.server.registry.clusters.get("c")!.hosts.clear();
});

Deno.test("ServerHistory goes on where its clock stands still, and where it is late", async () => {
  await using rig = await adminRig();
  const world = new World(rig);
  const host = world.host("h1", [new FakeConnection()]);
  world.history.start();
  host.requests += 4;
  world.tick(0);
  world.tick(0);
  assert.deepEqual(world.view()["age_ms"], []);
  host.requests += 4;
  world.tick();
  host.requests += 6;
  world.tick(30_000);
  const { age_ms: ages, requests_per_second: rates } = world.view();
  assert.deepEqual(ages, [30_000, 0]);
  assert.deepEqual(rates, [8, 0.2]);
  world.history.close();
  rig.server.registry.clusters.get("c")!.hosts.clear();
});

Deno.test("ServerHistory that is started again leaves out what passed meanwhile", async () => {
  await using rig = await adminRig();
  const world = new World(rig);
  const host = world.host("h1", [new FakeConnection()]);
  const endpoint = { address: { kind: "unix", path: "/x" } as const, close: async () => {} };
  const admin = world.history.during(endpoint);
  assert.equal(admin.address, endpoint.address);
  host.requests += 4;
  world.tick();
  await admin.close();
  assert.equal(world.timers.size, 0);
  host.requests += 1000;
  world.tick(10_000);
  world.history.start();
  world.history.start();
  assert.equal(world.timers.size, 1);
  host.requests += 6;
  world.tick();
  const { age_ms: ages, requests_per_second: rates } = world.view();
  assert.deepEqual(ages, [11_000, 0]);
  assert.deepEqual(rates, [4, 6]);
  world.history.close();
  rig.server.registry.clusters.get("c")!.hosts.clear();
});

Deno.test("ServerHistory has each host's own, a moment each 5 s, over its coming back", async () => {
  await using rig = await adminRig();
  const world = new World(rig);
  const { registry } = rig.server;
  const connection = Object.assign(new FakeConnection(), { rttMs: 2.5, inFlight: 3 });
  const host = world.host("h1", [connection]);
  host.requests = 1000;
  world.history.start();
  for (let second = 1; second <= 12; second++) {
    host.requests += second;
    connection.receivedBytes += 10;
    world.tick();
  }
  registry.remove(host, connection);
  for (let second = 0; second < 10; second++) world.tick();
  const again = world.host("h1", [Object.assign(new FakeConnection(), { rttMs: 0 })]);
  again.requests = 50;
  for (let second = 0; second < 5; second++) world.tick();
  const { ts: _, ...view } = world.history.hostView(again) as Json;
  assert.deepEqual(view, {
    ...{ cluster: "c", name: "h1", id: "h1" },
    "age_ms": [22_000, 17_000, 12_000, 2000],
    "requests_per_second": [3, 8, 4.6, 10],
    "received_bytes_per_second": [10, 10, 4, 0],
    "sent_bytes_per_second": [0, 0, 0, 0],
    "in_flight": [3, 3, 3, 0],
    "rtt_ms": [2.5, 2.5, 2.5, null],
  });
  // Of one that was not there, and of one that is gone for long, there is nothing.
  const fresh = world.host("h2", [new FakeConnection()]);
  assert.deepEqual((world.history.hostView(fresh) as Json)["age_ms"], []);
  registry.clusters.get("c")!.hosts.clear();
  for (let second = 0; second < 700; second++) world.tick();
  assert.deepEqual((world.history.hostView(again) as Json)["age_ms"], []);
  world.history.close();
});

Deno.test("ServerHistory has room for 250 hosts, and gives that of those who left to others", async () => {
  await using rig = await adminRig();
  const world = new World(rig);
  const { hosts } =
    (world.host("h0", [new FakeConnection()]), rig.server.registry.clusters.get("c")!);
  const all = [...hosts.values()];
  for (let n = 1; n < 260; n++) all.push(world.host(`h${n}`, [new FakeConnection()]));
  world.history.start();
  const lengths = () =>
    all.map((host) => (world.history.hostView(host) as Json)["age_ms"].length as number);
  for (let second = 0; second < 5; second++) world.tick();
  assert.deepEqual(lengths(), all.map((_, n) => n < 250 ? 1 : 0));
  for (let n = 0; n < 20; n++) hosts.delete(all[n]!.id);
  for (let second = 0; second < 15; second++) world.tick();
  assert.deepEqual(lengths(), all.map((_, n) => n < 20 ? 0 : n < 250 ? 4 : 2));
  world.history.close();
  hosts.clear();
});

Deno.test("/api/v1/history tells of requests that nobody watched", async () => {
  await using rig = await adminRig();
  await rig.join("h1");
  for (let i = 0; i < 20; i++) {
    const response = await fetch(rig.frontendUrl, { headers: { "x-revtun-cluster": "edge-a" } });
    await response.body?.cancel();
  }
  /** Requests that it tells of, to the nearest whole one. */
  const told = async () => {
    const { json } = await rig.ask("/api/v1/history");
    const ages: number[] = json["age_ms"];
    return json["requests_per_second"].reduce((sum: number, rate: number, i: number) => {
      const before = ages[i - 1];
      return sum + rate * (before === undefined ? 1 : (before - ages[i]!) / 1000);
    }, 0);
  };
  const endMs = performance.now() + 30_000;
  while (await told() < 15 && performance.now() < endMs) {
    await new Promise((r) => setTimeout(r, 50));
  }
  const sum = await told();
  assert.ok(sum > 15 && sum < 25, String(sum));
  const { json } = await rig.ask("/api/v1/history?seconds=1");
  assert.ok(json["age_ms"].length <= 2);
  const startAgain = await rig.stopAdmin();
  await startAgain();
  assert.ok(await told() > 15);
  for (const seconds of ["0", "601", "-1", "1.5", "x", "", "1e9"]) {
    const { status, json } = await rig.ask(`/api/v1/history?seconds=${seconds}`);
    assert.equal(status, 400, seconds);
    assert.equal(json.detail, `seconds is "${seconds}", expected 1 to 600`);
  }
  const { json: own } = await rig.ask("/api/v1/hosts/edge-a/h1/history");
  assert.equal(own.items.length, 1);
  assert.deepEqual([own.items[0].cluster, own.items[0].name], ["edge-a", "h1"]);
  assert.ok(Array.isArray(own.items[0]["rtt_ms"]));
  assert.equal((await rig.ask("/api/v1/hosts/edge-a/h1/history?seconds=5")).status, 400);
  assert.equal((await rig.ask("/api/v1/hosts/edge-a/h2/history")).status, 404);
  assert.equal((await rig.ask("/api/v1/hosts/edge-b/h1/history")).status, 404);
  assert.equal((await rig.ask("/api/v1/history?second=1")).status, 400);
  assert.equal((await rig.ask("/api/v1/history?seconds=1&seconds=2")).status, 400);
  assert.equal((await rig.ask("/api/v1/history", {})).status, 405);
});
