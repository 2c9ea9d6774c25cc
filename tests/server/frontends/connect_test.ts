import assert from "node:assert/strict";
import { hashPassword } from "../../../lib/auth/password_hash.ts";
import { echoService, frontendRig, TestClient } from "../frontend_rig.ts";
import type { FrontendRig } from "../frontend_rig.ts";

function portOf(address: string): number {
  return Number(address.split(":").at(-1));
}

function connectTo(authority: string, fields = ""): string {
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${fields}\r\n`;
}

/** Sends a head and gives the status and code of the answer that ends the connection. */
async function refusalOf(rig: FrontendRig, head: string): Promise<string> {
  using client = await TestClient.connect(rig.addresses[0]!);
  await client.send(head);
  await client.endWriting();
  const answer = await client.restText();
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(answer) ?? [];
  const [, code] = /\r\nx-revtun-error: (\S+)\r\n/.exec(answer) ?? [];
  return `${status} ${code}`;
}

Deno.test("connect:// goes to where its clients say, in the cluster that they name", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: ["connect://127.0.0.1:0"],
    allow: ["127.0.0.1:*"],
  });
  const head = connectTo(`127.0.0.1.edge-a.revtun:${portOf(echo.address)}`, "User-Agent: t\r\n");
  const established = "HTTP/1.1 200 Connection established\r\n\r\n";
  // Whole, with the first bytes for the destination behind it; and in two pieces.
  for (const cut of [0, 10, head.length - 1]) {
    using client = await TestClient.connect(rig.addresses[0]!);
    await client.send(`${head}first`.slice(0, cut));
    await client.send(`${head}first`.slice(cut));
    assert.equal(await client.readText(established.length), established);
    assert.equal(await client.readText(5), "first");
    await client.endWriting();
    assert.equal(await client.restText(), "");
  }
});

Deno.test("connect:// answers each failure by a status and a code", async () => {
  await using rig = await frontendRig({
    listen: ["connect://127.0.0.1:0"],
    allow: ["127.0.0.1:1-1023"],
  });
  const cases: [string, string][] = [
    [connectTo("127.0.0.1.edge-a.revtun:9"), "502 target-refused"],
    [connectTo("127.0.0.1.edge-a.revtun:8080"), "403 target-not-allowed"],
    [connectTo("host.edge-b.revtun:80"), "404 no-cluster"],
    [connectTo("127.0.0.1:80"), "404 no-cluster"],
    [connectTo("127.0.0.1.edge-a.revtun:0"), "400 bad-destination"],
    [connectTo("127.0.0.1.edge-a.revtun:70000"), "400 bad-destination"],
    [connectTo("-.edge-a.revtun:80"), "400 bad-destination"],
    [connectTo("127.0.0.1.edge-a.revtun"), "400 bad-request"],
    [connectTo("a\x01b.edge-a.revtun:80"), "400 bad-request"],
    [connectTo("a:1", "Content-Length: 3\r\n"), "400 bad-request"],
    ["CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n", "400 bad-request"],
    ["CONNECT a:1 HTTP/1.1\r\n\r\n", "400 bad-request"],
    [
      "GET http://host.edge-a.revtun/ HTTP/1.1\r\nHost: host.edge-a.revtun\r\n\r\n",
      "405 bad-request",
    ],
    ["\x16\x03\x01\x02\x00\x01\x00\x01", "400 bad-request"],
    [`CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nX: ${"x".repeat(70_000)}`, "431 head-too-large"],
  ];
  for (const [head, expected] of cases) {
    assert.equal(await refusalOf(rig, head), expected, JSON.stringify(head.slice(0, 60)));
  }
  assert.deepEqual(rig.server.stats.clientsRefused, {
    destination: 6,
    "not-allowed": 1,
    connect: 8,
  });
});

Deno.test("connect:// tells a client that is too slow, and lets one go that has left", async () => {
  await using rig = await frontendRig({
    listen: ["connect://127.0.0.1:0/edge-a"],
    server: { prereadTimeoutMs: 50 },
  });
  using slow = await TestClient.connect(rig.addresses[0]!);
  await slow.send("CONNECT a:1 HTTP/1.1\r\n");
  assert.match(await slow.restText(), /^HTTP\/1\.1 408 /);
  using gone = await TestClient.connect(rig.addresses[0]!);
  await gone.send("CONNECT");
  await gone.endWriting();
  assert.equal(await gone.restText(), "");
  assert.deepEqual(rig.server.stats.clientsRefused, { slow: 1, ended: 1 });
});

Deno.test("connect:// with users asks for a name and a password", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/users`;
    await Deno.writeTextFile(file, `alice:${await hashPassword("s3:cret", 1000)}\n`, {
      mode: 0o600,
    });
    await using echo = echoService({ greeting: "hello" });
    await using rig = await frontendRig({
      listen: [`connect://127.0.0.1:0/edge-a?users=${file}`],
      allow: ["127.0.0.1:*"],
    });
    const authority = `127.0.0.1:${portOf(echo.address)}`;
    const basic = (pair: string) => `Proxy-Authorization: Basic ${btoa(pair)}\r\n`;
    for (let round = 0; round < 2; round++) {
      for (
        const fields of ["", basic("alice:wrong"), basic("bob:s3:cret"), "Authorization: a\r\n"]
      ) {
        const refusal = await refusalOf(rig, connectTo(authority, fields));
        assert.equal(refusal, "407 proxy-unauthorized");
      }
      using client = await TestClient.connect(rig.addresses[0]!);
      await client.send(connectTo(authority, basic("alice:s3:cret")));
      assert.match(await client.readText(44), /^HTTP\/1\.1 200 .*\r\n\r\nhello$/s);
    }
    assert.deepEqual(rig.server.stats.clientsRefused, { unauthorized: 8 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
