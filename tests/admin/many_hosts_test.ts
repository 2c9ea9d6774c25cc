import assert from "node:assert/strict";
import { openPermit } from "../../lib/auth/permit.ts";
import { FakeConnection } from "../server/fake_connection.ts";
import { adminRig } from "./rig.ts";
import type { AdminRig, Json } from "./rig.ts";

const HOSTS = 2000;

/** Registers hosts that nobody runs. */
function fill({ server }: AdminRig): string[] {
  const names: string[] = [];
  for (let at = 0; at < HOSTS; at++) {
    const clusterName = `edge-${at % 7}`;
    const hostName = `h${at}`;
    const host = server.registry.hostFor({
      info: {
        type: "initInfo",
        clusterName,
        weight: 10,
        hostName,
        credentialPolicy: "",
        credential: "",
        hello: { version: 1, modes: ["mux"], agentId: `a${at}`, connectionId: 1 },
      },
      permit: openPermit(""),
      remoteAddress: "10.0.0.7:1",
    }, 0);
    const connection = new FakeConnection();
    connection.id = at + 1;
    server.registry.add(host, connection);
    names.push(`${clusterName}/${hostName}`);
  }
  return names;
}

/** All pages of a list; each but the last is full. */
async function pages(rig: AdminRig, path: string, limit: number): Promise<Json[]> {
  const items: Json[] = [];
  let after = "";
  for (;;) {
    const page = (await rig.ask(`${path}${path.includes("?") ? "&" : "?"}limit=${limit}${after}`))
      .json;
    items.push(...page.items);
    if (page.next === null) {
      assert.equal(page.total, items.length);
      return items;
    }
    assert.equal(page.items.length, limit);
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}

Deno.test("2,000 hosts are listed page by page, each once and in one order", async () => {
  await using rig = await adminRig();
  const names = fill(rig);
  const nameOf = ({ cluster, name, host }: Json) => `${cluster}/${name ?? host}`;
  for (const limit of [1000, 333]) {
    const hosts = await pages(rig, "/api/v1/hosts", limit);
    assert.deepEqual(hosts.map(nameOf).sort(), names.toSorted());
    const keys = hosts.map(({ cluster, id }) => `${cluster}/${id}`);
    assert.deepEqual(keys, keys.toSorted());
  }
  const some = await pages(rig, "/api/v1/hosts?cluster=edge-3", 100);
  assert.deepEqual(
    some.map(nameOf).sort(),
    names.filter((name) => name.startsWith("edge-3/")).sort(),
  );
  const connections = await pages(rig, "/api/v1/connections", 1000);
  assert.deepEqual(
    connections.map(({ id }) => id),
    Array.from({ length: HOSTS }, (_, at) => at + 1),
  );
  const { hosts, clusters } = (await rig.ask("/api/v1/status")).json;
  assert.deepEqual([hosts, clusters], [HOSTS, 7]);
  // A page that begins behind the last one is empty.
  assert.deepEqual((await rig.ask("/api/v1/hosts?after=zzz")).json.items, []);
});
