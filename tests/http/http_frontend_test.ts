import assert from "node:assert/strict";
import { DialError, SessionLostError } from "../../lib/errors.ts";
import { TrustedProxies } from "../../lib/http/trusted_proxies.ts";
import { settle, until, withoutId, World } from "./support.ts";

const GET = "GET /a?b HTTP/1.1\r\nHost: edge-a.example\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** What a target sees of GET by default. */
const SEEN_GET = "GET /a?b HTTP/1.1\r\nHost: edge-a.example\r\nVia: 1.1 revtun\r\n" +
  "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n" +
  "X-Forwarded-Host: edge-a.example\r\nX-Request-Id: ID\r\n\r\n";

Deno.test("HttpFrontend passes a request and its answer, and reuses both connections", async () => {
  using world = new World();
  const client = world.connect();
  for (let i = 0; i < 3; i++) {
    client.write(GET);
    const target = await world.stream(0);
    assert.equal(withoutId(await target.read("\r\n\r\n")), SEEN_GET);
    target.write(OK);
    assert.equal(await client.read("ok"), OK);
  }
  assert.equal(world.upstreams.streams.length, 1);
  assert.equal(world.upstreams.streams[0]!.uses, 3);
  assert.equal(world.upstreams.streams[0]!.releasedAs, true);
  assert.deepEqual(world.records[0], {
    cluster: "edge-a",
    hostName: "host-1",
    status: 200,
    code: undefined,
    durationMs: 0,
  });
});

Deno.test("HttpFrontend takes requests byte by byte, and answers so", async () => {
  using world = new World();
  const client = world.connect();
  const request = "POST / HTTP/1.1\r\nHost: edge-a\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
  for (const byte of request + request) {
    client.write(byte);
    await Promise.resolve();
  }
  const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  for (let i = 0; i < 2; i++) {
    const target = await world.stream(0);
    const seen = await target.read("X-Sum: 1\r\n\r\n");
    assert.ok(seen.endsWith("\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"));
    for (const byte of answer) {
      target.write(byte);
      await Promise.resolve();
    }
    assert.equal(await client.read("0\r\n\r\n"), answer);
  }
});

Deno.test("HttpFrontend takes hop-by-hop and own fields out, both ways", async () => {
  using world = new World();
  const client = world.connect();
  client.write(
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Secret\r\nKeep-Alive: timeout=5\r\n" +
      "x-secret: 1\r\nX-Revtun-Cluster: edge-a\r\nx_revtun_host: b\r\nX-Forwarded-For: 1.1.1.1\r\n" +
      "Forwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nTE: trailers, gzip\r\nVia: 1.0 a\r\n" +
      "Proxy-Authorization: x\r\ntraceparent: 00-1\r\nX-Request-Id: 7\r\nX-Keep: 1\r\n\r\n",
  );
  const target = await world.stream(0);
  assert.equal(
    await target.read("\r\n\r\n"),
    "GET / HTTP/1.1\r\nHost: x\r\nVia: 1.0 a\r\ntraceparent: 00-1\r\nX-Request-Id: 7\r\nX-Keep: 1\r\n" +
      "Via: 1.1 revtun\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n" +
      "X-Forwarded-Host: x\r\nTE: trailers\r\n\r\n",
  );
  target.write(
    "HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n" +
      "Upgrade: h2c\r\nX-Keep: 1\r\nContent-Length: 0\r\n\r\n",
  );
  assert.equal(
    await client.read("\r\n\r\n"),
    "HTTP/1.1 200 OK\r\nX-Keep: 1\r\nContent-Length: 0\r\n\r\n",
  );
});

Deno.test("HttpFrontend believes trusted clients, and adds to what they say", async () => {
  using world = new World({ trustedProxies: new TrustedProxies(["192.0.2.0/24"]) });
  const client = world.connect();
  client.write(
    "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n" +
      "X-Forwarded-Host: y\r\nX-Forwarded-For: 2.2.2.2\r\nForwarded: for=1.1.1.1\r\n\r\n",
  );
  assert.equal(
    withoutId(await (await world.stream(0)).read("\r\n\r\n")),
    "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: y\r\n" +
      "Forwarded: for=1.1.1.1\r\nVia: 1.1 revtun\r\n" +
      "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7\r\nX-Request-Id: ID\r\n\r\n",
  );
});

