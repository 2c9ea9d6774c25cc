/** What clients and targets must not get away with. */
import assert from "node:assert/strict";
import { settle, until, World } from "./support.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HOST = "Host: edge-a\r\n";

for (
  const [name, request, status] of [
    [
      "two lengths",
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
      400,
    ],
    [
      "a length and chunks",
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ["bare LFs", "GET / HTTP/1.1\nHost: edge-a\n\n", 400],
    [
      "a bad first chunk",
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n`,
      400,
    ],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["h2c", `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`, 400],
    ["a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["HTTP/3", "GET / HTTP/3.0\r\n\r\n", 505],
    ["a long line", `GET /${"a".repeat(9000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
    ["a large head", `GET / HTTP/1.1\r\n${HOST}${`X: ${"a".repeat(8000)}\r\n`.repeat(9)}\r\n`, 431],
    ["many fields", `GET / HTTP/1.1\r\n${HOST}${"X: a\r\n".repeat(300)}\r\n`, 431],
    ["CONNECT", "CONNECT edge-a:443 HTTP/1.1\r\nHost: edge-a:443\r\n\r\n", 501],
    ["an unknown expectation", `GET / HTTP/1.1\r\n${HOST}Expect: a-miracle\r\n\r\n`, 417],
    [
      "a cluster's name that is none",
      `GET / HTTP/1.1\r\n${HOST}x-revtun-cluster: a/b\r\n\r\n`,
      400,
    ],
    [
      "two clusters",
      `GET / HTTP/1.1\r\n${HOST}x-revtun-cluster: a\r\nx-revtun-cluster: b\r\n\r\n`,
      400,
    ],
  ] as const
) {
  Deno.test(`HttpFrontend answers ${name} with ${status} and forwards nothing`, async () => {
    for (const size of [request.length, 1]) {
      using world = new World();
      const client = world.connect();
      for (let at = 0; at < request.length; at += size) {
        client.write(request.slice(at, at + size));
        if (size === 1 && request.length < 1000) await Promise.resolve();
      }
      assert.ok((await client.read("\r\n\r\n")).startsWith(`HTTP/1.1 ${status} `));
      // Byte by byte, the head of a request whose body is malformed is on its way before that shows.
      const isBodyBad = name === "a bad first chunk" && size === 1;
      assert.equal(world.upstreams.requests.length, isBodyBad ? 1 : 0);
      assert.deepEqual(world.records.map((record) => record.status), [status]);
      if (isBodyBad) await until(() => world.upstreams.streams[0]!.releasedAs === false);
    }
  });
}

Deno.test("HttpFrontend does not take what follows a refused request for another", async () => {
  using world = new World();
  const client = world.connect();
  client.write(`GET / HTTP/1.1\r\nHost : edge-a\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`);
  assert.ok((await client.read("\r\n\r\n")).includes("Connection: close\r\n"));
  await until(() => client.hasEnded);
  client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  await settle();
  assert.equal(world.upstreams.requests.length, 0);
  await world.advance(6000);
  assert.ok(client.isClosed);
});

Deno.test("HttpFrontend closes on a body that it did not read", async () => {
  using world = new World();
  world.upstreams.clusters = ["a", "b"];
  const client = world.connect();
  client.write(
    "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 40\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  const answer = await client.read("\r\n\r\n");
  assert.ok(answer.startsWith("HTTP/1.1 404") && answer.includes("Connection: close"), answer);
  await until(() => client.hasEnded);
  assert.equal(world.upstreams.requests.length, 0);
});

Deno.test("HttpFrontend stops a body that turns bad, and never reuses its stream", async () => {
  using world = new World();
  const client = world.connect();
  client.write(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`);
  const target = await world.stream(0);
  await target.read("ab\r\n");
  client.write("zz\r\nGET /evil HTTP/1.1\r\n\r\n");
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 400"));
  await until(() => target.isClosed);
  assert.equal(target.received, "");
  assert.equal(world.upstreams.streams[0]!.releasedAs, false);
});

for (
  const [name, answer] of [
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
    ["a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"],
    ["a protocol that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
    ["a bad first chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
    ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`],
  ] as const
) {
  Deno.test(`HttpFrontend answers 502 for a target's ${name}`, async () => {
    using world = new World();
    const client = world.connect();
    client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    const target = await world.stream(0);
    await target.read("\r\n\r\n");
    target.write(answer);
    const seen = await client.read("\r\n\r\n");
    assert.ok(seen.startsWith("HTTP/1.1 502"), seen);
    assert.ok(seen.includes("x-revtun-error: bad-response\r\n"));
    assert.equal(world.upstreams.streams[0]!.releasedAs, false);
    assert.equal(world.upstreams.streams.length, 1);
  });
}

Deno.test("HttpFrontend never gives one client the rest of another's answer", async () => {
  using world = new World();
  const client = world.connect();
  client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
  assert.equal(await client.read("ok"), OK);
  assert.equal(world.upstreams.streams[0]!.releasedAs, false);
  client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  await (await world.stream(1)).read("\r\n\r\n");
  assert.equal(client.received, "");
});

Deno.test("HttpFrontend breaks off an answer whose chunks turn bad", async () => {
  using world = new World();
  const client = world.connect();
  client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
  await client.read("ok\r\n");
  target.write("nonsense\r\n");
  await until(() => client.isClosed);
  assert.equal(world.upstreams.streams[0]!.releasedAs, false);
});

Deno.test("HttpFrontend refuses a body over its limit, announced or not", async () => {
  using world = new World({ settings: { maxBodyBytes: 10 } });
  const client = world.connect();
  client.write(`POST / HTTP/1.1\r\n${HOST}Content-Length: 11\r\n\r\n`);
  const announced = await client.read("\r\n\r\n");
  assert.ok(announced.startsWith("HTTP/1.1 413"), announced);
  const other = world.connect();
  other.write(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n`);
  await settle();
  other.write("4\r\nabcd\r\n");
  assert.ok((await other.read("\r\n\r\n")).startsWith("HTTP/1.1 413"));
});

Deno.test("HttpFrontend sends error pages that no client can write into", async () => {
  using world = new World();
  world.upstreams.clusters = ["a", "b"];
  const client = world.connect();
  client.write("GET /<script> HTTP/1.1\r\nHost: c';alert(1)\r\nAccept: text/html\r\n\r\n");
  const page = await client.read("</html>\n");
  assert.ok(page.startsWith("HTTP/1.1 404"));
  assert.ok(page.includes("c&#39;;alert(1)"), page);
});
