import assert from "node:assert/strict";
import { ListenError } from "../../lib/errors.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { echoService, frontendRig, TestClient } from "./frontend_rig.ts";

const HTTP = parseListenSpec("http://127.0.0.1:0/edge-a");
const TCP = parseListenSpec("tcp://127.0.0.1:0/edge-a");

async function echoed(client: TestClient, text: string): Promise<void> {
  await client.send(text);
  assert.equal(await client.readText(text.length), text);
}

Deno.test("FrontendSet.add() opens a frontend beside the others", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"], targets: [echo.address] });
  const added = await rig.server.frontends.add(TCP);
  assert.ok(added.kind === "tcp" && added.port > 0);
  using client = await TestClient.connect(rig.addresses[1]!);
  await echoed(client, "hello");
  assert.equal(rig.server.gauges.clients, 1);
});

Deno.test("FrontendSet.remove() lets a client's work end and nobody else in", async () => {
  await using echo = echoService();
  const listen = ["tcp://127.0.0.1:0/edge-a", "127.0.0.1:0"];
  await using rig = await frontendRig({
    listen,
    targets: [echo.address],
    server: { drainTimeoutMs: 20_000 },
  });
  const address = rig.addresses[0]!;
  const client = await TestClient.connect(address);
  await echoed(client, "before");
  const removed = rig.server.frontends.remove(TCP);
  await assert.rejects(() => TestClient.connect(address));
  await echoed(client, "after");
  client[Symbol.dispose]();
  assert.equal(await removed, true);
  assert.equal(rig.addresses.length, 1);
  assert.equal(await rig.server.frontends.remove(TCP), false);
});

Deno.test("FrontendSet.remove() closes what has not ended at its deadline", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: ["tcp://127.0.0.1:0/edge-a"],
    targets: [echo.address],
    server: { drainTimeoutMs: 1 },
  });
  using client = await TestClient.connect(rig.addresses[0]!);
  await echoed(client, "hello");
  await rig.server.frontends.remove(TCP);
  assert.equal(await client.restText(), "");
});

Deno.test("FrontendSet.replace() leaves what stays alone and swaps what has the same address", async () => {
  await using one = echoService({ greeting: "one" });
  await using two = echoService({ greeting: "two" });
  await using rig = await frontendRig({
    listen: ["tcp://127.0.0.1:0/edge-a/one", "127.0.0.1:0"],
    targets: [`one=${one.address}`, `two=${two.address}`],
    server: { drainTimeoutMs: 20_000 },
  });
  const { frontends } = rig.server;
  const [swapped, kept] = rig.addresses;
  using before = await TestClient.connect(swapped!);
  assert.equal(await before.readText(3), "one");
  await frontends.replace([
    parseListenSpec("tcp://127.0.0.1:0/edge-a/two"),
    parseListenSpec("127.0.0.1:0"),
    TCP,
  ]);
  assert.deepEqual(rig.addresses.slice(0, 2), [swapped, kept]);
  using after = await TestClient.connect(swapped!);
  assert.equal(await after.readText(3), "two");
  await echoed(before, "still served by the first target");
  await frontends.replace([parseListenSpec("127.0.0.1:0")]);
  assert.deepEqual(rig.addresses, [kept]);
  await assert.rejects(() => TestClient.connect(swapped!));
  await echoed(after, "still there");
});

Deno.test("FrontendSet.replace() changes nothing when an address is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using rig = await frontendRig({ listen: ["http://127.0.0.1:0/edge-a"] });
  const { addresses } = rig;
  await assert.rejects(
    () =>
      rig.server.frontends.replace([
        parseListenSpec("tcp://127.0.0.1:0/edge-a"),
        parseListenSpec(`127.0.0.1:${taken.addr.port}`),
      ]),
    ListenError,
  );
  assert.deepEqual(rig.addresses, addresses);
  assert.equal(await rig.server.frontends.remove(HTTP), true);
});

Deno.test("FrontendSet.replace() leaves alone what others than the settings wanted", async () => {
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
  const { frontends } = rig.server;
  await frontends.add(TCP, "agent-1");
  await frontends.replace([]);
  assert.deepEqual(frontends.frontends.map(({ origin }) => origin), ["agent-1"]);
  assert.equal(await frontends.remove(TCP), false);
  assert.equal(await frontends.remove(TCP, "agent-1"), true);
});

Deno.test("a frontend on a Unix socket serves, and leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/front.sock`;
    await using echo = echoService({ on: { kind: "unix", path: `${folder}/target.sock` } });
    {
      await using rig = await frontendRig({
        listen: [`tcp://unix:${path}?cluster=edge-a`],
        targets: [echo.address],
      });
      using client = await TestClient.connect(rig.addresses[0]!);
      await echoed(client, "from socket to socket");
    }
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
