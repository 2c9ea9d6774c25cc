import assert from "node:assert/strict";
import { DialError } from "../../lib/errors.ts";
import { dial } from "../../lib/transport/dial.ts";
import { derOf, makeCertificate } from "../../lib/transport/make_certificate.ts";
import { fingerprintOf } from "../../lib/transport/peer_certificate.ts";
import type { TlsClientOptions } from "../../lib/transport/tls_client.ts";
import { until } from "../agent/support.ts";
import { TestCa, TestPeer, TlsRig } from "./tls_support.ts";

const encoder = new TextEncoder();

async function connect(rig: TlsRig, tls: TlsClientOptions): Promise<TestPeer> {
  return new TestPeer(await dial(rig.address, rig.runtime, { timeoutMs: 5000, tls }));
}

async function refusalOf(rig: TlsRig, tls: TlsClientOptions): Promise<string> {
  try {
    (await connect(rig, tls)).connection.close();
    return "connected";
  } catch (error) {
    assert.ok(error instanceof DialError, String(error));
    return error.message;
  }
}

/** Sends bytes in the clear, and reads to the end; what came and whether it broke. */
async function sendRaw(port: number, bytes: Uint8Array): Promise<number> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  let count = 0;
  try {
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    const buffer = new Uint8Array(4096);
    for (;;) {
      const got = await conn.read(buffer);
      if (got === null) return count;
      count += got;
    }
  } catch {
    return count;
  }
}

Deno.test.each([
  ["the runtime's client", {}],
  ["Node's client", { pins: ["pinned"] }],
])("TLS by %s passes bytes both ways, ends half by half and closes", async (_, extra) => {
  await using ca = await TestCa.make();
  const pair = await ca.sign(["edge.test"]);
  await using rig = await TlsRig.open([await ca.write("edge", pair)], { alpn: ["revtun"] });
  const pins = "pins" in extra ? [fingerprintOf(derOf(pair.cert))] : [];
  const client = await connect(rig, {
    ca: ca.cert,
    serverName: "edge.test",
    alpn: ["revtun"],
    pins,
  });
  const server = await rig.connection();
  assert.equal(client.connection.tls?.alpn, "revtun");
  assert.equal(server.connection.tls?.alpn, "revtun");
  assert.equal(server.connection.tls?.version, "TLSv1.3");
  assert.equal(server.connection.tls?.serverName, "edge.test");
  assert.deepEqual(server.connection.remote, client.connection.local);

  const megabytes = new Uint8Array(3 << 20).map((_, index) => index * 31);
  client.write("hello");
  client.connection.write(megabytes);
  client.connection.end();
  await server.until(() => server.isEnded);
  assert.equal(server.receivedBytes, megabytes.length + 5);
  server.connection.write(megabytes);
  server.connection.end();
  await client.until(() => client.isClosed);
  assert.equal(client.error, undefined);
  const whole = new Uint8Array(await new Blob(client.received as BlobPart[]).arrayBuffer());
  assert.deepEqual(fingerprintOf(whole), fingerprintOf(megabytes));
  await server.until(() => server.isClosed);
  assert.equal(server.error, undefined);
  assert.equal(server.connection.queuedBytes, 0);
});

Deno.test("a reader that pauses holds the writer up, and nothing is lost", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("edge", ["edge.test"])]);
  const client = await connect(rig, { ca: ca.cert, serverName: "edge.test" });
  const server = await rig.connection();
  client.connection.pause();
  const piece = new Uint8Array(256 << 10);
  let sentBytes = 0;
  while (server.connection.write(piece)) sentBytes += piece.length;
  sentBytes += piece.length;
  for (let i = 0; i < 40; i++, sentBytes += piece.length) server.connection.write(piece);
  assert.ok(server.connection.queuedBytes > 0);
  client.connection.resume();
  server.connection.end();
  await client.until(() => client.isEnded);
  assert.equal(client.receivedBytes, sentBytes);
  client.connection.end();
  await server.until(() => server.isClosed);
});

