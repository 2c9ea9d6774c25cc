import assert from "node:assert/strict";
import { openPermit } from "../../lib/auth/permit.ts";
import type { InitInfo } from "../../lib/codec/message.ts";
import type { Host } from "../../lib/server/host.ts";
import { Registry } from "../../lib/server/registry.ts";
import { disconnect, hostsNamed, setDrained, setWeight } from "../../lib/server/steering.ts";
import { NO_SLOW_START } from "../../lib/server/slow_start.ts";
import { FakeConnection } from "./fake_connection.ts";

function registry(): { registry: Registry; changes: string[] } {
  const changes: string[] = [];
  const made = new Registry({
    clusters: [],
    isOpen: true,
    slowStart: NO_SLOW_START,
    onChange: (cluster) => changes.push(cluster.name),
  });
  return { registry: made, changes };
}

function join(registry: Registry, hostName: string, agentId = "1", weight = 10): Host {
  const info: InitInfo = {
    type: "initInfo",
    clusterName: "c",
    weight,
    hostName,
    credentialPolicy: "",
    credential: "",
    hello: { version: 1, modes: ["mux"], agentId, connectionId: 1 },
  };
  const host = registry.hostFor({ info, permit: openPermit(""), remoteAddress: "10.0.0.7:1" }, 0);
  const connection = new FakeConnection();
  connection.onClose = () => registry.remove(host, connection);
  registry.add(host, connection);
  return host;
}

Deno.test("a host that an operator drains takes no new work, also when its agent comes back", () => {
  const { registry: all, changes } = registry();
  const host = join(all, "h");
  assert.equal(host.isUsable, true);
  setDrained(all, "c", "h", true);
  assert.equal(host.isUsable, false);
  assert.equal(host.isDraining, true);
  // The agent's own word does not undo it.
  host.isDraining = false;
  assert.equal(host.isDraining, true);
  disconnect(host);
  const again = join(all, "h", "2");
  assert.notEqual(again, host);
  assert.equal(again.isUsable, false);
  changes.length = 0;
  setDrained(all, "c", "h", false);
  assert.equal(again.isUsable, true);
  // Who waits for a host is served.
  assert.deepEqual(changes, ["c"]);
  again.isDraining = true;
  setDrained(all, "c", "h", false);
  assert.equal(again.isDraining, true);
});

Deno.test("an operator's weight counts before the agent's until it is taken back", () => {
  const { registry: all } = registry();
  const host = join(all, "h", "1", 7);
  setWeight(all, "c", "h", 0);
  assert.equal(host.weight, 0);
  assert.equal(host.isUsable, false);
  host.weight = 20;
  assert.equal(host.weightAt(0), 0);
  setWeight(all, "c", "h", 3);
  assert.equal(host.weightAt(0), 3);
  setWeight(all, "c", "h", undefined);
  assert.equal(host.weight, 20);
  assert.deepEqual(all.overrides.of("c", "h"), {});
});

Deno.test("agents that share a host name are steered together", () => {
  const { registry: all } = registry();
  const hosts = [join(all, "h", "1"), join(all, "h", "2")];
  join(all, "other");
  assert.deepEqual(hostsNamed(all, "c", "h"), hosts);
  assert.deepEqual(hostsNamed(all, "c", "h/2"), [hosts[1]]);
  assert.deepEqual(hostsNamed(all, "d", "h"), []);
  setDrained(all, "c", "h", true);
  assert.deepEqual(hosts.map((host) => host.isDraining), [true, true]);
  // Named by its id, an agent's name is what counts.
  setDrained(all, "c", "h/2", false);
  assert.deepEqual(all.overrides.of("c", "h"), {});
});

Deno.test("disconnect() closes all of a host's connections, and says who did", () => {
  const { registry: all } = registry();
  const host = join(all, "h");
  const connection = host.connections[0] as FakeConnection;
  disconnect(host);
  assert.match(String(connection.closedBy), /disconnected by an operator/);
  assert.equal(all.hostCount, 0);
});