Deno.test("HttpFrontend gives an absolute URL on as a path, with the host it names", async () => {
  using world = new World({ forwarded: "none" });
  const client = world.connect();
  client.write("GET http://Edge-A:80?x HTTP/1.1\r\nHost: edge-a\r\nX: 1\r\n\r\n");
  assert.equal(
    withoutId(await (await world.stream(0)).read("\r\n\r\n")),
    "GET /?x HTTP/1.1\r\nHost: Edge-A:80\r\nX: 1\r\nVia: 1.1 revtun\r\nX-Request-Id: ID\r\n\r\n",
  );
});

Deno.test("HttpFrontend answers pipelined requests in order, one at a time", async () => {
  using world = new World();
  const client = world.connect();
  const request = (n: number) => `GET /${n} HTTP/1.1\r\nHost: edge-a\r\n\r\n`;
  client.write(Array.from({ length: 50 }, (_, n) => request(n)).join(""));
  const target = await world.stream(0);
  for (let n = 0; n < 50; n++) {
    const seen = await target.read("\r\n\r\n");
    assert.ok(seen.startsWith(`GET /${n} `), seen);
    await settle();
    assert.equal(target.received, "");
    target.write(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${String(n).padStart(3)}`);
    assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 200"));
    await client.read(String(n).padStart(3));
  }
});

Deno.test("HttpFrontend holds no more of a pipelining client than a pause takes", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  let written = 0;
  while (client.write(GET.repeat(100)) && written < 1 << 22) {
    written += GET.length * 100;
    await settle();
  }
  assert.ok(written < 1 << 20, `${written} bytes were taken`);
});

Deno.test("HttpFrontend streams request and answer at the same time", async () => {
  using world = new World();
  const client = world.connect();
  client.write("POST / HTTP/1.1\r\nHost: edge-a\r\nContent-Length: 6\r\n\r\nab");
  const target = await world.stream(0);
  await target.read("\r\n\r\nab");
  target.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nAB");
  await client.read("AB");
  client.write("cd");
  await target.read("cd");
  target.write("CDEF");
  await client.read("CDEF");
  // The answer is whole before the request is: the connection goes on when that is whole too.
  client.write("ef" + GET);
  await target.read("ef");
  await target.read("\r\n\r\n");
  target.write(OK);
  await client.read(OK);
  assert.equal(world.upstreams.streams.length, 1);
});

for (
  const [name, answer, isKept] of [
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", true],
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", true],
    ["304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", true],
    [
      "chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\nT: 1\r\n\r\n",
      true,
    ],
    ["no length and an end", "HTTP/1.1 200 OK\r\n\r\nuntil the end", false],
  ] as const
) {
  Deno.test(`HttpFrontend knows the end of an answer with ${name}`, async () => {
    using world = new World();
    const client = world.connect();
    client.write(`${name === "HEAD" ? "HEAD" : "GET"} / HTTP/1.1\r\nHost: edge-a\r\n\r\n`);
    const target = await world.stream(0);
    await target.read("\r\n\r\n");
    target.write(answer);
    if (!isKept) target.duplex.end();
    await until(() => world.upstreams.streams[0]!.releasedAs !== undefined);
    assert.equal(world.upstreams.streams[0]!.releasedAs, isKept);
    if (isKept) {
      await until(() => client.received.length >= answer.length);
      assert.equal(client.received, answer);
    } else {
      await until(() => client.hasEnded);
      assert.equal(client.received, answer.replace("OK\r\n", "OK\r\nConnection: close\r\n"));
    }
  });
}

Deno.test("HttpFrontend passes interim answers, and only to those who know them", async () => {
  using world = new World();
  const client = world.connect();
  const post =
    "POST / HTTP/1.1\r\nHost: edge-a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  client.write(post);
  const target = await world.stream(0);
  assert.ok((await target.read("\r\n\r\n")).includes("Expect: 100-continue"));
  target.write("HTTP/1.1 100 Continue\r\n\r\n");
  await client.read("HTTP/1.1 100 Continue\r\n\r\n");
  client.write("hi");
  await target.read("hi");
  target.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`);
  assert.equal(await client.read("ok"), `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`);

  const old = world.connect();
  old.write("GET / HTTP/1.0\r\nHost: edge-a\r\nExpect: 100-continue\r\n\r\n");
  assert.ok(!(await target.read("\r\n\r\n")).includes("Expect"));
  target.write(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`);
  assert.equal(
    await old.read("ok"),
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
  );
  await until(() => old.hasEnded);
});

Deno.test("HttpFrontend takes chunks apart for HTTP/1.0", async () => {
  using world = new World();
  const client = world.connect();
  client.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const target = await world.stream(0);
  assert.ok((await target.read("\r\n\r\n")).startsWith("GET / HTTP/1.1\r\nHost: edge-a\r\n"));
  target.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n2\r\nab\r\n");
  await client.read("ab");
  target.write("3\r\ncde\r\n0\r\nT: 1\r\n\r\n");
  await client.read("cde");
  await until(() => client.hasEnded);
  assert.equal(client.received, "");
  assert.equal(world.upstreams.streams[0]!.releasedAs, true);
});

Deno.test("HttpFrontend keeps an HTTP/1.0 connection whose client asks for it", async () => {
  using world = new World();
  const client = world.connect();
  for (let i = 0; i < 2; i++) {
    client.write("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    const target = await world.stream(0);
    await target.read("\r\n\r\n");
    target.write(OK);
    assert.ok((await client.read("ok")).includes("Connection: keep-alive\r\n"));
  }
});

Deno.test("HttpFrontend makes an upgraded connection a raw stream, losing no byte", async () => {
  using world = new World();
  const client = world.connect();
  client.write(
    "GET /ws HTTP/1.1\r\nHost: edge-a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Key: x\r\n\r\nearly",
  );
  const target = await world.stream(0);
  const seen = await target.read("\r\n\r\n");
  assert.ok(seen.includes("\r\nConnection: Upgrade\r\n"));
  assert.ok(seen.includes("\r\nUpgrade: websocket\r\n"));
  await settle();
  assert.equal(target.received, "");
  target.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst",
  );
  assert.equal(
    await client.read("first"),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst",
  );
  await target.read("early");
  client.write("ping");
  await target.read("ping");
  // Each direction ends by itself.
  client.duplex.end();
  await until(() => target.hasEnded);
  target.write("last words");
  await client.read("last words");
  target.duplex.end();
  await until(() => client.isClosed && target.isClosed);
  assert.equal(client.error, undefined);
  assert.equal(world.upstreams.streams[0]!.releasedAs, false);
  await until(() => world.frontend.connectionCount === 0);
});

Deno.test("HttpFrontend lets a target decline an upgrade", async () => {
  using world = new World();
  const client = world.connect();
  client.write(`GET / HTTP/1.1\r\nHost: edge-a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${GET}`);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write("HTTP/1.1 426 Upgrade Required\r\nUpgrade: y\r\nContent-Length: 0\r\n\r\n");
  const answer = await client.read("\r\n\r\n");
  assert.ok(answer.includes("Upgrade: y") && answer.includes("Connection: Upgrade"), answer);
  await target.read("\r\n\r\n");
  target.write(OK);
  await client.read(OK);
});

Deno.test("HttpFrontend moves a request that touched no target to another host", async () => {
  using world = new World();
  world.upstreams.hosts = ["host-1", "host-2"];
  world.upstreams.onOpen = (stream) => {
    if (stream.hostId !== "host-1") return;
    queueMicrotask(() => stream.duplex.close(new DialError("x", "refused", "connection refused")));
  };
  const client = world.connect();
  client.write("POST / HTTP/1.1\r\nHost: edge-a\r\nContent-Length: 4\r\n\r\nbody");
  const target = await world.stream(1);
  await target.read("\r\n\r\nbody");
  target.write(OK);
  await client.read(OK);
  assert.deepEqual([...world.upstreams.requests[1]!.excludedHosts!], ["host-1"]);
});

Deno.test("HttpFrontend repeats only safe requests whose tunnel was lost: a target may have them", async () => {
  using world = new World();
  let losses = 1;
  world.upstreams.onOpen = (stream) => {
    if (losses-- <= 0) return;
    queueMicrotask(() => stream.duplex.close(new SessionLostError("peer", "Session x ended")));
  };
  const client = world.connect();
  client.write("POST / HTTP/1.1\r\nHost: edge-a\r\nContent-Length: 4\r\n\r\nbody");
  const refused = await client.read("\r\n\r\n");
  assert.ok(refused.startsWith("HTTP/1.1 502 "), refused);
  assert.ok(refused.includes("x-revtun-error: tunnel-lost\r\n"));
  assert.equal(world.upstreams.requests.length, 1);

  losses = 1;
  const other = world.connect();
  other.write(GET);
  const target = await world.stream(2);
  await target.read("\r\n\r\n");
  target.write(OK);
  await other.read(OK);
});

Deno.test("HttpFrontend says which hop failed, and goes on", async () => {
  using world = new World();
  world.upstreams.onOpen = (stream) =>
    queueMicrotask(() => stream.duplex.close(new DialError("127.0.0.1:1", "refused", "nobody")));
  const client = world.connect();
  client.write(GET);
  const text = await client.read('edge-a".\n');
  assert.ok(text.startsWith("HTTP/1.1 502 Bad Gateway\r\n"));
  assert.ok(text.includes("x-revtun-error: target-refused\r\n"));
  assert.ok(text.includes("Cannot connect to 127.0.0.1:1: nobody."));
  assert.ok(text.includes('host "host-1" of cluster "edge-a"'));
  client.write(GET.replace("\r\n\r\n", "\r\nAccept: application/json\r\n\r\n"));
  const json = await client.read("}\n");
  const body = JSON.parse(json.slice(json.indexOf("\r\n\r\n")));
  assert.deepEqual([body.error, body.hop, body.host], ["target-refused", "target", "host-1"]);
  client.write(GET.replace("GET", "HEAD"));
  await client.read("\r\n\r\n");
  client.write(GET.replace("\r\n\r\n", "\r\nAccept: text/html, */*\r\n\r\n"));
  assert.ok((await client.read("</html>\n")).startsWith("HTTP/1.1 502"));
});

Deno.test("HttpFrontend repeats safe requests whose reused stream turned out dead", async () => {
  using world = new World();
  const client = world.connect();
  const first = async (method: string) => {
    client.write(GET);
    const stream = world.upstreams.streams.length;
    const target = await world.stream(stream);
    await target.read("\r\n\r\n");
    target.write(OK);
    await client.read(OK);
    client.write(GET.replace("GET", method));
    await target.read("\r\n\r\n");
    target.duplex.close();
    return stream + 1;
  };
  const retried = await world.stream(await first("GET"));
  await retried.read("\r\n\r\n");
  retried.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  await client.read("ok");
  await first("POST");
  assert.ok((await client.read("\r\n\r\n")).includes("x-revtun-error: target-closed\r\n"));
});

Deno.test("HttpFrontend gives up after as many hosts as it may try", async () => {
  using world = new World();
  world.upstreams.hosts = ["1", "2", "3", "4", "5"];
  world.upstreams.onOpen = (stream) =>
    queueMicrotask(() => stream.duplex.close(new DialError("x", "timeout", "too slow")));
  const client = world.connect();
  client.write(GET);
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 504"));
  assert.equal(world.upstreams.streams.length, 3);
});

Deno.test("HttpFrontend does not repeat what a target has begun to answer", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write("HTTP/1.1 200 OK\r\nContent-Le");
  await settle();
  target.duplex.close();
  assert.ok((await client.read("\r\n\r\n")).includes("x-revtun-error: target-closed"));
  assert.equal(world.upstreams.streams.length, 1);
});

Deno.test("HttpFrontend breaks off with the client when a target breaks off", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  await client.read("half");
  target.duplex.end();
  await until(() => client.isClosed);
  assert.ok(client.error !== undefined);
});

Deno.test("HttpFrontend closes the upstream when the client is gone", async () => {
  using world = new World();
  for (const answer of ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"]) {
    const client = world.connect();
    client.write(GET);
    const target = await world.stream(world.upstreams.streams.length);
    await target.read("\r\n\r\n");
    target.write(answer);
    await settle();
    client.duplex.close();
    await until(() => target.isClosed);
    assert.equal(world.upstreams.streams.at(-1)!.releasedAs, false);
  }
  assert.equal(world.frontend.connectionCount, 0);
  assert.deepEqual(world.records.map(({ status }) => status), [0, 200]);
});

Deno.test("HttpFrontend answers a client that has ended its side", async () => {
  using world = new World();
  const client = world.connect();
  client.write(GET + GET);
  client.duplex.end();
  const target = await world.stream(0);
  for (let i = 0; i < 2; i++) {
    await target.read("\r\n\r\n");
    target.write(OK);
    await client.read("ok");
  }
  await until(() => client.isClosed);
  assert.equal(client.error, undefined);
});

Deno.test("HttpFrontend passes backpressure on, both ways", async () => {
  using world = new World();
  const client = world.connect();
  client.isCounting = true;
  const size = 1 << 22;
  client.write(`POST / HTTP/1.1\r\nHost: edge-a\r\nContent-Length: ${size}\r\n\r\n`);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  target.isCounting = true;
  target.duplex.pause();
  const piece = new Uint8Array(32 << 10);
  let sent = 0;
  const pump = async (from: typeof client, isStuckWanted: boolean) => {
    let stuckTurns = 0;
    while (sent < size && stuckTurns < 10) {
      const hadRoom = from.duplex.queuedBytes < 64 << 10;
      if (hadRoom) {
        from.duplex.write(piece);
        sent += piece.length;
        stuckTurns = 0;
      } else stuckTurns += 1;
      await settle();
    }
    assert.equal(sent < size, isStuckWanted);
  };
  await pump(client, true);
  target.duplex.resume();
  await pump(client, false);
  await until(() => target.receivedBytes >= size);

  client.duplex.pause();
  target.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  sent = 0;
  await pump(target, true);
  client.duplex.resume();
  await pump(target, false);
  await until(() => client.receivedBytes > size);
  assert.equal(world.upstreams.streams[0]!.releasedAs, true);
});

Deno.test("HttpFrontend waits for a host, and for the client meanwhile", async () => {
  using world = new World();
  let open!: () => void;
  world.upstreams.gate = new Promise((resolve) => open = resolve);
  const client = world.connect();
  client.write("POST / HTTP/1.1\r\nHost: edge-a\r\nContent-Length: 8\r\n\r\nab");
  await settle();
  client.write("cd");
  await settle();
  client.write("efgh" + GET);
  await settle();
  assert.equal(world.upstreams.requests[0]!.waitMs, 5000);
  open();
  const target = await world.stream(0);
  await target.read("abcdefgh");
  target.write(OK);
  await client.read(OK);
  assert.equal(withoutId(await target.read("\r\n\r\n")), SEEN_GET);
});

Deno.test("HttpFrontend gives back an upstream that came too late", async () => {
  using world = new World();
  let open!: () => void;
  world.upstreams.gate = new Promise((resolve) => open = resolve);
  const client = world.connect();
  client.write(GET);
  await until(() => world.upstreams.requests.length === 1);
  client.duplex.close();
  await settle();
  open();
  await until(() => world.upstreams.streams[0]?.releasedAs === true);
});

Deno.test("HttpFrontend says 503 while there is no host, and 404 for no cluster", async () => {
  using world = new World();
  world.upstreams.hosts = [];
  const client = world.connect();
  client.write(GET);
  const none = await client.read("\r\n\r\n");
  assert.ok(none.startsWith("HTTP/1.1 503"));
  assert.ok(none.includes("Retry-After: 1\r\n") && none.includes("x-revtun-error: no-host\r\n"));
  client.write(GET.replace("\r\n\r\n", "\r\nx-revtun-cluster: nope\r\n\r\n"));
  const unknown = await client.read("x-revtun-error: no-cluster\r\n");
  assert.ok(unknown.includes("HTTP/1.1 404"));
});

Deno.test("HttpFrontend drains: each connection after its next answer, or a second without one", async () => {
  using world = new World();
  const idle = world.connect();
  const busy = world.connect();
  busy.write(GET + GET);
  const target = await world.stream(0);
  await target.read("\r\n\r\n");
  let isDrained = false;
  const drained = world.frontend.drain().then(() => isDrained = true);
  await settle();
  assert.equal(idle.hasEnded, false);
  await world.advance(1100);
  await until(() => idle.hasEnded);
  idle.duplex.end();
  await settle();
  assert.equal(isDrained, false);
  target.write(OK);
  assert.ok((await busy.read("ok")).includes("Connection: close\r\n"));
  await until(() => busy.hasEnded);
  busy.duplex.end();
  await drained;
  assert.equal(world.upstreams.requests.length, 1);
});
