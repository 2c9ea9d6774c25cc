import assert from "node:assert/strict";
import { openPermit } from "../../lib/auth/permit.ts";
import { Registry } from "../../lib/server/registry.ts";
import type { Registration } from "../../lib/server/registry.ts";
import { NO_SLOW_START } from "../../lib/server/slow_start.ts";
import { FakeConnection } from "./fake_connection.ts";

function registry(clusters: string[] = [], isOpen = true): Registry {
  return new Registry({ clusters, isOpen, slowStart: NO_SLOW_START, onChange: () => {} });
}

function registration(init: {
  hostName?: string;
  agentId?: string;
  weight?: number;
  cluster?: string;
  remoteAddress?: string;
}): Registration {
  const { agentId } = init;
  return {
    info: {
      type: "initInfo",
      clusterName: init.cluster ?? "c",
      weight: init.weight ?? 10,
      hostName: init.hostName ?? "h",
      credentialPolicy: "",
      credential: "",
      ...(agentId !== undefined && {
        hello: { version: 1, modes: ["mux"], agentId, connectionId: 1 },
      }),
    },
    permit: openPermit(""),
    remoteAddress: init.remoteAddress ?? "10.0.0.7:1",
  };
}

Deno.test("an agent's connections are one host, another agent of its name shares the work", () => {
  const all = registry();
  const connections = [1, 2, 3].map(() => new FakeConnection());
  const first = all.hostFor(registration({ agentId: "1" }), 0);
  all.add(first, connections[0]!);
  assert.equal(all.hostFor(registration({ agentId: "1" }), 0), first);
  all.add(first, connections[1]!);
  const other = all.hostFor(registration({ agentId: "2" }), 0);
  assert.notEqual(other, first);
  all.add(other, connections[2]!);
  assert.equal(all.hostCount, 2);
  assert.equal(all.remove(first, connections[0]!), false);
  assert.equal(all.remove(first, connections[1]!), true);
  assert.equal(all.hostCount, 1);
});

Deno.test("a new connection makes older ones of its host's name prove that they are alive", () => {
  const all = registry();
  const [mine, namesake, stranger, fresh] = [1, 2, 3, 4].map(() => new FakeConnection());
  all.add(all.hostFor(registration({ agentId: "1" }), 0), mine!);
  all.add(all.hostFor(registration({ agentId: "9", hostName: "other" }), 0), stranger!);
  all.add(all.hostFor(registration({ agentId: "2" }), 0), namesake!);
  assert.deepEqual([mine!.doubts, namesake!.doubts, stranger!.doubts], [1, 0, 0]);
  all.add(all.hostFor(registration({ agentId: "1" }), 0), fresh!);
  assert.deepEqual([mine!.doubts, namesake!.doubts, fresh!.doubts], [2, 0, 0]);
});

Deno.test("the weight that an agent declares anew counts, one said again undoes nothing", () => {
  const all = registry();
  const host = all.hostFor(registration({ agentId: "1", weight: 10 }), 0);
  all.add(host, new FakeConnection());
  host.weight = 0;
  all.hostFor(registration({ agentId: "1", weight: 10 }), 0);
  assert.equal(host.weight, 0);
  all.hostFor(registration({ agentId: "1", weight: 40 }), 0);
  assert.equal(host.weight, 40);
});

Deno.test("a cluster is there once a host is, and stays a while when its last one has left", () => {
  const all = registry(["declared"]);
  all.hostFor(registration({ agentId: "1", cluster: "never" }), 0);
  assert.deepEqual([...all.clusters.keys()], ["declared"]);
  for (let i = 0; i < 1500; i++) {
    const host = all.hostFor(registration({ agentId: "1", cluster: `c${i}` }), 0);
    const connection = new FakeConnection();
    all.add(host, connection);
    assert.equal(all.remove(host, connection), true);
  }
  assert.equal(all.clusters.size, 1001);
  assert.ok(all.clusters.has("declared") && all.clusters.has("c1499") && !all.clusters.has("c0"));
  // One that comes back is no longer among those to be forgotten.
  const back = all.hostFor(registration({ agentId: "1", cluster: "c500" }), 0);
  all.add(back, new FakeConnection());
  for (let i = 0; i < 1500; i++) {
    const host = all.hostFor(registration({ agentId: "1", cluster: `d${i}` }), 0);
    const connection = new FakeConnection();
    all.add(host, connection);
    all.remove(host, connection);
  }
  assert.ok(all.clusters.has("c500"));
});

Deno.test("only declared clusters take agents unless any may", () => {
  assert.equal(registry(["a"], false).allows("a"), true);
  assert.equal(registry(["a"], false).allows("b"), false);
  assert.equal(registry(["a"], true).allows("b"), true);
});
