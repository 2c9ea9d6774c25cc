import assert from "node:assert/strict";
import { adminRig } from "./rig.ts";
import type { Json } from "./rig.ts";

Deno.test("the admin API shows status, clusters, hosts and connections, paged", async () => {
  await using rig = await adminRig();
  for (const name of ["h3", "h1", "h2"]) await rig.join(name);
  await rig.join("x", "edge-b");
  const answer = await fetch(rig.frontendUrl, { headers: { "x-revtun-cluster": "edge-b" } });
  assert.equal(answer.status, 200);
  await answer.body?.cancel();

  const status = (await rig.ask("/api/v1/status")).json;
  assert.deepEqual([status.clusters, status.hosts, status.connections], [2, 4, 4]);
  assert.equal(status.requests, 1);

  const clusters = (await rig.ask("/api/v1/clusters")).json;
  assert.deepEqual(
    clusters.items.map(({ name, hosts }: { name: string; hosts: number }) => [
      name,
      hosts,
    ]),
    [["edge-a", 3], ["edge-b", 1]],
  );

  const first = (await rig.ask("/api/v1/hosts?cluster=edge-a&limit=2")).json;
  assert.equal(first.total, 3);
  const second =
    (await rig.ask(`/api/v1/hosts?cluster=edge-a&limit=2&after=${encodeURIComponent(first.next)}`))
      .json;
  assert.equal(second.next, null);
  const names = [...first.items, ...second.items].map(({ name }) => name);
  assert.deepEqual(names, ["h1", "h2", "h3"]);
  const [x] = (await rig.ask("/api/v1/hosts/edge-b/x")).json.items;
  assert.equal(x.state, "active");
  assert.equal(x.requests, 1);
  assert.equal(x.connections.length, 1);
  assert.ok(x.sent_bytes > 0);
  assert.ok(Math.abs(Date.parse(x.since) - Date.now()) < 60_000);

  const connections = (await rig.ask("/api/v1/connections")).json;
  assert.deepEqual(connections.items.map(({ id }: { id: number }) => id), [1, 2, 3, 4]);
});

Deno.test("an operator drains a host, weighs it and cuts it off, and it stays so on return", async () => {
  await using rig = await adminRig();
  await rig.join("h1");
  const host = "/api/v1/hosts/edge-a/h1";

  const drained = await rig.ask(`${host}/drain`, {});
  assert.equal(drained.status, 200);
  assert.deepEqual(
    drained.json.items.map((item: Record<string, unknown>) => [
      item["state"],
      item["drained_by_operator"],
    ]),
    [["draining", true]],
  );
  const refused = await fetch(rig.frontendUrl);
  assert.equal(refused.status, 503);
  await refused.body?.cancel();
  // Whoever asks again finds it done.
  const again = await rig.ask(`${host}/drain`, {});
  assert.deepEqual([again.status, again.json.items[0].drained_by_operator], [200, true]);

  const cut = await rig.ask(`${host}/disconnect`, {});
  assert.deepEqual(cut.json, { closed_connections: 1 });
  await rig.until(() => rig.server.departures.timesOf("edge-a", "h1") === 1);
  await rig.until(() => rig.server.registry.hostCount === 1);
  const [back] = (await rig.ask(host)).json.items;
  assert.equal(back.state, "draining");
  assert.equal(back.times_left, 1);

  assert.equal((await rig.ask(`${host}/undrain`, {})).json.items[0].state, "active");
  assert.equal((await rig.ask(`${host}/undrain`, {})).json.items[0].state, "active");

  const weighed = await rig.ask(`${host}/weight`, { weight: 0 });
  assert.deepEqual([weighed.json.items[0].weight, weighed.json.items[0].state], [0, "draining"]);
  const own = await rig.ask(`${host}/weight`, { weight: null });
  assert.deepEqual([own.json.items[0].weight, own.json.items[0].weight_by_operator], [10, null]);

  const names = rig.events.latest(100).map(({ event }) => event)
    .filter((name) => name.startsWith("host."));
  const [drain, disconnect, undrain] = ["host.drained", "host.disconnected", "host.undrained"];
  assert.deepEqual(names, [drain, disconnect, undrain, "host.weighed", "host.weighed"]);
});

