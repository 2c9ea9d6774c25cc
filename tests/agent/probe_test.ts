import assert from "node:assert/strict";
import { ConnectProxy } from "../../lib/agent/connect_proxy.ts";
import { describePeer } from "../../lib/agent/probe/describe_peer.ts";
import { probe } from "../../lib/agent/probe/probe.ts";
import type { ProbeOptions } from "../../lib/agent/probe/probe_options.ts";
import { runStep } from "../../lib/step.ts";
import type { Step } from "../../lib/step.ts";
import type { Address } from "../../lib/address.ts";
import { clockStep } from "../../lib/agent/probe/session_step.ts";
import type { Duplex } from "../../lib/duplex.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { Secret } from "../../lib/secret.ts";
import { serverConfig } from "../../lib/server/config.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import type { CertificateStoreOptions } from "../../lib/transport/certificate_store.ts";
import { StandInServer } from "../interop/mosn/stand_in_server.ts";
import { TestCa } from "../transport/tls_support.ts";
import { runCli } from "../cli/run_cli.ts";
import { FakeServer } from "./fake_server.ts";
import { HttpProxy } from "./http_proxy.ts";
import { Backend, deadAddress, testRuntime } from "./support.ts";

async function probed(
  runtime: Runtime,
  server: ProbeOptions["server"],
  options: Partial<ProbeOptions> = {},
): Promise<Step[]> {
  const steps: Step[] = [];
  const all: ProbeOptions = {
    server,
    hostName: "probe",
    credentialPolicy: "",
    credential: undefined,
    software: "revtun/test",
    timeoutMs: 5000,
    pings: 5,
    ...options,
  };
  for await (const step of probe(all, runtime, new AbortController().signal)) steps.push(step);
  return steps;
}

const namesOf = (steps: Step[]) =>
  steps.map(({ name, verdict }) => verdict !== "fail" ? name : `${name} failed`).join(", ");

/** A whole server on loopback. */
class TestServer implements AsyncDisposable {
  readonly server: RunningServer;

  private constructor(server: RunningServer) {
    this.server = server;
  }

  static async start(
    runtime: Runtime,
    tunnelTls: CertificateStoreOptions | undefined,
  ): Promise<TestServer> {
    const config = serverConfig({ tunnels: [on(0)], tunnelTls });
    return new TestServer(await startServer(config, runtime, "revtun/test"));
  }

  get address(): Address {
    return this.server.tunnelAddresses[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close(0);
  }
}

const on = (port: number) => ({ kind: "tcp", host: "127.0.0.1", port }) as const;

Deno.test("probe() goes the whole way and says who it is and that it only asks", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const steps = await probed(runtime, server.address, {
    cluster: "edge-a",
    credentialPolicy: "token",
    credential: new Secret("s3cret"),
  });
  assert.equal(namesOf(steps), "connect, handshake, session, cluster");
  assert.deepEqual(server.infos.map(({ hello }) => hello?.purpose), ["probe", "probe"]);
  assert.match(server.infos[0]!.clusterName, /^revtun-probe-/);
  assert.equal(server.infos[1]!.clusterName, "edge-a");
  assert.equal(server.infos[1]!.credential, "s3cret");
  assert.equal(steps[2]!.facts?.["pings"], 5);
  assert.ok(!JSON.stringify(steps).includes("s3cret"));
});

Deno.test("probe() by a proxy has a step for it, and leaves the name to it", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  await using http = await HttpProxy.start();
  const proxy = new ConnectProxy(http.address);
  const address = { kind: "tcp", host: "server.invalid", port: server.address.port } as const;
  const steps = await probed(runtime, address, { proxy, cluster: "edge-a" });
  assert.equal(namesOf(steps), "proxy, connect, handshake, session, cluster");
  assert.equal(steps[0]!.subject, http.text);
  assert.equal(steps[1]!.subject, `server.invalid:${address.port}`);

  const elsewhere = { ...address, port: (await deadAddress(runtime)).port };
  const unreachable = await probed(runtime, elsewhere, { proxy });
  assert.equal(namesOf(unreachable), "proxy, connect failed");
  assert.match(unreachable[1]!.detail, /^proxy 127\.0\.0\.1:\d+: 502 Bad Gateway/);
  http.authorization = "Basic none";
  const refused = await probed(runtime, address, { proxy });
  assert.equal(namesOf(refused), "proxy, connect failed");
  assert.match(refused[1]!.advice!, /--proxy-file/);

  const gone = await probed(runtime, address, {
    proxy: new ConnectProxy(await deadAddress(runtime)),
  });
  assert.equal(namesOf(gone), "proxy failed");

  await using stranger = new Backend(runtime, (connection) => {
    connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"));
  });
  http.authorization = undefined;
  const tls = { ca: undefined, serverName: undefined, pins: [], isInsecure: true };
  const strange = { ...address, port: stranger.address.port };
  const bySsh = await probed(runtime, strange, { proxy, tls, timeoutMs: 1000 });
  assert.equal(namesOf(bySsh), "proxy, connect, tls failed");
  assert.match(bySsh[2]!.detail, /in the clear, an SSH server answers there/);
});

