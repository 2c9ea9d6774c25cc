import assert from "node:assert/strict";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Server as TlsServer } from "node:tls";
import { formatAddress } from "../../lib/address.ts";
import { startAgent } from "../../lib/agent/agent.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import { parseServerTiming, parseViaUrl, probeVia } from "../../lib/agent/probe/probe_via.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import type { Duplex } from "../../lib/duplex.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { startServer } from "../../lib/server/server.ts";
import type { Step } from "../../lib/step.ts";
import { runCli } from "../cli/run_cli.ts";
import { TestCa } from "../transport/tls_support.ts";
import { Backend, deadAddress, testRuntime, until } from "./support.ts";

const ON_0 = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const PLAIN_TLS = { ca: undefined, serverName: undefined, pins: [], isInsecure: false };

/** A server and an agent whose default target is `target`. */
class Way implements AsyncDisposable {
  readonly #close: () => Promise<void>;
  readonly url: string;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async open(
    runtime: Runtime,
    target: string,
    init: Partial<ServerConfig> = {},
    scheme: "http" | "https" = "http",
  ): Promise<Way> {
    const frontends = [{ scheme, address: ON_0, target: "" }] as const;
    const server = await startServer(
      serverConfig({ tunnels: [ON_0], frontends, ...init }),
      runtime,
      "revtun/test",
    );
    const agent = await startAgent(
      agentConfig({
        cluster: "edge-a",
        hostName: "till-7",
        servers: server.tunnelAddresses,
        targets: parseTargets([target]),
      }),
      runtime,
      { software: "revtun/test" },
    );
    await until("host", () => server.registry.hostCount > 0);
    return new Way(`${scheme}://${formatAddress(server.frontendAddresses[0]!)}`, async () => {
      await agent.abort();
      await server.close(0);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

async function probed(runtime: Runtime, url: string, ca?: string): Promise<Step[]> {
  const options = { url: parseViaUrl(url), tls: { ...PLAIN_TLS, ca }, timeoutMs: 10_000 };
  return await Array.fromAsync(probeVia(options, runtime, new AbortController().signal));
}

function answering(text: string): (connection: Duplex) => void {
  return (connection) => {
    connection.attach({
      onData: () => connection.write(new TextEncoder().encode(text)),
      onEnd: () => connection.end(),
      onDrain() {},
      onClose() {},
    });
  };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

Deno.test("probeVia() shows the time of each hop where the server tells", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, answering(OK));
  await using way = await Way.open(runtime, backend.text, { tellsTimings: true });
  const [connect, request, hops] = await probed(runtime, `${way.url}/a?b=c`);
  assert.equal(connect!.verdict, "ok");
  assert.equal(request!.verdict, "ok");
  assert.match(
    request!.detail,
    /^GET \/a\?b=c by HTTP\/1\.1 is answered with 200, first byte after .*, 5 bytes/,
  );
  assert.match(hops!.detail, /^way to the frontend .*, tunnel .*, dial .*, first byte .* ms$/);
  const names = ["way_ms", "frontend_ms", "queue_ms", "tunnel_ms", "dial_ms", "first_byte_ms"];
  assert.deepEqual(Object.keys(hops!.facts!), names);
  const total = names.reduce((sum, name) => sum + Number(hops!.facts![name]), 0);
  const seen = Number(request!.facts!["first_byte_ms"]);
  // Each of them is rounded.
  assert.ok(Math.abs(total - seen) < 1, `${total} of ${seen} ms`);
});

Deno.test("probeVia() says so where the server does not tell", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, answering(OK));
  await using way = await Way.open(runtime, backend.text);
  const steps = await probed(runtime, way.url);
  assert.deepEqual(steps.map(({ name }) => name), ["connect", "request", "hops"]);
  assert.match(steps[2]!.detail, /^the server does not tell.*--probe-timings/);
  assert.ok(Number(steps[1]!.facts!["first_byte_ms"]) > 0);
});

Deno.test("probeVia() says who answered in place of the target, and what helps", async () => {
  using runtime = testRuntime();
  const dead = await deadAddress(runtime);
  await using down = await Way.open(runtime, `127.0.0.1:${dead.port}`);
  const refused = (await probed(runtime, down.url)).at(-1)!;
  assert.equal(refused.verdict, "fail");
  assert.match(refused.detail, /^502 by revtun itself \(target-refused\)/);
  assert.match(refused.advice!, /--targets --config/);
  assert.equal(refused.facts!["error"], "target-refused");

  await using broken = new Backend(
    runtime,
    answering("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
  );
  await using failing = await Way.open(runtime, broken.text);
  const failed = (await probed(runtime, failing.url))[1]!;
  assert.equal(failed.verdict, "warn");
  assert.match(failed.advice!, /the service behind the agent/);

  await using ssh = new Backend(runtime, answering("SSH-2.0-OpenSSH_9.2\r\n"));
  const stranger = (await probed(runtime, `http://${ssh.text}/`)).at(-1)!;
  assert.match(stranger.detail, /^what answers is no HTTP/);
  const nobody = (await probed(runtime, `http://127.0.0.1:${dead.port}/`)).at(-1)!;
  assert.equal(nobody.detail, "connection refused");
  assert.match(nobody.advice!, /--listen/);
});

Deno.test("probeVia() checks the frontend's certificate", async () => {
  using runtime = testRuntime();
  await using ca = await TestCa.make();
  const files = [await ca.signFiles("frontend", ["127.0.0.1"])];
  await using backend = new Backend(runtime, answering(OK));
  const frontendTls = { files };
  await using way = await Way.open(
    runtime,
    backend.text,
    { frontendTls, tellsTimings: true },
    "https",
  );
  const good = await probed(runtime, way.url, ca.certFile);
  assert.deepEqual(good.map(({ name }) => name), ["connect", "tls", "request", "hops"]);
  assert.ok(good.every(({ verdict }) => verdict === "ok"));
  // HTTP/2 wherever both can.
  assert.match(good[1]!.detail, /ALPN h2/);
  assert.match(good[2]!.detail, /^GET \/ by HTTP\/2 is answered with 200, .*, 5 bytes/);
  assert.equal(good[2]!.facts!["http_version"], "2");
  assert.match(good[3]!.detail, /^way to the frontend .*, dial .*, first byte .* ms$/);
  const bad = await probed(runtime, way.url);
  assert.deepEqual(bad.map(({ verdict }) => verdict), ["ok", "fail"]);
});

Deno.test("parseServerTiming() takes nothing for a time that is none", () => {
  const times = parseServerTiming(
    'a;dur=1.5, B ; desc="x" ; dur="2", c, d;dur=-1, e;dur=x, f;dur=',
  );
  assert.deepEqual([...times], [["a", 1.5], ["b", 2]]);
});

Deno.test("revtun probe --via needs no server, and takes a URL of HTTP only", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, answering(OK));
  await using way = await Way.open(runtime, backend.text, { tellsTimings: true });
  const { code, stdout } = await runCli(["probe", "--via", `${way.url}/`, "--json"]);
  assert.equal(code, 0, stdout);
  assert.deepEqual(JSON.parse(stdout).servers, []);
  for (const url of ["ftp://x/", "nonsense", "http://me:secret@cloud/"]) {
    const wrong = await runCli(["probe", "--via", url]);
    assert.equal(wrong.code, 2);
    assert.ok(!wrong.stderr.includes("secret"), wrong.stderr);
  }
});