Deno.test("a host that left stays listed with when, why and how often", async () => {
  await using rig = await adminRig();
  const agent = await rig.join("h1");
  assert.deepEqual((await rig.ask("/api/v1/away")).json.items, []);
  await agent.close();
  await rig.until(() => rig.server.registry.hostCount === 0);
  const { items, total } = (await rig.ask("/api/v1/away")).json;
  assert.equal(total, 1);
  assert.equal(items[0].name, "h1");
  assert.equal(items[0].reason, "drained");
  assert.equal(items[0].times_left, 1);
});

Deno.test("what an operator sets for a host that is away counts when it is back", async () => {
  await using rig = await adminRig();
  const agent = await rig.join("h1");
  await rig.join("h2");
  const host = "/api/v1/hosts/edge-a/h1";
  await agent.close();
  await rig.until(() => rig.server.registry.hostCount === 1);
  assert.deepEqual((await rig.ask(`${host}/drain`, {})).json, { items: [] });
  assert.deepEqual((await rig.ask(`${host}/weight`, { weight: 30 })).json, { items: [] });
  const [away] = (await rig.ask("/api/v1/away")).json.items;
  assert.deepEqual([away.drained_by_operator, away.weight_by_operator], [true, 30]);
  assert.match((await rig.ask(host)).json.detail, /Host "h1" of cluster "edge-a" is away/);
  assert.match((await rig.ask(`${host}/disconnect`, {})).json.detail, /is away/);

  await rig.join("h1");
  const [back] = (await rig.ask(host)).json.items;
  assert.deepEqual([back.state, back.weight], ["draining", 30]);
  assert.match(
    (await rig.ask("/api/v1/hosts/edge-a/h3/drain", {})).json.detail,
    /no host "h3" connected now, did you mean h[12]\?/,
  );
});

Deno.test("a drain that is the agent's own is not taken back by an operator", async () => {
  await using rig = await adminRig();
  await rig.join("h1");
  const [host] = rig.server.registry.clusters.get("edge-a")!.hosts.values();
  host!.isDraining = true;
  const { status, json } = await rig.ask("/api/v1/hosts/edge-a/h1/undrain", {});
  assert.equal(status, 409);
  assert.match(json.detail, /its agent that drains/);
});

Deno.test("hosts that are away are paged, each once, while others leave and return", async () => {
  await using rig = await adminRig();
  const { departures } = rig.server;
  const leave = (hostName: string) =>
    departures.left({
      cluster: "edge-a",
      hostName,
      remoteAddress: "10.0.0.7:5000",
      lastSeenMs: 1000,
      reason: "reset",
    });
  for (let n = 0; n < 10; n++) leave(`h${n}`);
  const seen: string[] = [];
  let path: string | undefined = "/api/v1/away?limit=3";
  while (path !== undefined) {
    const { items, next }: Json = (await rig.ask(path)).json;
    seen.push(...items.map(({ name }: { name: string }) => name));
    path = next === null ? undefined : `/api/v1/away?limit=3&after=${encodeURIComponent(next)}`;
    // One that was shown returns, another leaves for the first time.
    departures.joined("edge-a", seen.at(-3)!);
    leave(`late-${seen.length}`);
  }
  assert.deepEqual(seen, ["h9", "h8", "h7", "h6", "h5", "h4", "h3", "h2", "h1", "h0"]);
});