Deno.test("probe() warns before it sends a credential in the clear off this machine", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  // Which is this machine, too, and no address of loopback.
  const anywhere = { ...server.address, host: "0.0.0.0" };
  const credential = new Secret("s3cret");
  const steps = await probed(runtime, anywhere, { cluster: "edge-a", credential });
  assert.equal(namesOf(steps), "connect, credential, handshake, session, cluster");
  const { verdict, detail, advice } = steps[1]!;
  assert.equal(verdict, "warn");
  assert.match(`${detail}; ${advice}`, /unencrypted.*tls:\/\/.*--tls/);
  assert.ok(!JSON.stringify(steps).includes("s3cret"));
  assert.deepEqual(server.infos.map((info) => info.credential), ["s3cret", "s3cret"]);
});

Deno.test("probe() follows every address of a name", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const steps = await probed(runtime, { ...server.address, host: "localhost" });
  assert.equal(steps[0]!.name, "resolve");
  const connects = steps.filter(({ name }) => name === "connect");
  assert.equal(connects.length, steps[0]!.detail.split(", ").length);
  assert.ok(connects.some(({ verdict }) => verdict === "ok"));
});

Deno.test("probe() registers nothing with MOSN, and knows it by its answer", async () => {
  using runtime = testRuntime();
  await using server = new StandInServer({ clusters: ["edge-a"] });
  const steps = await probed(runtime, on(server.port), { cluster: "edge-a" });
  assert.equal(namesOf(steps), "connect, handshake");
  assert.equal(steps[1]!.detail, "no such cluster: MOSN, for a cluster that it does not have");
  assert.equal(server.hosts.size, 0);
  assert.equal(server.frames.length, 1);
});

Deno.test("probe() tells a refusal of the cluster from a refusal of the credential", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime, { status: 4 });
  const open = await probed(runtime, server.address);
  assert.equal(namesOf(open), "connect, handshake");
  assert.match(open[1]!.detail, /declared clusters only/);
  const named = await probed(runtime, server.address, { cluster: "edge-b" });
  assert.equal(namesOf(named), "connect, handshake, cluster failed");
  assert.match(named[2]!.advice!, /declare the cluster/);
  server.status = 2;
  const stranger = await probed(runtime, server.address);
  assert.equal(namesOf(stranger), "connect, handshake failed");
  assert.match(stranger[1]!.advice!, /--token-file/);
});

Deno.test("probe() says what is wrong where nothing, or something else, answers", async () => {
  using runtime = testRuntime();
  const refused = await probed(runtime, await deadAddress(runtime));
  assert.equal(namesOf(refused), "connect failed");
  assert.match(refused[0]!.advice!, /start `revtun server`/);

  const unknown = await probed(runtime, { kind: "tcp", host: "n".repeat(70), port: 9000 });
  assert.equal(namesOf(unknown), "resolve failed");

  const silent = (_: Duplex) => {};
  const closing = (connection: Duplex) => connection.close();
  const answering = (text: string) => (connection: Duplex) => {
    connection.attach({
      onData: () => connection.write(new TextEncoder().encode(text)),
      onEnd: () => connection.close(),
      onDrain() {},
      onClose() {},
    });
  };
  const cases: [(connection: Duplex) => void, RegExp][] = [
    [silent, /not answered in time/],
    [closing, /without an answer|broke/],
    [answering("HTTP/1.1 400 Bad Request\r\n\r\n"), /a web server/],
    [answering("SSH-2.0-OpenSSH_9.2\r\n"), /an SSH server/],
    [answering("\x15\x03\x01\0\x02\x02\x46"), /a TLS server/],
    [answering("what?"), /the bytes 776861743f/],
  ];
  for (const [serve, expected] of cases) {
    await using backend = new Backend(runtime, serve);
    const steps = await probed(runtime, backend.address, { timeoutMs: 200 });
    assert.equal(namesOf(steps), "connect, handshake failed");
    assert.match(steps[1]!.detail, expected);
  }
});

