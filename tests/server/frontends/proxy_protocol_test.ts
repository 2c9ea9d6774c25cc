import assert from "node:assert/strict";
import { encodeProxyHeader, ProxyHeaderDecoder } from "../../../lib/codec/proxy_protocol.ts";
import type { ProxyVersion } from "../../../lib/codec/proxy_protocol.ts";
import { echoService, frontendRig, TestClient } from "../frontend_rig.ts";

const SOURCE = { host: "203.0.113.7", port: 4711 };
const DESTINATION = { host: "198.51.100.1", port: 443 };
const HEADER = { kind: "tcp", source: SOURCE, destination: DESTINATION } as const;

for (const version of ["v1", "v2"] as const satisfies ProxyVersion[]) {
  Deno.test(`a PROXY header ${version} in is one out for a target that asks`, async () => {
    await using echo = echoService();
    await using rig = await frontendRig({
      listen: ["tcp://127.0.0.1:0/edge-a/web?proxy_protocol=127.0.0.0/8"],
      targets: [`web=tcp://${echo.address}?proxy_protocol=${version}`],
    });
    const header = encodeProxyHeader(HEADER, version);
    for (const pieces of [[header, "hi"], [header.subarray(0, 5), header.subarray(5), "hi"]]) {
      using client = await TestClient.connect(rig.addresses[0]!);
      for (const piece of pieces) await client.send(piece);
      await client.endWriting();
      const found = new ProxyHeaderDecoder().push(await client.rest())!;
      assert.deepEqual(found.header.kind === "tcp" && found.header.source, SOURCE);
      assert.equal(new TextDecoder().decode(found.rest), "hi");
    }
  });
}

Deno.test("a frontend that takes PROXY headers refuses strangers, garbage and silence", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: [
      "tcp://127.0.0.1:0/edge-a?proxy_protocol=10.0.0.0/8",
      "tcp://127.0.0.1:0/edge-a?proxy_protocol=accept",
    ],
    targets: [echo.address],
    server: { trustedProxies: ["127.0.0.1"], prereadTimeoutMs: 50 },
  });
  const counts = (): Record<string, number> => rig.server.stats.clientsRefused;
  const sent = async (index: number, bytes: Uint8Array | string, isEnded = true) => {
    using client = await TestClient.connect(rig.addresses[index]!);
    await client.send(bytes);
    if (isEnded) await client.endWriting();
    return await client.restText();
  };
  const header = encodeProxyHeader(HEADER, "v2");
  assert.equal(await sent(0, header), "");
  assert.deepEqual(counts(), { "proxy-stranger": 1 });
  assert.equal(await sent(1, "GET / HTTP/1.1\r\n\r\n"), "");
  assert.equal(await sent(1, `PROXY TCP4 ${"1".repeat(120)}`), "");
  assert.equal(await sent(1, "PROXY TCP4 203.0.113.7 198.51.100.1 70000 443\r\n"), "");
  const datagrams = encodeProxyHeader({ ...HEADER, kind: "udp" }, "v2");
  assert.equal(await sent(1, datagrams), "");
  // Longer than any header has to be.
  const oversize = header.slice();
  oversize.set([0xff, 0xff], 14);
  assert.equal(await sent(1, oversize), "");
  assert.equal(counts()["proxy-header"], 5);
  assert.equal(await sent(1, header.subarray(0, 14)), "");
  assert.equal(counts()["ended"], 1);
  assert.equal(await sent(1, header.subarray(0, 14), false), "");
  assert.equal(counts()["slow"], 1);
  // A health check of the proxy itself, and a client that it does not know.
  const local = encodeProxyHeader({ kind: "local" }, "v2");
  assert.equal(await sent(1, new Uint8Array([...local, 0x6f, 0x6b])), "ok");
  assert.equal(await sent(1, "PROXY UNKNOWN\r\nok"), "ok");
});

Deno.test("allow= goes by the address that the PROXY header gives", async () => {
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: [
      "tcp://127.0.0.1:0/edge-a?proxy_protocol=127.0.0.1&allow=203.0.113.0/24",
      "tcp://127.0.0.1:0/edge-a?proxy_protocol=127.0.0.1&allow=192.0.2.1",
      "tcp://127.0.0.1:0/edge-a?allow=192.0.2.1",
    ],
    targets: [echo.address],
  });
  const header = encodeProxyHeader(HEADER, "v2");
  const answers: string[] = [];
  for (const address of rig.addresses) {
    using client = await TestClient.connect(address);
    await client.send(new Uint8Array([...header, 0x6f, 0x6b]));
    await client.endWriting();
    answers.push((await client.restText()).slice(-2));
  }
  assert.deepEqual(answers, ["ok", "", ""]);
  assert.deepEqual(rig.server.stats.clientsRefused, { address: 2 });
});

/** A backend of HTTP that wants a PROXY header and says whose it got. */
function proxiedBackend(): AsyncDisposable & { address: string; connections: string[] } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: string[] = [];
  const open = new Set<Deno.Conn>();
  const serve = async (conn: Deno.Conn) => {
    const decoder = new ProxyHeaderDecoder();
    const buffer = new Uint8Array(16 << 10);
    let source: string | undefined;
    try {
      for (;;) {
        const count = await conn.read(buffer);
        if (count === null) return;
        let bytes = buffer.subarray(0, count);
        if (source === undefined) {
          const found = decoder.push(bytes);
          if (found === undefined) continue;
          source = found.header.kind === "tcp" ? found.header.source.host : found.header.kind;
          connections.push(source);
          bytes = found.rest.slice();
        }
        if (bytes.length === 0) continue;
        const body = new TextEncoder().encode(
          `HTTP/1.1 200 OK\r\nContent-Length: ${source.length}\r\n\r\n${source}`,
        );
        await conn.write(body);
      }
    } catch {
      // The agent has closed it.
    } finally {
      open.delete(conn);
      try {
        conn.close();
      } catch {
        // The runtime has closed it already.
      }
    }
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      void serve(conn);
    }
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) conn.close();
      await accepting;
    },
  };
}

Deno.test("requests to a target that is told of clients share no stream between them", async () => {
  await using backend = proxiedBackend();
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0/edge-a?proxy_protocol=127.0.0.1"],
    targets: [`http://${backend.address}?proxy_protocol=v1`],
  });
  const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const clientOf = async (host: string) => {
    const client = await TestClient.connect(rig.addresses[0]!);
    await client.send(encodeProxyHeader({ ...HEADER, source: { host, port: 4711 } }, "v1"));
    return client;
  };
  const answerTo = async (client: TestClient) => {
    await client.send(request);
    await client.readUntil("\r\n\r\n");
    return await client.readText("203.0.113.1".length);
  };
  using first = await clientOf("203.0.113.1");
  using second = await clientOf("203.0.113.2");
  for (let round = 0; round < 3; round++) {
    assert.equal(await answerTo(first), "203.0.113.1");
    assert.equal(await answerTo(second), "203.0.113.2");
  }
  // Each client's requests went by a stream of its own, one after the other.
  assert.deepEqual(backend.connections, ["203.0.113.1", "203.0.113.2"]);
  assert.equal(rig.server.stats.streamsReused, 4);
});