const BAD: [title: string, path: string, body: unknown, status: number, detail: RegExp][] = [
  ["an unknown path", "/api/v1/host", undefined, 404, /did you mean \/api\/v1\/hosts\?/],
  ["an unknown host", "/api/v1/hosts/edge-a/nobody", undefined, 404, /has no host "nobody"/],
  ["an unknown cluster", "/api/v1/hosts/nowhere/h1/drain", {}, 404, /no cluster "nowhere"/],
  ["an unknown parameter", "/api/v1/hosts?clutser=a", undefined, 400, /did you mean cluster\?/],
  ["a parameter given twice", "/api/v1/hosts?limit=1&limit=2", undefined, 400, /more than once/],
  ["a limit that is none", "/api/v1/hosts?limit=0", undefined, 400, /expected 1 to 1000/],
  ["a wrong method", "/api/v1/status", {}, 405, /expected GET, HEAD/],
  ["GET where something changes", "/api/v1/hosts/edge-a/h1/drain", undefined, 405, /expected POST/],
  [
    "a weight out of range",
    "/api/v1/hosts/edge-a/h1/weight",
    { weight: 10_001 },
    422,
    /0 to 10000/,
  ],
  ["a weight that is no number", "/api/v1/hosts/edge-a/h1/weight", { weight: "3" }, 422, /number/],
  ["a missing field", "/api/v1/hosts/edge-a/h1/weight", {}, 422, /"weight" is missing/],
  ["a misspelt field", "/api/v1/hosts/edge-a/h1/weight", { wieght: 1 }, 422, /mean weight\?/],
  [
    "a field where none is wanted",
    "/api/v1/hosts/edge-a/h1/drain",
    { force: true },
    422,
    /"force"/,
  ],
  [
    "a large body where none is wanted",
    "/api/v1/hosts/edge-a/h1/drain",
    { x: "x".repeat(20_000) },
    413,
    /16384/,
  ],
  ["a client that is none", "/api/v1/explain?url=http://x/&client=me", undefined, 400, /an IP/],
  ["a body that is a list", "/api/v1/log-level", [], 400, /JSON object/],
  ["an unknown level", "/api/v1/log-level", { level: "loud" }, 422, /debug, info, warn, error/],
  ["a body that is too large", "/api/v1/log-level", { level: "x".repeat(20_000) }, 413, /16384/],
  ["text that is not encoded", "/api/v1/hosts/edge-a/%ff", undefined, 400, /percent-encoded/],
];

Deno.test("the admin API refuses what it cannot do with a problem and its reason", async (t) => {
  await using rig = await adminRig();
  await rig.join("h1");
  for (const [title, path, body, status, detail] of BAD) {
    await t.step(title, async () => {
      const answer = await rig.ask(path, body);
      assert.equal(answer.status, status);
      assert.equal(answer.json.status, status);
      assert.match(answer.json.detail, detail);
    });
  }
  await t.step("a body that is not JSON", async () => {
    const init = { method: "POST", body: "{", headers: { "content-type": "application/json" } };
    assert.equal((await rig.ask("/api/v1/log-level", undefined, init)).status, 400);
  });
  await t.step("a form, as another site's page could send it", async () => {
    const init = { method: "POST", body: "level=debug" };
    assert.equal((await rig.ask("/api/v1/log-level", undefined, init)).status, 415);
  });
  await t.step("a form where no body is wanted", async () => {
    const init = { method: "POST", body: "force=true" };
    assert.equal((await rig.ask("/api/v1/hosts/edge-a/h1/drain", undefined, init)).status, 415);
  });
  await t.step("none of it changed anything", async () => {
    const [host] = (await rig.ask("/api/v1/hosts/edge-a/h1")).json.items;
    assert.equal(host.drained_by_operator, false);
  });
  assert.equal((await rig.ask("/healthz")).status, 200);
  assert.equal(
    (await rig.ask("/api/v1/hosts/edge-a/h1/drain", undefined, { method: "POST" })).status,
    200,
  );
});

Deno.test("the log's level is changed by the admin API", async () => {
  await using rig = await adminRig();
  assert.deepEqual((await rig.ask("/api/v1/log-level")).json, { level: "info" });
  assert.deepEqual((await rig.ask("/api/v1/log-level", { level: "debug" })).json, {
    level: "debug",
  });
  assert.equal(rig.source.logLevel, "debug");
});

Deno.test("/readyz says when the server stops", async () => {
  await using rig = await adminRig();
  assert.equal((await rig.ask("/readyz")).json.status, "ready");
  await rig.server.close(0);
  assert.equal((await rig.ask("/readyz")).status, 503);
  assert.equal((await rig.ask("/healthz")).status, 200);
});
