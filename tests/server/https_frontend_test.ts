import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dial } from "../../lib/transport/dial.ts";
import type { TlsClientOptions } from "../../lib/transport/tls_client.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { silentLog } from "../../lib/log.ts";
import { parseAddress } from "../../lib/address.ts";
import { until } from "../agent/support.ts";
import { TestCa, TestPeer, TlsRig } from "../transport/tls_support.ts";
import { frontendRig } from "./frontend_rig.ts";

/** Asks over TLS, and gives all that comes until the frontend ends. */
async function ask(address: string, tls: TlsClientOptions, request: string): Promise<string> {
  const runtime = createRuntime(silentLog);
  try {
    const place = parseAddress(address);
    const peer = new TestPeer(await dial(place, runtime, { timeoutMs: 5000, tls }));
    peer.write(request);
    await peer.until(() => peer.isEnded || peer.isClosed);
    peer.connection.close();
    if (peer.error !== undefined) throw peer.error;
    return peer.text;
  } finally {
    runtime.timers.close();
  }
}

const GET = "GET /path HTTP/1.1\r\nHost: edge-a.test\r\nConnection: close\r\n\r\n";

Deno.test("https:// frontends show the certificate that is asked for, and route as http:// does", async () => {
  await using ca = await TestCa.make();
  await using rig = await frontendRig({
    listen: ["https://127.0.0.1:0"],
    server: {
      frontendTls: {
        files: [
          await ca.signFiles("a", ["edge-a.test"]),
          await ca.signFiles("b", ["*.b.test"]),
        ],
      },
    },
  });
  for (const serverName of ["edge-a.test", "x.b.test"]) {
    const text = await ask(rig.addresses[0]!, { ca: ca.cert, serverName }, GET);
    assert.match(text, /^HTTP\/1\.1 200 /, serverName);
  }
  await assert.rejects(ask(rig.addresses[0]!, { ca: ca.cert, serverName: "unknown.test" }, GET));
  assert.deepEqual({ ...rig.server.stats.tlsHandshakesRefused }, { unknownName: 1 });
});

Deno.test("a client that speaks no TLS to https:// is refused, and others are served", async () => {
  await using ca = await TestCa.make();
  await using rig = await frontendRig({
    listen: ["https://127.0.0.1:0"],
    server: { frontendTls: { files: [await ca.signFiles("a", ["edge-a.test"])] } },
  });
  const { port } = parseAddress(rig.addresses[0]!) as { port: number };
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(GET));
  assert.equal(await conn.read(new Uint8Array(100)).catch(() => null), null);
  assert.deepEqual({ ...rig.server.stats.tlsHandshakesRefused }, { garbage: 1 });
  const tls = { ca: ca.cert, serverName: "edge-a.test" };
  assert.match(await ask(rig.addresses[0]!, tls, GET), /^HTTP\/1\.1 200 /);
});

Deno.test("https:// without a certificate does not open", async () => {
  for (const listen of ["https://127.0.0.1:0", "https://127.0.0.1:0?proxy_protocol=127.0.0.1"]) {
    await assert.rejects(
      frontendRig({ listen: [listen] }),
      /needs a certificate, give --frontend-cert and --frontend-key/,
    );
  }
});

/** Connects, says `first` in the clear, and goes on by TLS. */
async function connectBehind(
  address: string,
  first: string,
  tls: { caCerts: string[]; hostname: string },
): Promise<Deno.TlsConn> {
  const { port } = parseAddress(address) as { port: number };
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(first));
  return await Deno.startTls(conn, tls);
}