Deno.test("probe() finds TLS where plain TCP was meant, and the reverse, and who else is there", async () => {
  using runtime = testRuntime();
  await using ca = await TestCa.make();
  const files = await ca.signFiles("server", ["127.0.0.1"]);
  const tls = { ca: undefined, serverName: undefined, pins: [], isInsecure: true };
  await using secure = await TestServer.start(runtime, { files: [files] });
  await using plain = await TestServer.start(runtime, undefined);
  const inTheClear = (await probed(runtime, secure.address)).at(-1)!;
  assert.match(inTheClear.detail, /a tunnel server with TLS answers there$/);
  assert.match(inTheClear.advice!, /tls:\/\/ in front/);
  const inTls = (await probed(runtime, plain.address, { tls })).at(-1)!;
  assert.equal(inTls.name, "tls");
  assert.match(inTls.detail, /in the clear, a tunnel server answers there$/);
  assert.match(inTls.advice!, /without tls:\/\//);
  assert.equal(plain.server.registry.clusters.size, 0);

  // Answers nothing but a whole request.
  await using web = new Backend(runtime, (connection) => {
    connection.attach({
      onData: (bytes) => {
        if (!new TextDecoder().decode(bytes).includes("\r\n\r\n")) return;
        connection.write(new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\n"));
      },
      onEnd: () => connection.close(),
      onDrain() {},
      onClose() {},
    });
  });
  const silent = (await probed(runtime, web.address, { timeoutMs: 300 })).at(-1)!;
  assert.match(silent.detail, /not answered in time; a web server answers there/);
});

Deno.test("probe() never sends the credential to what it only looks at", async () => {
  using runtime = testRuntime();
  const received: string[] = [];
  await using backend = new Backend(runtime, (connection) => {
    connection.attach({
      onData: (bytes) => {
        received.push(new TextDecoder().decode(bytes));
        connection.close();
      },
      onEnd: () => connection.close(),
      onDrain() {},
      onClose() {},
    });
  });
  const tls = { ca: undefined, serverName: undefined, pins: ["0".repeat(64)], isInsecure: false };
  const credential = new Secret("s3cret");
  const steps = await probed(runtime, backend.address, { tls, credential, cluster: "edge-a" });
  assert.equal(namesOf(steps), "connect, tls failed");
  assert.ok(received.length >= 2, `${received.length} connections said something`);
  assert.ok(!received.join().includes("s3cret"));
});

Deno.test("clockStep() warns where the clocks are far apart, and only then", () => {
  const judged = (aheadMs: number, errorMs: number) => clockStep("s", { aheadMs, errorMs });
  assert.equal(judged(1, 2).detail, "the server's is the same (within 2 ms)");
  assert.equal(judged(-120, 2).detail, "the server's is 120 ms behind (within 2 ms)");
  assert.equal(judged(-120, 2).verdict, "ok");
  const far = judged(90_000, 2);
  assert.equal(far.verdict, "warn");
  assert.equal(far.detail, "the server's is 90.0 s ahead (within 2 ms)");
  assert.match(far.advice!, /NTP/);
});

Deno.test("nothing that a server says acts on the terminal", async () => {
  using runtime = testRuntime();
  const evil = "\x1b]0;owned\x07\x9b31m\u202e";
  await using server = new FakeServer(runtime, { hello: { software: evil, serverId: evil } });
  const address = `127.0.0.1:${server.address.port}`;
  const refusing = new FakeServer(runtime, { status: 2, hello: { reason: evil } });
  await using _ = refusing;
  for (const place of [address, `127.0.0.1:${refusing.address.port}`]) {
    for (const flags of [[], ["--json"]]) {
      const { stdout, stderr } = await runCli(["probe", place, ...flags]);
      assert.match(stdout, /handshake/);
      // deno-lint-ignore no-control-regex
      assert.ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stdout + stderr), stdout);
    }
  }
});

