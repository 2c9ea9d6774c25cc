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
  assert.equal((await rig.ask("/api/v1/history?second=1")).status, 400);
  assert.equal((await rig.ask("/api/v1/history?seconds=1&seconds=2")).status, 400);
  assert.equal((await rig.ask("/api/v1/history", {})).status, 405);
});