Deno.test("https:// takes PROXY headers of trusted proxies in front of TLS", async () => {
  await using ca = await TestCa.make();
  const target = createServer((request, response) =>
    response.end(`from ${request.headers["x-forwarded-for"]} ${"x".repeat(300_000)}`)
  );
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const { port } = target.address() as AddressInfo;
  try {
    await using rig = await frontendRig({
      listen: [
        "https://127.0.0.1:0?proxy_protocol=127.0.0.1",
        "https://127.0.0.1:0?proxy_protocol=192.0.2.1",
        "https://127.0.0.1:0?proxy_protocol=127.0.0.1&allow=192.0.2.0/24",
      ],
      targets: [`127.0.0.1:${port}`],
      server: {
        frontendTls: { files: [await ca.signFiles("a", ["edge-a.test", "localhost"])] },
        prereadTimeoutMs: 200,
      },
    });
    const tls = { caCerts: [ca.cert], hostname: "edge-a.test" };
    const header = "PROXY TCP4 192.0.2.7 192.0.2.8 1000 443\r\n";
    const askBehind = async (index: number, first: string) => {
      using conn = await connectBehind(rig.addresses[index]!, first, tls);
      await conn.write(new TextEncoder().encode(GET));
      return await new Response(conn.readable).text();
    };
    for (const index of [0, 2]) {
      const answer = await askBehind(index, header);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.match(answer, /\r\n\r\nfrom 192\.0\.2\.7 x{300000}$/);
    }
    // By its address as it is believed.
    assert.match(await askBehind(2, header.replace("192.0.2.7", "192.0.3.7")), /^HTTP\/1\.1 403 /);
    const stats = () => ({
      ...rig.server.stats.clientsRefused,
      ...rig.server.stats.tlsHandshakesRefused,
    });
    assert.deepEqual(stats(), {});
    await assert.rejects(askBehind(1, header));
    // No header, and one that is cut.
    await assert.rejects(askBehind(0, ""));
    await assert.rejects(askBehind(0, header.slice(0, 20)));
    assert.deepEqual(stats(), { "proxy-stranger": 1, "proxy-header": 2 });
    const unknown = { caCerts: [ca.cert], hostname: "unknown.test" };
    const conn = await connectBehind(rig.addresses[0]!, header, unknown);
    await assert.rejects(conn.handshake());
    conn.close();
    const garbage = await Deno.connect({
      hostname: "127.0.0.1",
      port: (parseAddress(rig.addresses[0]!) as { port: number }).port,
    });
    await garbage.write(new TextEncoder().encode(header + GET));
    while (await garbage.read(new Uint8Array(100)).catch(() => null) !== null);
    garbage.close();
    await until("both to be counted", () => stats().garbage === 1);
    const { unknownName } = rig.server.stats.tlsHandshakesRefused;
    assert.equal(unknownName, 1);
    // Cut off within a handshake, and within an answer.
    using silent = await Deno.connect({
      hostname: "127.0.0.1",
      port: (parseAddress(rig.addresses[0]!) as { port: number }).port,
    });
    await silent.write(new TextEncoder().encode(header));
    const left = await connectBehind(rig.addresses[0]!, header, tls);
    await left.write(new TextEncoder().encode(GET));
    await left.read(new Uint8Array(10));
    left.close();
  } finally {
    target.closeAllConnections();
    await new Promise<void>((resolve) => target.close(() => resolve()));
  }
});

Deno.test("a tls:// target is spoken to inside TLS, and only if its certificate is right", async () => {
  await using ca = await TestCa.make();
  await using target = await TlsRig.open([await ca.signFiles("target", ["target.test"])], {
    onConnection: (connection) => {
      const peer = new TestPeer(connection);
      peer.onChange = () => {
        if (!peer.text.includes("\r\n\r\n")) return;
        peer.onChange = undefined;
        const body = peer.text.split("\r\n")[0]!;
        peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      };
      target.accepted.push(peer);
    },
  });
  const place = `tls://127.0.0.1:${target.port}`;
  await using rig = await frontendRig({
    listen: [
      "http://127.0.0.1:0/edge-a/right",
      "http://127.0.0.1:0/edge-a/wrong",
      "http://127.0.0.1:0/edge-a/untrusted",
    ],
    targets: [
      `right=${place}?ca=${ca.certFile}&server_name=target.test`,
      `wrong=${place}?ca=${ca.certFile}&server_name=other.test`,
      `untrusted=${place}?server_name=target.test`,
    ],
  });
  const [right, wrong, untrusted] = await Promise.all(rig.addresses.map(async (address) => {
    const response = await fetch(`http://${address}/path`);
    return { status: response.status, text: await response.text() };
  }));
  assert.deepEqual(right, { status: 200, text: "GET /path HTTP/1.1" });
  assert.equal(wrong!.status, 502);
  assert.match(wrong!.text, /may have no certificate for that name/);
  assert.equal(untrusted!.status, 502);
  assert.match(untrusted!.text, /its certificate is signed by nobody that is trusted here/);
});
