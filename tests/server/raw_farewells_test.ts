import assert from "node:assert/strict";
import { openPermit } from "../../lib/auth/permit.ts";
import type { Host } from "../../lib/server/host.ts";
import { RawFarewells } from "../../lib/server/raw_farewells.ts";
import { Registry } from "../../lib/server/registry.ts";
import { ServerStats } from "../../lib/server/stats.ts";
import { NO_SLOW_START } from "../../lib/server/slow_start.ts";
import { TimerWheel } from "../../lib/timer.ts";
import { testRuntime } from "../agent/support.ts";
import { FakeConnection } from "./fake_connection.ts";

class World {
  nowMs = 0;
  readonly timers = new TimerWheel(50, () => this.nowMs);
  readonly stats = new ServerStats();
  readonly registry = new Registry({
    clusters: [],
    isOpen: true,
    slowStart: NO_SLOW_START,
    onChange: () => {},
  });
  readonly farewells = new RawFarewells(
    this.registry,
    { ...testRuntime(), timers: this.timers, nowMs: () => this.nowMs },
    this.stats,
  );

  host(remoteAddress: string, cluster = "c"): Host {
    const info = {
      type: "initInfo",
      clusterName: cluster,
      weight: 10,
      hostName: "",
      credentialPolicy: "",
      credential: "",
    } as const;
    const host = this.registry.hostFor({ info, permit: openPermit(""), remoteAddress }, 0);
    const connection = new FakeConnection();
    connection.mode = "raw";
    connection.remoteAddress = remoteAddress;
    this.registry.add(host, connection);
    return host;
  }

  take(ip: string, addresses: string[], clusterName = "c"): void {
    this.farewells.take({ type: "gracefulClose", addresses, clusterName }, ip);
  }
}

Deno.test("a farewell counts for its sender's address and cluster alone", () => {
  const world = new World();
  const here = world.host("10.0.0.7:1");
  const elsewhere = world.host("10.0.0.8:1");
  const otherCluster = world.host("10.0.0.7:2", "d");
  let news = 0;
  world.registry.onNews = () => news += 1;
  world.take("10.9.9.9", ["10.0.0.7:1"]);
  assert.equal(world.stats.gracefulClosesIgnored, 1);
  assert.equal(here.isDraining, false);
  assert.equal(news, 0);
  world.take("10.0.0.7", ["10.0.0.7:1", "10.0.0.8:1", "10.0.0.7:2"]);
  assert.deepEqual([here, elsewhere, otherCluster].map((host) => host.isDraining), [
    true,
    false,
    false,
  ]);
  assert.equal(world.stats.gracefulCloses, 1);
  // Who watches is told at once.
  assert.equal(news, 1);
  world.farewells.close();
});

Deno.test("behind NAT the ports tell the agents of one address apart, else all are meant", () => {
  const world = new World();
  const hosts = [world.host("192.0.2.1:5001"), world.host("192.0.2.1:5002")];
  world.take("192.0.2.1", ["10.0.0.7:5002"]);
  assert.deepEqual(hosts.map((host) => host.isDraining), [false, true]);
  world.take("192.0.2.1", ["10.0.0.7:1", "10.0.0.7:2"]);
  assert.deepEqual(hosts.map((host) => host.isDraining), [true, true]);
  world.farewells.close();
});

Deno.test("a host that did not leave after a farewell gets work again", () => {
  const world = new World();
  const [stays, leaves] = [world.host("192.0.2.1:1"), world.host("192.0.2.1:2")];
  world.take("192.0.2.1", ["10.0.0.7:99"]);
  assert.deepEqual([stays!.isUsable, leaves!.isUsable], [false, false]);
  world.registry.remove(leaves!, leaves!.connections[0]!);
  world.nowMs = 61_000;
  world.timers.advance();
  assert.equal(stays!.isUsable, true);
  assert.equal(world.timers.size, 0);
});
