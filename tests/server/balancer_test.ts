import assert from "node:assert/strict";
import { openPermit } from "../../lib/auth/permit.ts";
import fc from "fast-check";
import { pickHost } from "../../lib/server/balancer.ts";
import { DEFAULT_HEALTH, Host } from "../../lib/server/host.ts";
import { FakeConnection } from "./fake_connection.ts";

function makeHost(name: string, weight: number, slowStartMs = 0): Host {
  const host = new Host({
    id: `${name}/id`,
    cluster: "c",
    hostName: name,
    givenName: "",
    permit: openPermit(""),
    weight,
    nowMs: 0,
    slowStartMs,
  });
  host.connections.push(new FakeConnection());
  return host;
}

function connectionOf(host: Host): FakeConnection {
  return host.connections[0] as FakeConnection;
}

/** Sends `total` requests with `concurrency` under way; those under way longest end first. */
function share(hosts: Host[], total: number, concurrency: number): Map<Host, number> {
  const counts = new Map(hosts.map((host) => [host, 0]));
  const underWay: Host[] = [];
  for (let i = 0; i < total; i++) {
    if (underWay.length === concurrency) connectionOf(underWay.shift()!).inFlight -= 1;
    const host = pickHost(hosts, { nowMs: 0 })!;
    connectionOf(host).inFlight += 1;
    counts.set(host, counts.get(host)! + 1);
    underWay.push(host);
  }
  return counts;
}

for (const concurrency of [1, 50]) {
  Deno.test(`weights 1 and 3 share 10,000 requests 1:3 at concurrency ${concurrency}`, () => {
    const hosts = [makeHost("a", 1), makeHost("b", 3)];
    const counts = share(hosts, 10_000, concurrency);
    assert.ok(Math.abs(counts.get(hosts[0]!)! - 2500) <= 75, `${counts.get(hosts[0]!)}`);
  });
}

Deno.test("a host that does not finish its requests loses its turns", () => {
  const slow = makeHost("slow", 10);
  const quick = makeHost("quick", 10);
  let toSlow = 0;
  for (let i = 0; i < 1000; i++) {
    const host = pickHost([slow, quick], { nowMs: 0 })!;
    if (host === slow) {
      connectionOf(slow).inFlight += 1;
      toSlow += 1;
    }
  }
  // (n + 1) / 2 * 1.5 + 4 is where the slack ends.
  assert.ok(toSlow <= 20, `${toSlow} of 1000 went to the host that answers nothing`);
});

Deno.test("no host is chosen that is drained, of weight 0, excluded or without a connection", () => {
  const kinds = fc.constantFrom("good", "draining", "zero", "excluded", "cut");
  fc.assert(fc.property(fc.array(kinds, { maxLength: 12 }), (list) => {
    const excluded = new Set<string>();
    const hosts = list.map((kind, index) => {
      const host = makeHost(`h${index}`, 5);
      if (kind === "draining") host.isDraining = true;
      if (kind === "zero") host.weight = 0;
      if (kind === "excluded") excluded.add(host.id);
      if (kind === "cut") connectionOf(host).isAvailable = false;
      return host;
    });
    for (let i = 0; i < 20; i++) {
      const host = pickHost(hosts, { nowMs: 0, excluded, hashKey: i % 2 ? `k${i}` : undefined });
      if (list.includes("good")) assert.equal(list[hosts.indexOf(host!)], "good");
      else assert.equal(host, undefined);
    }
  }));
});

Deno.test("a host whose opens fail is ejected, returns, and starts slowly", () => {
  const bad = makeHost("bad", 10);
  const good = makeHost("good", 10);
  const failures = [1, 2, 3].map(() => bad.failed(1000, DEFAULT_HEALTH, 10_000));
  assert.deepEqual(failures, [false, false, true]);
  for (let i = 0; i < 50; i++) assert.equal(pickHost([bad, good], { nowMs: 1500 }), good);
  assert.equal(bad.isEjected(2000), false);
  assert.equal(bad.weightAt(2000), 1, "a tenth of its weight at first");
  assert.equal(bad.weightAt(7000), 5, "half after half of the slow start");
  assert.equal(bad.weightAt(12_000), 10);
});

Deno.test("each ejection in a row is twice as long, up to the cap", () => {
  const host = makeHost("h", 10);
  let nowMs = 0;
  const lengths: number[] = [];
  for (let i = 0; i < 7; i++) {
    while (!host.failed(nowMs, DEFAULT_HEALTH, 0));
    const startMs = nowMs;
    while (host.isEjected(nowMs)) nowMs += 500;
    lengths.push(nowMs - startMs);
  }
  assert.deepEqual(lengths, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

Deno.test("with every host ejected one is tried all the same", () => {
  const host = makeHost("only", 10);
  while (!host.failed(0, DEFAULT_HEALTH, 0));
  assert.equal(pickHost([host], { nowMs: 1 }), host);
});

Deno.test("a hash key keeps its host; a host that leaves moves only its own keys", () => {
  const hosts = [makeHost("a", 10), makeHost("b", 10), makeHost("c", 10)];
  const keys = Array.from({ length: 3000 }, (_, i) => `client-${i}`);
  const before = new Map(keys.map((key) => [key, pickHost(hosts, { nowMs: 0, hashKey: key })!]));
  for (const host of hosts) {
    const count = [...before.values()].filter((chosen) => chosen === host).length;
    assert.ok(Math.abs(count - 1000) < 150, `${host.hostName} got ${count} of 3000`);
  }
  const left = hosts.slice(0, 2);
  for (const key of keys) {
    const host = before.get(key)!;
    if (host !== hosts[2]) assert.equal(pickHost(left, { nowMs: 0, hashKey: key }), host);
  }
});

Deno.test("a wanted host name is the only choice", () => {
  const hosts = [makeHost("a", 1), makeHost("b", 100)];
  assert.equal(pickHost(hosts, { nowMs: 0, hostName: "a" }), hosts[0]);
  assert.equal(pickHost(hosts, { nowMs: 0, hostName: "z" }), undefined);
});

Deno.test("a host that is silent when asked for life comes last", () => {
  const silent = makeHost("silent", 10);
  const other = makeHost("other", 10);
  connectionOf(silent).isInDoubt = true;
  for (let i = 0; i < 20; i++) assert.equal(pickHost([silent, other], { nowMs: 0 }), other);
  assert.equal(pickHost([silent], { nowMs: 0 }), silent);
  const second = new FakeConnection();
  second.inFlight = 5;
  silent.connections.push(second);
  assert.equal(silent.connectionFor(""), second, "the busier one that is alive");
});

Deno.test("a raw connection serves the default target and no other", () => {
  const raw = makeHost("raw", 10);
  connectionOf(raw).mode = "raw";
  const mux = makeHost("mux", 10);
  for (let i = 0; i < 20; i++) {
    assert.equal(pickHost([raw, mux], { nowMs: 0, target: "ssh" }), mux);
  }
  assert.equal(pickHost([raw], { nowMs: 0, target: "ssh" }), undefined);
  assert.equal(pickHost([raw], { nowMs: 0 }), raw);
});
