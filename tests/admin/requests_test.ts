import assert from "node:assert/strict";
import { RecentRequests, RECORDING_MS } from "../../lib/server/recent_requests.ts";
import { WatchedRequest } from "../../lib/http/watched_request.ts";
import { adminRig } from "./rig.ts";
import type { Json } from "./rig.ts";

Deno.test("/api/v1/requests has the requests since a first look, with the time of each hop", async () => {
  await using rig = await adminRig();
  await rig.join("h1");
  const ask = async (path: string, cluster: string) => {
    const response = await fetch(`${rig.frontendUrl}${path}`, {
      headers: { "x-revtun-cluster": cluster },
    });
    await response.body?.cancel();
  };
  await ask("/unseen", "edge-a");
  assert.equal(rig.server.watch.isOn, false);
  const first = (await rig.ask("/api/v1/requests")).json;
  assert.deepEqual(first, { items: [], last_id: 0, recording_ms: 60_000 });
  assert.equal(rig.server.watch.isOn, true);
  await ask("/seen?x=1", "edge-a");
  await ask("/lost", "nowhere");
  await rig.until(() => rig.server.recent.lastId === 2);
  const { items, last_id: lastId } = (await rig.ask("/api/v1/requests")).json;
  assert.equal(lastId, 2);
  assert.deepEqual(
    items.map(({ method, path, status, error, cluster, host }: Json) => [
      ...[method, path, status, error, cluster, host],
    ]),
    [
      ["GET", "/seen?x=1", 200, null, "edge-a", "h1"],
      ["GET", "/lost", 404, "no-cluster", "nowhere", null],
    ],
  );
  const [seen] = items;
  const hops = ["frontend_ms", "queue_ms", "tunnel_ms", "dial_ms", "first_byte_ms"];
  const sumMs = hops.reduce((sum, name) => sum + seen[name], 0);
  assert.ok(sumMs > 0 && sumMs <= seen.duration_ms + 0.01, JSON.stringify(seen));
  assert.ok(seen.response_bytes > 100);
  assert.equal((await rig.ask("/api/v1/requests?after=1")).json.items.length, 1);
  assert.equal((await rig.ask("/api/v1/requests?limit=1")).json.items[0].path, "/lost");
  assert.equal((await rig.ask("/api/v1/requests?after=x")).status, 400);
  assert.equal((await rig.ask("/api/v1/requests?limit=501")).status, 400);
});

Deno.test("RecentRequests keeps a bounded number, and nothing some time after the last look", () => {
  let nowMs = 1;
  const recent = new RecentRequests(() => nowMs);
  const request = new WatchedRequest("http://:80", false);
  request.begin(undefined, "10.0.0.1", 1, 1);
  assert.equal(recent.isOn, false);
  recent.look(0, 10);
  for (let i = 0; i < 1200; i++) recent.requestEnded(request);
  assert.equal(recent.look(0, 10_000).length, 500);
  assert.deepEqual(recent.look(1198, 10).map(({ id }) => id), [1199, 1200]);
  nowMs += RECORDING_MS - 1;
  assert.equal(recent.isOn, true);
  nowMs += 1;
  assert.equal(recent.isOn, false);
  assert.deepEqual(recent.look(0, 10), []);
});