Deno.test("probeVia() asks by HTTP/1.1 inside TLS where the frontend speaks nothing else", async () => {
  using runtime = testRuntime();
  await using ca = await TestCa.make();
  const server = createHttpsServer(
    await ca.sign(["127.0.0.1"]),
    (_, response) => response.end("hello"),
  );
  const url = await listening(server);
  const steps = await probed(runtime, url, ca.certFile);
  assert.match(steps[1]!.detail, /ALPN http\/1\.1/);
  assert.match(steps[2]!.detail, /^GET \/ by HTTP\/1\.1 is answered with 200, .*, 5 bytes/);
  assert.equal(steps[2]!.facts!["http_version"], "1.1");
  server.close();
});

Deno.test("probeVia() says so where HTTP/2 was agreed on and something else comes", async () => {
  using runtime = testRuntime();
  await using ca = await TestCa.make();
  for (const answer of ["SSH-2.0-OpenSSH_9.2\r\n", undefined]) {
    const server = createTlsServer(
      { ...await ca.sign(["127.0.0.1"]), ALPNProtocols: ["h2"] },
      (socket) => {
        socket.on("error", () => {});
        socket.once("data", () => answer === undefined ? socket.end() : socket.end(answer));
      },
    );
    const steps = await probed(runtime, await listening(server), ca.certFile);
    const { name, verdict, detail } = steps.at(-1)!;
    assert.deepEqual([name, verdict], ["request", "fail"]);
    assert.equal(detail, "it agreed on HTTP/2 and broke off without an answer");
    server.close();
  }
});

async function listening(server: TlsServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