Deno.test("runStep() has words for whatever is thrown", async () => {
  const thrown = async (error: unknown) => {
    const [step, value] = await runStep({
      name: "x",
      subject: "y",
      nowMs: () => 0,
      run: () => Promise.reject(error),
      explain: () => ({ advice: "none" }),
    });
    assert.equal(value, undefined);
    assert.equal(step.verdict, "fail");
    return step.detail;
  };
  assert.equal(await thrown(new Error("a reason")), "a reason");
  assert.equal(await thrown("a text"), "a text");
  assert.equal(await thrown(undefined), "undefined");
  assert.match(await thrown(new DOMException("", "TimeoutError")), /TimeoutError/);
});

Deno.test("describePeer() knows common servers by their first bytes", () => {
  assert.equal(describePeer(new TextEncoder().encode("220 mail")), "a mail or FTP server");
  assert.equal(describePeer(new Uint8Array([5, 255])), "a SOCKS server");
  assert.equal(describePeer(new Uint8Array([0, 0, 18, 4, 0, 0])), "an HTTP/2 server");
  assert.match(describePeer(new Uint8Array([1, 2])), /bytes 0102$/);
});

Deno.test("revtun probe prints a line a step, or JSON, and exits 0 or 1", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const address = `127.0.0.1:${server.address.port}`;
  const plain = await runCli(["probe", address]);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(
    plain.stdout,
    /^ok {3}connect .*\nok {3}handshake .*fake\/1.*\nok {3}session .*median/,
  );
  const json = await runCli(["probe", address, "--json", "--pings", "3"]);
  assert.equal(json.code, 0);
  const result = JSON.parse(json.stdout);
  assert.equal(result.ok, true);
  assert.deepEqual(result.steps.map(({ step }: { step: string }) => step), [
    "connect",
    "handshake",
    "session",
  ]);
  assert.equal(result.steps[2].pings, 3);
  const { port } = await deadAddress(runtime);
  const down = await runCli(["probe", `127.0.0.1:${port}`]);
  assert.equal(down.code, 1);
  assert.match(down.stdout, /^FAIL connect .*connection refused\n {5}start/);
  assert.equal((await runCli(["probe", "nowhere:0"])).code, 2);
  assert.equal((await runCli(["probe"])).code, 2);
});

Deno.test("probe() says what certificate a server shows, and whether it is trusted", async () => {
  using runtime = testRuntime();
  await using ca = await TestCa.make();
  const files = await ca.signFiles("server", ["127.0.0.1", "tunnel.test"]);
  const server = await startServer(
    serverConfig({ tunnels: [on(0)], tunnelTls: { files: [files] } }),
    runtime,
    "revtun/test",
  );
  try {
    const tls = { ca: ca.certFile, serverName: undefined, pins: [], isInsecure: false };
    const [address] = server.tunnelAddresses;
    const steps = await probed(runtime, address!, { tls });
    assert.equal(namesOf(steps), "connect, tls, handshake, clock, session");
    const { detail, facts } = steps[1]!;
    assert.match(
      detail,
      /^TLSv1\.3, ALPN revtun, trusted by --tls-ca: certificate for 127\.0\.0\.1, tunnel\.test by CN=/,
    );
    assert.match(detail, /29 days left, chain of 2, pin sha256:[0-9a-f]{64}$/);
    assert.equal(facts?.["alpn"], "revtun");

    const wrong = await probed(runtime, address!, { tls: { ...tls, serverName: "other.test" } });
    assert.equal(namesOf(wrong), "connect, tls failed");
    assert.match(wrong[1]!.detail, /its certificate is for another name; certificate for 127/);
    assert.match(wrong[1]!.advice!, /--tls-server-name/);

    const pin = String(facts?.["fingerprint"]).slice("sha256:".length);
    const pinned = { ca: undefined, serverName: undefined, pins: [pin], isInsecure: false };
    assert.equal(
      namesOf(await probed(runtime, address!, { tls: pinned, cluster: "edge-a" })),
      "connect, tls, handshake, clock, session, cluster",
    );
  } finally {
    await server.close(0);
  }
});
