import assert from "node:assert/strict";
import { pickHost } from "../../lib/server/balancer.ts";
import type { Host } from "../../lib/server/host.ts";
import { Registry } from "../../lib/server/registry.ts";
import { NO_SLOW_START, parseClusterTime, slowStartMs } from "../../lib/server/slow_start.ts";
import { openPermit } from "../../lib/auth/permit.ts";
import { FakeConnection } from "./fake_connection.ts";

function join(registry: Registry, cluster: string, hostName: string, nowMs: number): Host {
  const host = registry.hostFor({
    info: {
      type: "initInfo",
      clusterName: cluster,
      hostName,
      weight: 10,
      credential: "",
      credentialPolicy: "",
    },
    permit: openPermit(""),
    remoteAddress: hostName,
  }, nowMs);
  registry.add(host, new FakeConnection());
  return host;
}

Deno.test("new hosts start slowly, each cluster's in its own time", () => {
  const registry = new Registry({
    clusters: [],
    isOpen: true,
    slowStart: { defaultMs: 10_000, byCluster: new Map([["slow", 60_000], ["none", 0]]) },
    onChange() {},
  });
  const shares = (cluster: string, nowMs: number) => {
    const hosts = ["old", "new"].map((name) =>
      join(registry, cluster, name, name === "old" ? -1e9 : 0)
    );
    const counts = new Map<Host, number>();
    for (let i = 0; i < 1100; i++) {
      const host = pickHost(hosts, { nowMs })!;
      counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    return (counts.get(hosts[1]!) ?? 0) / 1100;
  };
  const near = (share: number, expected: number) =>
    assert.ok(Math.abs(share - expected) < 0.05, `${share}, expected ${expected}`);
  near(shares("default", 5000), 1 / 3);
  near(shares("slow", 6000), 1 / 11);
  near(shares("slow", 60_000), 1 / 2);
  near(shares("none", 0), 1 / 2);
});

Deno.test("parseClusterTime() reads a cluster and its time, and says what is wrong", () => {
  assert.deepEqual(parseClusterTime("edge-a=1m30s"), ["edge-a", 90_000]);
  assert.deepEqual(parseClusterTime("edge-a=0"), ["edge-a", 0]);
  for (
    const [text, message] of [
      ["edge-a", /has no time, expected CLUSTER=TIME/],
      ["=3s", /name/],
      ["a b=3s", /name/],
      ["edge-a=3", /did you mean 3s/],
      ["edge-a=", /is not a duration/],
    ] as const
  ) assert.throws(() => parseClusterTime(text), message, text);
  assert.equal(slowStartMs(NO_SLOW_START, "edge-a"), 0);
});