Deno.test("certificates are chosen by the name that a client asks for", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([
    await ca.signFiles("first", ["first.test", "127.0.0.1"]),
    await ca.signFiles("second", ["second.test", "*.wild.test"]),
  ]);
  // An address is no name to ask for: such a client names nobody, and gets the first one.
  for (const serverName of ["first.test", "second.test", "a.wild.test", "127.0.0.1"]) {
    const client = await connect(rig, { ca: ca.cert, serverName });
    client.connection.close();
  }
  assert.deepEqual(rig.refused, []);
  for (const serverName of ["third.test", "a.b.wild.test", "wild.test"]) {
    await refusalOf(rig, { ca: ca.cert, serverName });
  }
  assert.deepEqual(rig.refused, ["unknownName", "unknownName", "unknownName"]);
});

Deno.test("a server that is not to be trusted is refused with the reason", async () => {
  await using ca = await TestCa.make();
  await using other = await TestCa.make();
  const cases: [string[], number, number, TlsClientOptions, RegExp][] = [
    [["edge.test"], -1, 30, { ca: ca.cert, serverName: "other.test" }, /for another name/],
    [["edge.test"], -1, 30, { serverName: "edge.test" }, /signed by nobody that is trusted/],
    [["edge.test"], -1, 30, { ca: other.cert, serverName: "edge.test" }, /signed by nobody/],
    [["edge.test"], -9, -1, { ca: ca.cert, serverName: "edge.test" }, /has expired/],
    [["edge.test"], 2, 30, { ca: ca.cert, serverName: "edge.test" }, /not valid yet/],
  ];
  const keyPair = await ca.sign(["client.test"]);
  for (const [names, fromDays, toDays, tls, expected] of cases) {
    // The store chooses by name, the certificate without names stands for all of them.
    const pair = await ca.sign(names, fromDays, toDays);
    const nameless = await ca.sign([]);
    await using rig = await TlsRig.open([
      await ca.write("edge", pair),
      await ca.write("nameless", nameless),
    ]);
    assert.match(await refusalOf(rig, tls), expected);
    assert.match(await refusalOf(rig, { ...tls, keyPair }), expected);
    assert.equal(await refusalOf(rig, { ...tls, isInsecure: true }), "connected");
  }
});

Deno.test("a pin is the server's whole certificate, and nothing else will do", async () => {
  await using ca = await TestCa.make();
  const life = { notBefore: new Date(Date.now() - 1e6), notAfter: new Date(Date.now() + 1e9) };
  const own = await makeCertificate({ commonName: "own", names: ["own.test"], ...life });
  await using rig = await TlsRig.open([await ca.write("own", own)]);
  const pin = fingerprintOf(derOf(own.cert));
  const wrong = pin.replace(/^./, (digit) => digit === "0" ? "1" : "0");
  const client = await connect(rig, { pins: [wrong, pin] });
  client.write("credential");
  await (await rig.connection()).until(() => rig.accepted[0]!.text === "credential");
  client.connection.close();

  assert.match(await refusalOf(rig, { pins: [wrong] }), new RegExp(`sha256:${pin}, which is not`));
  assert.match(await refusalOf(rig, { pins: [wrong], isInsecure: true }), /is not the pinned one/);
  // With a CA as well both must be right.
  const tls = { pins: [pin], ca: ca.cert, serverName: "own.test" };
  assert.match(await refusalOf(rig, tls), /signed by nobody that is trusted/);
  for (const peer of rig.accepted.slice(1)) {
    await peer.until(() => peer.isClosed || peer.isEnded);
    assert.equal(
      peer.receivedBytes,
      0,
      "something was sent to a server that is not the pinned one",
    );
  }
});

