import assert from "node:assert/strict";
import { dial } from "../../lib/transport/dial.ts";
import type { TlsClientOptions } from "../../lib/transport/tls_client.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { silentLog } from "../../lib/log.ts";
import { parseAddress } from "../../lib/address.ts";
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
  await assert.rejects(
    frontendRig({ listen: ["https://127.0.0.1:0"] }),
    /needs a certificate, give --frontend-cert and --frontend-key/,
  );
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
