import assert from "node:assert/strict";
import { openPermit } from "../../lib/auth/permit.ts";
import { ConfigError } from "../../lib/errors.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import type { HostConnection } from "../../lib/server/host.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { Registry } from "../../lib/server/registry.ts";
import { serverConfig } from "../../lib/server/config.ts";
import { startServer } from "../../lib/server/server.ts";
import { ServerUpstreams } from "../../lib/server/server_upstreams.ts";
import { ServerStats } from "../../lib/server/stats.ts";
import { NO_SLOW_START } from "../../lib/server/slow_start.ts";
import { UpstreamError } from "../../lib/upstream.ts";
import type { Upstream, UpstreamRequest } from "../../lib/upstream.ts";
import { testRuntime } from "../agent/support.ts";
import { FakeConnection } from "./fake_connection.ts";

/** A raw connection: one request at a time, in the order in which they were let in. */
class OneByOne extends FakeConnection {
  override mode = "raw" as const;
  readonly served: string[] = [];
  tries = 0;

  override open(request: UpstreamRequest): Upstream {
    this.isAvailable = false;
    this.served.push(request.hashKey!);
    return {
      duplex: memoryPair()[0],
      cluster: "c",
      hostId: "h",
      hostName: "h",
      rttMs: 0,
      isReused: false,
      release: () => {},
    };
  }

  override serves(target: string): boolean {
    this.tries += 1;
    return target === "";
  }
}

function upstreamsWorld(options: { maxWaiting?: number; isOutOfMemory?: () => boolean } = {}) {
  const runtime = testRuntime();
  const registry: Registry = new Registry({
    clusters: ["c"],
    isOpen: false,
    slowStart: NO_SLOW_START,
    onChange: (cluster) => upstreams.served(cluster),
  });
  const upstreams = new ServerUpstreams({
    registry,
    runtime,
    stats: new ServerStats(),
    maxWaiting: options.maxWaiting ?? 1000,
    maxWaitingBytes: 1 << 20,
    isOutOfMemory: options.isOutOfMemory ?? (() => false),
  });
  const join = (connection: HostConnection) => {
    const info = {
      type: "initInfo",
      clusterName: "c",
      weight: 1,
      hostName: "",
      credentialPolicy: "",
      credential: "",
    } as const;
    const registration = { info, permit: openPermit(""), remoteAddress: "10.0.0.7:1" };
    registry.add(registry.hostFor(registration, 0), connection);
  };
  const ask = (name: string): Promise<Upstream> => {
    const request: UpstreamRequest = {
      cluster: "c",
      target: "",
      protocol: "http",
      hashKey: name,
      waitMs: 5000,
    };
    return Promise.resolve().then(() => upstreams.acquire(request));
  };
  return { runtime, registry, upstreams, join, ask };
}

Deno.test("requests wait for a busy raw connection in their order, each gets it alone", async () => {
  const world = upstreamsWorld();
  const connection = new OneByOne();
  world.join(connection);
  const asked = ["a", "b", "c"].map((name) => world.ask(name));
  await asked[0];
  for (const [index, expected] of ["a", "b", "c"].entries()) {
    assert.deepEqual(connection.served.slice(index), [expected]);
    connection.isAvailable = true;
    world.registry.capacityChanged("c");
  }
  await Promise.all(asked);
  assert.equal(world.runtime.timers.size, 0);
  world.runtime[Symbol.dispose]();
});

Deno.test("a queue is bounded, and passing it costs no more than those that are served", async () => {
  const world = upstreamsWorld({ maxWaiting: 100 });
  const connection = new OneByOne();
  connection.isAvailable = false;
  world.join(connection);
  const asked = Array.from({ length: 100 }, (_, index) => world.ask(`${index}`));
  const surplus = await world.ask("surplus").then(() => undefined, (error) => error);
  assert.ok(surplus instanceof UpstreamError && surplus.failure === "overloaded");
  connection.isAvailable = true;
  connection.tries = 0;
  world.registry.capacityChanged("c");
  assert.deepEqual(connection.served, ["0"]);
  assert.ok(connection.tries < 10, `${connection.tries} tries for one free connection`);
  world.upstreams.close();
  const failures = (await Promise.allSettled(asked)).filter(({ status }) => status === "rejected");
  assert.equal(failures.length, 99);
  world.runtime[Symbol.dispose]();
});

Deno.test("a named target is not asked of MOSN agents, and the failure says so", () => {
  const world = upstreamsWorld();
  world.join(new OneByOne());
  const request: UpstreamRequest = { cluster: "c", target: "ssh", protocol: "tcp", waitMs: 0 };
  assert.throws(() => world.upstreams.acquire(request), (error) => {
    return error instanceof UpstreamError && /MOSN agents.* no target "ssh"/.test(error.message);
  });
  world.runtime[Symbol.dispose]();
});

Deno.test("no stream is opened while clients that do not read hold too much", async () => {
  let isOutOfMemory = true;
  const world = upstreamsWorld({ isOutOfMemory: () => isOutOfMemory });
  world.join(new OneByOne());
  const error = await world.ask("a").then(() => undefined, (reason) => reason);
  assert.ok(error instanceof UpstreamError && error.failure === "overloaded", String(error));
  isOutOfMemory = false;
  await world.ask("a");
  world.runtime[Symbol.dispose]();
});

Deno.test("a frontend's cluster is declared by it, unless the configuration names others only", async () => {
  using runtime = testRuntime();
  const frontends = [parseListenSpec("tcp://127.0.0.1:0/edge-a")];
  const closed = { frontends, clusters: ["edge-b"], isOpenToClusters: false };
  await assert.rejects(() => startServer(serverConfig(closed), runtime, "x"), (error) => {
    return error instanceof ConfigError && /edge-a/.test(error.message);
  });
  for (const settings of [{ frontends }, { ...closed, isOpenToClusters: true }]) {
    const server = await startServer(serverConfig(settings), runtime, "x");
    assert.ok(server.registry.clusters.get("edge-a")?.isDeclared);
    await server.close(0);
  }
});
