import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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
    ["CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n", "404 no-cluster"],
    ["CONNECT a:1 HTTP/1.1\r\n\r\n", "400 bad-request"],
    ["GET / HTTP/1.1\r\nHost: host.edge-a.revtun\r\n\r\n", "400 bad-request"],
    ["\x16\x03\x01\x02\x00\x01\x00\x01", "400 bad-request"],
    [`CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nX: ${"x".repeat(70_000)}`, "431 head-too-large"],
  ];
  for (const [head, expected] of cases) {
    assert.equal(await refusalOf(rig, head), expected, JSON.stringify(head.slice(0, 60)));
  }
  assert.deepEqual(rig.server.stats.clientsRefused, {
    destination: 7,
    "not-allowed": 1,
    connect: 7,
  });
});

Deno.test("connect:// on a Unix socket takes what a kube-apiserver's egress selector sends", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using echo = echoService();
    await using rig = await frontendRig({
      listen: [`connect://unix:${folder}/egress.sock?cluster=edge-a`],
      allow: ["127.0.0.1:*"],
    });
    using client = await TestClient.connect(rig.addresses[0]!);
    // Its Host says nothing, and it wants nothing behind the answer before it has spoken.
    await client.send(`CONNECT ${echo.address} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    assert.match(await client.readUntil("\r\n\r\n"), /^HTTP\/1\.1 200 [^\n]*\r\n\r\n$/);
    await client.send("hello");
    assert.equal(await client.readText(5), "hello");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
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
    await using http = await httpService();
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
    const url = `http://127.0.0.1:${http.port}/`;
    for (const fields of ["", basic("alice:wrong")]) {
      assert.equal(await refusalOf(rig, get(url, fields)), "407 proxy-unauthorized");
    }
    using client = await TestClient.connect(rig.addresses[0]!);
    await client.send(get(url, basic("alice:s3:cret")));
    assert.match(await client.readUntil("]"), /\[GET \/ 127\.0\.0\.1:\d+ {2}\]$/);
    // Each request is asked for itself.
    await client.send(get(url));
    assert.match(await client.readUntil("\r\n\r\n"), /^HTTP\/1\.1 407 .*\r\nProxy-Authenticate: /s);
    assert.deepEqual(rig.server.stats.clientsRefused, { unauthorized: 11 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function get(url: string, fields = "", method = "GET"): string {
  const host = new URL(url).host;
  return `${method} ${url} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
}

/** A service that says what it was asked. */
async function httpService(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => body += bytes);
    request.on("end", () => {
      const names = Object.keys(request.headers).filter((name) =>
        /proxy|x-hop|authoriz/.test(name)
      );
      response.setHeader("connection", "keep-alive, x-hop");
      response.setHeader("x-hop", "1");
      response.end(
        `[${request.method} ${request.url} ${request.headers.host} ${names} ${body}]`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

Deno.test("connect:// forwards requests for a URL, one by one, as HTTP's frontends do", async () => {
  await using one = await httpService();
  await using two = await httpService();
  await using rig = await frontendRig({
    listen: ["connect://127.0.0.1:0", "connect://127.0.0.1:0/edge-a"],
    // Neither is the default target asked, nor its name given to anybody else.
    targets: ["h2c://127.0.0.1:1?host=default.lan"],
    allow: ["127.0.0.1:*"],
  });
  using client = await TestClient.connect(rig.addresses[0]!);
  const dropped = "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\n" +
    "Connection: x-hop\r\nX-Hop: 1\r\nAuthorization: Basic eDp5\r\n";
  for (const { port } of [one, two, one]) {
    const host = `127.0.0.1.edge-a.revtun:${port}`;
    await client.send(get(`http://${host}/a%20b?c=d`, dropped));
    const answer = await client.readUntil("]");
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(answer, /x-hop/i);
    assert.match(answer, new RegExp(`\\[GET /a%20b\\?c=d ${host} authorization \\]$`));
  }
  // In pieces, with a body, to an address as the edge knows it.
  using bound = await TestClient.connect(rig.addresses[1]!);
  const post = get(`http://127.0.0.1:${two.port}`, "Content-Length: 4\r\n", "POST") + "body";
  for (const cut of [7, post.length - 5, post.length]) {
    await bound.send(post.slice(0, cut));
    await bound.send(post.slice(cut));
    const answer = await bound.readUntil("]");
    assert.match(answer, new RegExp(`\\[POST / 127\\.0\\.0\\.1:${two.port}  body\\]$`));
  }
  assert.deepEqual(rig.server.stats.clientsRefused, {});
  assert.equal(rig.server.stats.requests, 6);
});

Deno.test("connect:// answers requests for a URL that cannot be had", async () => {
  await using rig = await frontendRig({
    listen: ["connect://127.0.0.1:0"],
    allow: ["127.0.0.1:1-1023"],
  });
  const cases: [string, string][] = [
    [get("http://127.0.0.1.edge-a.revtun:9/"), "502 target-refused"],
    [get("http://127.0.0.1.edge-a.revtun:8080/"), "403 target-not-allowed"],
    [get("http://host.edge-b.revtun/"), "404 no-cluster"],
    [get("http://127.0.0.1/"), "404 no-cluster"],
    [get("http://127.0.0.1.edge-a.revtun:0/"), "400 bad-destination"],
    [get("http://a.edge-a.revtun/").replaceAll("revtun", "revtun:70000"), "400 bad-destination"],
    [get("http://-.edge-a.revtun/"), "400 bad-destination"],
    [get("https://127.0.0.1.edge-a.revtun/"), "400 bad-destination"],
    [get("http://a.edge-a.revtun/").replace("Host: a", "Host: b"), "400 bad-request"],
    [
      "GET http://u:p@a.edge-a.revtun/ HTTP/1.1\r\nHost: a.edge-a.revtun\r\n\r\n",
      "400 bad-request",
    ],
    ["GET ftp://a.edge-a.revtun/ HTTP/1.1\r\nHost: a.edge-a.revtun\r\n\r\n", "400 bad-request"],
  ];
  for (const [head, expected] of cases) {
    assert.equal(await refusalOf(rig, head), expected, JSON.stringify(head.slice(0, 60)));
  }
  assert.deepEqual(rig.server.stats.clientsRefused, {
    destination: 6,
    "not-allowed": 1,
    connect: 3,
  });
});
