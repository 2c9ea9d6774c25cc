import assert from "node:assert/strict";
import { adminRig } from "./rig.ts";
import type { Json } from "./rig.ts";
import { until } from "../agent/support.ts";

/** A target that answers when it is told to, and echoes what is no HTTP. */
function slowTarget() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.TcpConn[] = [];
  const done = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  return {
    port: listener.addr.port,
    connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      await done;
      for (const connection of connections) connection.close();
    },
  };
}

const ANSWER = new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");

Deno.test("/api/v1/streams shows requests and connections under way, as far as they are", async () => {
  await using target = slowTarget();
  await using rig = await adminRig({
    listen: ["127.0.0.1:0", "tcp://127.0.0.1:0/edge-a", "tcp://127.0.0.1:0/edge-b"],
    holdMs: 30_000,
  });
  await rig.join("h1", "edge-a", { target: `127.0.0.1:${target.port}` });
  const [http, tcp, held] = rig.frontendPorts;

  const request = await Deno.connect({ hostname: "127.0.0.1", port: http! });
  const bytes = "POST / HTTP/1.1\r\nhost: edge-a\r\ncontent-length: 4\r\n\r\nbody";
  await request.write(new TextEncoder().encode(bytes));
  const list = async (query = ""): Promise<Json> => (await rig.ask(`/api/v1/streams${query}`)).json;
  await until("the request is sent", async () => (await list()).items[0]?.state === "sent");
  const [sent] = (await list()).items;
  assert.deepEqual(
    [sent.protocol, sent.cluster, sent.host, sent.target, sent.to_client_bytes],
    ["http", "edge-a", "h1", "default", 0],
  );
  assert.ok(sent.to_target_bytes > bytes.length);
  assert.ok(sent.age_ms >= 0);
  assert.equal(sent.client, `127.0.0.1:${(request.localAddr as Deno.NetAddr).port}`);
  assert.equal(sent.frontend, `http://127.0.0.1:${http}`);
  await until("the target has it", () => target.connections.length === 1);
  await target.connections[0]!.write(ANSWER);
  await until("it is answering", async () => (await list()).items[0]?.state === "answering");
  assert.ok((await list()).items[0].to_client_bytes > 5);

  const client = await Deno.connect({ hostname: "127.0.0.1", port: tcp! });
  await client.write(new Uint8Array(1000));
  await until("bytes passed", async () => (await list()).items[1]?.to_target_bytes === 1000);
  const waiting = await Deno.connect({ hostname: "127.0.0.1", port: held! });
  await until("one waits", async () => (await list()).total === 3);
  const all = (await list()).items;
  assert.deepEqual(
    all.map(({ protocol, state, host }: Json) => [protocol, state, host]),
    [["http", "answering", "h1"], ["tcp", "open", "h1"], ["tcp", "waiting", null]],
  );
  assert.equal(all[1].frontend, `tcp://127.0.0.1:${tcp}/edge-a`);

  assert.equal((await list("?cluster=edge-b")).total, 1);
  assert.equal((await list("?host=h1")).total, 2);
  assert.equal((await list("?host=nobody")).total, 0);
  const first = await list("?limit=2");
  const second = await list(`?limit=2&after=${first.next}`);
  assert.deepEqual(
    [...first.items, ...second.items].map(({ id }: Json) => id),
    all.map(({ id }: Json) => id),
  );
  assert.equal(second.next, null);

  for (const connection of [request, client, waiting]) connection.close();
  for (const connection of target.connections.splice(0)) connection.close();
  // Who waits for a host is looked at when there is one, or its time is up.
  await until("the others are gone", async () => (await list()).total === 1);
});