Deno.test("clients show certificates where the listener asks for them", async () => {
  await using ca = await TestCa.make();
  await using other = await TestCa.make();
  const files = [await ca.signFiles("edge", ["edge.test"])];
  await using rig = await TlsRig.open(files, { clientCa: ca.certFile });
  const tls = { ca: ca.cert, serverName: "edge.test" };
  const keyPair = await ca.sign(["agent-1.test", "spiffe://corp/agent-1"]);
  const client = await connect(rig, { ...tls, keyPair });
  const { peerCertificate } = (await rig.connection()).connection.tls!;
  assert.deepEqual(peerCertificate?.names.uri, ["spiffe://corp/agent-1"]);
  assert.equal(peerCertificate?.fingerprint, fingerprintOf(derOf(keyPair.cert)));
  client.connection.close();

  // In TLS 1.3 a client is through before the server has judged its certificate.
  const bad: [TlsClientOptions["keyPair"], RegExp][] = [
    [undefined, /asks for a client certificate, and none was given|may want another client cert/],
    [await other.sign(["agent-1.test"]), /closed by the far side|refuses our certificate|broke|^$/],
    [
      await ca.sign(["agent-1.test"], -9, -1),
      /closed by the far side|refuses our certificate|broke|^$/,
    ],
  ];
  for (const [wrong, expected] of bad) {
    const peer = await connect(rig, { ...tls, keyPair: wrong });
    await peer.until(() => peer.isClosed || peer.isEnded);
    assert.match(peer.error?.message ?? "", expected);
    assert.equal(peer.receivedBytes, 0);
    peer.connection.close();
  }
  assert.equal(rig.accepted.length, 1);
  assert.deepEqual(rig.refused, ["noCertificate", "untrusted", "untrusted"]);
});

Deno.test("what is no handshake is refused, each with its count", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("edge", ["edge.test"])], {
    handshakeTimeoutMs: 300,
  });
  await sendRaw(rig.port, encoder.encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  // A ClientHello that claims 16 MiB, whole records of it.
  const record = new Uint8Array(5 + (16 << 10));
  record.set([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]);
  await sendRaw(rig.port, new Uint8Array(await new Blob(Array(20).fill(record)).arrayBuffer()));
  // The start of one, and no more.
  await sendRaw(rig.port, record.subarray(0, 9));
  await sendRaw(rig.port, new Uint8Array(0));
  assert.deepEqual(rig.refused, ["garbage", "garbage", "timeout", "timeout"]);
  assert.equal(rig.accepted.length, 0);
  // Others are served all the while.
  const client = await connect(rig, { ca: ca.cert, serverName: "edge.test" });
  client.connection.close();
});

Deno.test("a client that leaves within its handshake does not keep its place", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("edge", ["edge.test"])], {
    handshakeTimeoutMs: 60_000,
    maxHandshakes: 1,
  });
  for (let count = 0; count < 3; count++) {
    (await Deno.connect({ hostname: "127.0.0.1", port: rig.port })).close();
    await until("its end", () => rig.refused.length > count);
  }
  const client = await connect(rig, { ca: ca.cert, serverName: "edge.test" });
  client.connection.close();
});

Deno.test("silent connections do not take the place of others for longer than they may", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("edge", ["edge.test"])], {
    handshakeTimeoutMs: 500,
    maxHandshakes: 3,
  });
  const silent = await Promise.all(
    Array.from({ length: 5 }, () => Deno.connect({ hostname: "127.0.0.1", port: rig.port })),
  );
  const ends = silent.map(async (conn) => {
    const end = await conn.read(new Uint8Array(1)).catch(() => null);
    conn.close();
    return end;
  });
  assert.deepEqual(await Promise.all(ends), [null, null, null, null, null]);
  assert.deepEqual(rig.refused.toSorted(), [
    "overload",
    "overload",
    "timeout",
    "timeout",
    "timeout",
  ]);
  const client = await connect(rig, { ca: ca.cert, serverName: "edge.test" });
  client.connection.close();
});

Deno.test("dial() over TLS to who says nothing ends with its deadline", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("edge", ["edge.test"])]);
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { kind: "tcp", host: "127.0.0.1", port: silent.addr.port } as const;
  const accepted = silent.accept();
  for (const tls of [{ ca: ca.cert }, { isInsecure: true }]) {
    await assert.rejects(
      dial(address, rig.runtime, { timeoutMs: 200, tls }),
      /no answer within 200 ms/,
    );
  }
  (await accepted).close();
});
