import assert from "node:assert/strict";
import { setDrained } from "../../../lib/server/steering.ts";
import { until } from "../../agent/support.ts";
import { echoService, frontendRig, TestClient } from "../frontend_rig.ts";

const FOLDER = new URL("../../../testdata/client_hello/", import.meta.url);
const [CURL, NO_NAME] = await Promise.all(
  ["curl.bin", "openssl_no_name.bin"].map((name) => Deno.readFile(new URL(name, FOLDER))),
);
/** What curl.bin asks for. */
const NAME = "edge-a.example.test";

Deno.test("tls:// passes a ClientHello and what follows as it came, in any pieces", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({ listen: ["tls://127.0.0.1:0"], targets: [echo.address] });
  const all = new Uint8Array([...CURL!, 1, 2, 3]);
  for (const cut of [0, 1, 5, 200, CURL!.length]) {
    using client = await TestClient.connect(rig.addresses[0]!);
    if (cut > 0) await client.send(all.subarray(0, cut));
    await client.send(all.subarray(cut));
    assert.deepEqual(await client.read(all.length), all);
    await client.send("more");
    assert.equal(await client.readText(4), "more");
  }
});

Deno.test("tls:// goes by a fixed cluster, by its routes, or by the name's first label", async () => {
  await using one = echoService({ greeting: "one" });
  await using two = echoService({ greeting: "two" });
  const cases: [string, string | undefined][] = [
    ["tls://127.0.0.1:0", "one"],
    ["tls://127.0.0.1:0//two", "two"],
    ["tls://127.0.0.1:0/edge-a", "one"],
    ["tls://127.0.0.1:0/edge-a/two", "two"],
    [`tls://127.0.0.1:0?route=other.test=edge-a,${NAME}=edge-a/two`, "two"],
    ["tls://127.0.0.1:0?route=*.example.test=edge-a/two", "two"],
    ["tls://127.0.0.1:0?route={cluster}.example.test={cluster}", "one"],
    ["tls://127.0.0.1:0?route=other.test=edge-a", undefined],
  ];
  await using rig = await frontendRig({
    listen: cases.map(([text]) => text),
    targets: [one.address, `two=${two.address}`],
  });
  for (const [index, [text, greeting]] of cases.entries()) {
    using client = await TestClient.connect(rig.addresses[index]!);
    await client.send(CURL!);
    if (greeting === undefined) {
      // A fatal alert: unrecognized_name.
      assert.deepEqual([...await client.rest()], [21, 3, 1, 0, 2, 2, 112], text);
    } else {
      assert.equal(await client.readText(3), greeting, text);
    }
  }
  using nameless = await TestClient.connect(rig.addresses[2]!);
  await nameless.send(NO_NAME!);
  assert.equal(await nameless.readText(3), "one");
});

Deno.test("tls:// refuses what is no ClientHello, names nobody, or takes too long", async () => {
  await using rig = await frontendRig({
    listen: ["tls://127.0.0.1:0"],
    server: { prereadTimeoutMs: 50 },
  });
  const answerTo = async (bytes: Uint8Array | string, isEnded = false) => {
    using client = await TestClient.connect(rig.addresses[0]!);
    await client.send(bytes);
    if (isEnded) await client.endWriting();
    return [...await client.rest()];
  };
  const counts = (): Record<string, number> => rig.server.stats.clientsRefused;
  assert.deepEqual(await answerTo("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), []);
  assert.deepEqual(await answerTo(Uint8Array.of(22, 3, 1, 0, 4, 2, 0, 0, 0)), []);
  // Says that it is larger than is taken.
  assert.deepEqual(await answerTo(Uint8Array.of(22, 3, 1, 0x40, 0, 1, 1, 0, 1)), []);
  assert.deepEqual(counts(), { "client-hello": 3 });
  assert.deepEqual(await answerTo(NO_NAME!), [21, 3, 1, 0, 2, 2, 109]);
  assert.equal(counts()["no-server-name"], 1);
  // Another cluster than the one that is there: the label is changed in place.
  const other = new TextDecoder("latin1").decode(CURL!).replace("edge-a", "edge-b");
  const asBytes = Uint8Array.from(other, (char) => char.charCodeAt(0));
  assert.deepEqual(await answerTo(asBytes), [21, 3, 1, 0, 2, 2, 112]);
  assert.equal(counts()["unknown-server-name"], 1);
  assert.deepEqual(await answerTo(CURL!.subarray(0, 100)), []);
  assert.equal(counts()["slow"], 1);
  assert.deepEqual(await answerTo(CURL!.subarray(0, 100), true), []);
  assert.equal(counts()["ended"], 1);
});

Deno.test("tls:// keeps what a client says first while its cluster has no host", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: ["tls://127.0.0.1:0", "tls://127.0.0.1:0?proxy_protocol=127.0.0.1"],
    targets: [echo.address],
    server: { holdMs: 20_000 },
  });
  const { registry, stats } = rig.server;
  const all = new Uint8Array([...CURL!, 1, 2, 3]);
  const header = new TextEncoder().encode("PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n");
  for (const [index, first] of [[0, all], [1, new Uint8Array([...header, ...all])]] as const) {
    setDrained(registry, "edge-a", "host-1", true);
    using client = await TestClient.connect(rig.addresses[index]!);
    await client.send(first);
    await until("the client to wait", () => stats.holds === index + 1);
    await client.send("more");
    setDrained(registry, "edge-a", "host-1", false);
    assert.deepEqual(await client.read(all.length), all);
    assert.equal(await client.readText(4), "more");
  }
  // Without a wait, behind a proxy's header.
  using client = await TestClient.connect(rig.addresses[1]!);
  await client.send([...header, ...all]);
  assert.deepEqual(await client.read(all.length), all);
});
