import assert from "node:assert/strict";
import { ConnectProxy } from "../../lib/agent/connect_proxy.ts";
import { DialError } from "../../lib/errors.ts";
import { Secret } from "../../lib/secret.ts";
import { dial } from "../../lib/transport/dial.ts";
import { fingerprintOf } from "../../lib/transport/peer_certificate.ts";
import { TestCa, TestPeer, TlsRig } from "../transport/tls_support.ts";
import { X509Certificate } from "node:crypto";
import { HttpProxy } from "./http_proxy.ts";
import { Backend, deadAddress, Reader, shout, testRuntime } from "./support.ts";
import type { TestRuntime } from "./support.ts";

const TARGET = { kind: "tcp", host: "server.invalid", port: 9000 } as const;
const PASSWORD = "pässword-1";
const CREDENTIALS = new Secret(`till-7:${PASSWORD}`);

/** A proxy that says `answer` to whatever it is asked, and then ends or goes on. */
function answering(
  runtime: TestRuntime,
  answer: string,
  onAsked?: (head: string) => void,
  isEnding = false,
): Backend {
  return new Backend(runtime, (connection) => {
    let head = "";
    connection.attach({
      onData: (bytes) => {
        head += new TextDecoder().decode(bytes);
        if (!head.endsWith("\r\n\r\n")) return;
        onAsked?.(head);
        connection.write(new TextEncoder().encode(answer));
        if (isEnding) connection.end();
      },
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  });
}

Deno.test("ConnectProxy asks for host and port, and leaves what is behind the answer", async () => {
  using runtime = testRuntime();
  let asked = "";
  await using proxy = answering(
    runtime,
    "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nX: y\r\n\r\n\x01first",
    (head) => asked = head,
  );
  const connection = await dial(TARGET, runtime, {
    timeoutMs: 5000,
    proxy: new ConnectProxy(proxy.address, CREDENTIALS),
  });
  const reader = new Reader(connection);
  assert.equal(await reader.textWith("first"), "\x01first");
  const basic = btoa(unescape(encodeURIComponent(`till-7:${PASSWORD}`)));
  assert.equal(
    asked,
    "CONNECT server.invalid:9000 HTTP/1.1\r\nHost: server.invalid:9000\r\n" +
      `Proxy-Authorization: Basic ${basic}\r\n\r\n`,
  );
  assert.deepEqual(connection.remote, TARGET);
  connection.close();
});

Deno.test("ConnectProxy says what a proxy answers that leads nowhere", async () => {
  using runtime = testRuntime();
  const basic = 'Proxy-Authenticate: Basic realm="x"\r\n';
  const cases: [answer: string, message: RegExp, credentials?: Secret][] = [
    [`HTTP/1.1 407 No\r\n${basic}\r\n`, /407 No: it wants credentials, .*--proxy-file/],
    [`HTTP/1.1 407 No\r\n${basic}\r\n`, /does not take the credentials/, CREDENTIALS],
    ["HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n", /another authentication than Basic/],
    ["HTTP/1.1 403 Filtered\r\n\r\n", /403 Filtered: .*443/],
    ["HTTP/1.1 502 \r\n\r\n", /502: it cannot reach that itself/],
    ["HTTP/1.1 405 \x80\x9b\r\n\r\n", /405 Â\ufffdÂ\ufffd: it does not do what CONNECT/],
    ["HTTP/1.1 101 Switching\r\n\r\n", /101 Switching/],
    ["", /closed without an answer/],
    ["HTTP/1.1 200 OK\r\nX", /closed without an answer/],
    ["SSH-2.0-OpenSSH\r\n", /an SSH server answers there, no HTTP proxy/],
    ["\x15\x03\x01\x00\x02\x02\x46", /answers there, no HTTP proxy/],
    ["HTTP/1.1 200 OK\nX: y\n\n", /its answer is broken: /],
    ["HTTP/1.1 2x0 OK\r\n\r\n", /its answer is broken: the status is not three digits/],
    [`HTTP/1.1 200 OK\r\nX: ${"y".repeat(17_000)}`, /head is over 16384 bytes/],
    [`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(129)}\r\n`, /more than 128 header fields/],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(1000), /head is over 16384 bytes/],
  ];
  for (const [answer, message, credentials] of cases) {
    await using proxy = answering(runtime, answer, undefined, true);
    const dialled = dial(TARGET, runtime, {
      timeoutMs: 5000,
      proxy: new ConnectProxy(proxy.address, credentials),
    });
    await assert.rejects(dialled, (error) => {
      assert.ok(error instanceof DialError);
      assert.match(error.message, message);
      assert.ok(
        error.message.startsWith(`Cannot connect to server.invalid:9000: proxy ${proxy.text}: `),
        error.message,
      );
      assert.ok(!error.message.includes(PASSWORD));
      return true;
    });
  }
});

Deno.test("dial() by a proxy that is not there, or says nothing, ends in time", async () => {
  using runtime = testRuntime();
  const proxy = new ConnectProxy(await deadAddress(runtime));
  await assert.rejects(
    dial(TARGET, runtime, { timeoutMs: 5000, proxy }),
    /server\.invalid:9000: proxy 127\.0\.0\.1:\d+: connection refused/,
  );
  for (const answer of ["", "HTTP/1.1 200 OK\r\n"]) {
    await using silent = answering(runtime, answer);
    const proxy = new ConnectProxy(silent.address);
    await assert.rejects(
      dial(TARGET, runtime, { timeoutMs: 50, proxy }),
      /no answer through proxy 127\.0\.0\.1:\d+ within 50 ms/,
    );
    const abort = new AbortController();
    const dialled = dial(TARGET, runtime, { timeoutMs: 5000, proxy, signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await assert.rejects(dialled, /given up/);
  }
  assert.equal(runtime.timers.size, 0);
});

Deno.test("dial() by a proxy checks TLS as it does without", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("server", ["server.invalid"])], {
    clientCa: ca.certFile,
    alpn: ["revtun"],
  });
  await using http = await HttpProxy.start();
  const proxy = new ConnectProxy(http.address);
  const { runtime } = rig;
  const target = { ...TARGET, port: rig.port };
  const keyPair = await ca.sign(["agent-1.test"]);
  const cert = await Deno.readTextFile(`${ca.folder}/server.pem`);
  const pin = fingerprintOf(new X509Certificate(cert).raw);
  const alpn = ["revtun"];
  const ways = [{ ca: ca.cert, keyPair }, { pins: [pin], keyPair }, { isInsecure: true, keyPair }];
  for (const [index, way] of ways.entries()) {
    const tls = { ...way, alpn };
    const peer = new TestPeer(await dial(target, runtime, { timeoutMs: 5000, proxy, tls }));
    peer.write("credential");
    const server = await rig.connection(index);
    await server.until(() => server.text === "credential");
    const { serverName, alpn: agreed, peerCertificate } = server.connection.tls!;
    assert.deepEqual([serverName, agreed], ["server.invalid", "revtun"]);
    assert.equal(
      peerCertificate?.fingerprint,
      fingerprintOf(new X509Certificate(keyPair.cert).raw),
    );
    assert.deepEqual(peer.connection.remote, target);
    server.write("x".repeat(300_000));
    server.connection.end();
    await peer.until(() => peer.isEnded);
    assert.equal(peer.receivedBytes, 300_000);
    peer.connection.close();
    await server.until(() => server.isEnded || server.isClosed);
  }
  const refused: [RegExp, object][] = [
    [/not the pinned one/, { pins: ["0".repeat(64)], keyPair }],
    [/signed by nobody that is trusted/, { keyPair }],
    [/for another name/, { ca: ca.cert, serverName: "127.0.0.1", keyPair }],
    [/signed by nobody that is trusted/, {}],
  ];
  for (const [message, tls] of refused) {
    await assert.rejects(dial(target, runtime, { timeoutMs: 5000, proxy, tls }), message);
  }
  assert.deepEqual(new Set(http.asked), new Set([`server.invalid:${rig.port}`]));
});

