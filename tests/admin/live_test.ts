import assert from "node:assert/strict";
import { changesBetween, withChanges } from "../../lib/admin/live_changes.ts";
import type { Picture } from "../../lib/admin/live_changes.ts";
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

function picture(hosts: Json[], fields: Partial<Picture> = {}): Picture {
  return { ts: "t", status: { hosts: hosts.length, clients: 1 }, hosts, away: [], ...fields };
}

Deno.test("changesBetween() has what is another now, and withChanges() makes it of that", () => {
  const before = picture([
    { cluster: "c", id: "a", weight: 10, connections: [{ id: 1 }] },
    { cluster: "c", id: "b", weight: 10, connections: [] },
    { cluster: "c", id: "gone", weight: 1, connections: [] },
  ]);
  const now = picture([
    { cluster: "c", id: "a", weight: 11, connections: [{ id: 1 }] },
    { cluster: "c", id: "b", weight: 10, connections: [] },
    { cluster: "c", id: "new", weight: 2, connections: [] },
  ], { ts: "t2", away: [{ name: "gone" }] });
  const changes = changesBetween(before, now, false);
  assert.deepEqual(changes, {
    ts: "t2",
    status: {},
    changed: [
      { cluster: "c", id: "a", weight: 11 },
      { cluster: "c", id: "new", weight: 2, connections: [] },
    ],
    gone: [{ cluster: "c", id: "gone" }],
    away: [{ name: "gone" }],
  });
  assert.deepEqual(withChanges(before, JSON.parse(JSON.stringify(changes))), now);
  assert.equal("away" in changesBetween(before, now, true), false);
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
