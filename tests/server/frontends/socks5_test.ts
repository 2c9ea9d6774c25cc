import assert from "node:assert/strict";
import { hashPassword } from "../../../lib/auth/password_hash.ts";
import { echoService, frontendRig, TestClient } from "../frontend_rig.ts";
import type { FrontendRig } from "../frontend_rig.ts";

const HELLO = [5, 1, 0];

function portOf(address: string): number {
  return Number(address.split(":").at(-1));
}

/** A request to connect; `host` is sent as a name, or as an address if it is four numbers. */
function request(host: string | readonly number[], port: number): number[] {
  const place = typeof host === "string"
    ? [3, host.length, ...new TextEncoder().encode(host)]
    : [1, ...host];
  return [5, 1, 0, ...place, port >> 8, port & 255];
}

async function ask(rig: FrontendRig, ...args: Parameters<typeof request>): Promise<number> {
  using client = await TestClient.connect(rig.addresses[0]!);
  await client.send(HELLO);
  assert.deepEqual([...await client.read(2)], [5, 0]);
  await client.send(request(...args));
  const reply = await client.read(10);
  return reply[1]!;
}

Deno.test("socks5:// goes to where its clients say, in the cluster that they name", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: ["socks5://127.0.0.1:0"],
    allow: ["127.0.0.1:*"],
  });
  const port = portOf(echo.address);
  using client = await TestClient.connect(rig.addresses[0]!);
  // All at once, with the first bytes for the destination behind the request.
  await client.send([...HELLO, ...request("127.0.0.1.Edge-A.revtun", port), 0x68, 0x69]);
  assert.deepEqual([...await client.read(12)], [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  assert.equal(await client.readText(2), "hi");
  await client.send("and more");
  assert.equal(await client.readText(8), "and more");
  await client.endWriting();
  assert.equal(await client.restText(), "");
});

Deno.test("socks5:// that is bound to a cluster takes addresses and any name", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: ["socks5://127.0.0.1:0/edge-a"],
    allow: ["127.0.0.1:*"],
  });
  const port = portOf(echo.address);
  assert.equal(await ask(rig, [127, 0, 0, 1], port), 0);
  assert.equal(await ask(rig, "localhost", port), 0);
});

Deno.test("socks5:// answers each failure with its own reply and counts it", async () => {
  await using rig = await frontendRig({
    listen: ["socks5://127.0.0.1:0"],
    allow: ["127.0.0.1:1-1023"],
  });
  const { clientsRefused } = rig.server.stats;
  const name = "127.0.0.1.edge-a.revtun";
  assert.equal(await ask(rig, name, 9), 5);
  assert.equal(await ask(rig, name, 8080), 2);
  assert.equal(await ask(rig, "192.0.2.1.edge-a.revtun", 80), 2);
  assert.deepEqual(clientsRefused, { destination: 1, "not-allowed": 2 });
  for (const host of ["a\nb.edge-a.revtun", "a b.edge-a.revtun", "-.edge-a.revtun", "a..revtun"]) {
    assert.equal(await ask(rig, host, 80), 4, host);
  }
  assert.equal(await ask(rig, name, 0), 4);
  assert.equal(await ask(rig, "host.edge-b.revtun", 80), 4);
  assert.equal(await ask(rig, "edge-a.revtun", 80), 4);
  assert.equal(await ask(rig, [127, 0, 0, 1], 80), 4);
  assert.equal(clientsRefused["destination"], 9);
});

Deno.test("socks5:// refuses what is no SOCKS 5, and steps out of order", async () => {
  await using rig = await frontendRig({ listen: ["socks5://127.0.0.1:0/edge-a"] });
  const cases: [number[], number[]][] = [
    [[4, 1, 0, 80, 10, 0, 0, 1, 0], []],
    [[5, 0], []],
    [[5, 1, 2], [5, 0xff]],
    [[...HELLO, 5, 2, 0, 1, 10, 0, 0, 1, 0, 80], [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]],
    [[...HELLO, 5, 1, 0, 9, 10, 0], [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0]],
    // Half a request.
    [[...HELLO, ...HELLO], [5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0]],
  ];
  for (const [index, [sent, answer]] of cases.entries()) {
    using client = await TestClient.connect(rig.addresses[0]!);
    await client.send(sent);
    await client.endWriting();
    assert.deepEqual([...await client.rest()], answer, `case ${index}`);
  }
  using early = await TestClient.connect(rig.addresses[0]!);
  await early.send([5]);
  await early.endWriting();
  assert.equal((await early.rest()).length, 0);
  const counts = rig.server.stats.clientsRefused;
  assert.equal(counts["ended"], 2);
  assert.equal(counts["socks"], 5);
});

Deno.test("socks5:// closes a client that does not say where to in time", async () => {
  await using rig = await frontendRig({
    listen: ["socks5://127.0.0.1:0/edge-a"],
    server: { prereadTimeoutMs: 50 },
  });
  using client = await TestClient.connect(rig.addresses[0]!);
  await client.send(HELLO);
  assert.deepEqual([...await client.rest()].slice(0, 4), [5, 0, 5, 1]);
  assert.equal(rig.server.stats.clientsRefused["slow"], 1);
});

Deno.test("socks5:// with users lets in those who know their password", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/users`;
    await Deno.writeTextFile(file, `alice:${await hashPassword("s3cret", 1000)}\n`, {
      mode: 0o600,
    });
    await using echo = echoService();
    await using rig = await frontendRig({
      listen: [`socks5://127.0.0.1:0/edge-a?users=${file}`],
      allow: ["127.0.0.1:*"],
    });
    const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];
    const attempt = async (user: string, password: string) => {
      using client = await TestClient.connect(rig.addresses[0]!);
      await client.send([5, 2, 0, 2]);
      assert.deepEqual([...await client.read(2)], [5, 2]);
      const place = request([127, 0, 0, 1], portOf(echo.address));
      await client.send([1, ...text(user), ...text(password), ...place]);
      const verdict = [...await client.read(2)];
      if (verdict[1] !== 0) return (await client.rest()).length === 0 ? "refused" : "odd";
      return (await client.read(10))[1];
    };
    // The second time is by what is remembered.
    for (let round = 0; round < 2; round++) {
      assert.equal(await attempt("alice", "s3cret"), 0);
      assert.equal(await attempt("alice", "wrong"), "refused");
      assert.equal(await attempt("bob", "s3cret"), "refused");
    }
    using bare = await TestClient.connect(rig.addresses[0]!);
    await bare.send(HELLO);
    assert.deepEqual([...await bare.rest()], [5, 0xff]);
    assert.equal(rig.server.stats.clientsRefused["unauthorized"], 5);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("socks5:// has no way through an agent that speaks no session", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: ["socks5://127.0.0.1:0/edge-a", "tcp://127.0.0.1:0/edge-a"],
    targets: [echo.address],
    allow: ["127.0.0.1:*"],
    agent: { mode: "raw" },
  });
  assert.equal(await ask(rig, [127, 0, 0, 1], portOf(echo.address)), 3);
  using client = await TestClient.connect(rig.addresses[1]!);
  await client.send("its one target");
  assert.equal(await client.readText(14), "its one target");
});