Deno.test("dial() by a proxy in the clear and inside the runtime's own TLS", async () => {
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("server", ["server.invalid"])]);
  const { runtime } = rig;
  await using http = await HttpProxy.start(`Basic ${btoa("till-7:pw")}`);
  const proxy = new ConnectProxy(http.address, new Secret("till-7:pw"));
  const target = { ...TARGET, port: rig.port };
  const tls = { ca: ca.cert };
  const peer = new TestPeer(await dial(target, runtime, { timeoutMs: 5000, proxy, tls }));
  peer.write("inside");
  const server = await rig.connection();
  await server.until(() => server.text === "inside");
  peer.connection.close();

  const testing = { ...runtime, [Symbol.dispose]: () => {} };
  await using backend = new Backend(testing, shout);
  const clear = { ...TARGET, port: backend.address.port };
  const reader = new Reader(await dial(clear, runtime, { timeoutMs: 5000, proxy }));
  reader.write("hello");
  await reader.textWith("HELLO");
  reader.duplex.end();
  await reader.end();
  reader.duplex.close();

  const dead = { ...TARGET, port: (await deadAddress(testing)).port };
  await assert.rejects(dial(dead, runtime, { timeoutMs: 5000, proxy }), /502 Bad Gateway/);
  await assert.rejects(
    dial(dead, runtime, { timeoutMs: 5000, proxy: new ConnectProxy(http.address) }),
    /407 .*it wants credentials/,
  );
});
