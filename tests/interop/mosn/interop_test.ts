/** revtun and MOSN on either side: stand-ins everywhere, real MOSN where MOSN_BIN names one. */
import assert from "node:assert/strict";
import { freePort } from "../../../bench/ports.ts";
import { parseTargets } from "../../../lib/agent/target.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import { serverConfig } from "../../../lib/server/config.ts";
import type { ServerConfig } from "../../../lib/server/config.ts";
import { parseListenSpec } from "../../../lib/server/listen_spec.ts";
import { startServer } from "../../../lib/server/server.ts";
import type { RunningServer } from "../../../lib/server/server.ts";
import { agentFor } from "../../agent/agent_for.ts";
import { Backend, testRuntime, until } from "../../agent/support.ts";
import { HttpReadBuffer } from "./http_exchange.ts";
import { MOSN_BIN, RealMosn } from "./real_mosn.ts";
import { respond, StandInAgent } from "./stand_in_agent.ts";

/** A server of ours with one HTTP frontend, which is closed with the block that made it. */
async function revtunServer(
  runtime: Runtime,
  settings: Partial<ServerConfig> = {},
): Promise<{ server: RunningServer; front: string; tunnelPort: number } & AsyncDisposable> {
  const server = await startServer(
    serverConfig({
      frontends: [parseListenSpec("127.0.0.1:0")],
      tunnels: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
      initTimeoutMs: 300,
      ...settings,
    }),
    runtime,
    "revtun/test",
  );
  const [front] = server.frontendAddresses;
  const [tunnel] = server.tunnelAddresses;
  assert.ok(front?.kind === "tcp" && tunnel?.kind === "tcp");
  return {
    server,
    front: `http://127.0.0.1:${front.port}`,
    tunnelPort: tunnel.port,
    [Symbol.asyncDispose]: () => server.close(0),
  };
}

async function get(url: string): Promise<{ status: number; body: string }> {
  const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
  return { status: response.status, body: await response.text() };
}

/** Answers each request with its own first line. */
function echo(runtime: Runtime): Backend {
  return new Backend(runtime, (connection) => {
    const buffer = new HttpReadBuffer();
    connection.attach({
      onData: (bytes) => {
        for (const { startLine } of buffer.push(bytes)) {
          connection.write(new TextEncoder().encode(respond(startLine)));
        }
      },
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  });
}

Deno.test("a MOSN agent's stand-in registers with our server; answers are never mixed up", async () => {
  using runtime = testRuntime();
  await using tunnel = await revtunServer(runtime);
  await using agent = new StandInAgent({ port: tunnel.tunnelPort, connectionNum: 3 });
  await until("three hosts", () => agent.isBooted && tunnel.server.gauges.tunnels === 3);
  const paths = Array.from({ length: 200 }, (_, index) => `/id/${index}`);
  const answers = await Promise.all(paths.map((path) => get(tunnel.front + path)));
  assert.deepEqual(answers.map(({ body }) => body), paths.map((path) => `GET ${path} HTTP/1.1`));
});

Deno.test("our server keeps a MOSN agent's silent connection beyond the handshake's deadline", async () => {
  using runtime = testRuntime();
  await using tunnel = await revtunServer(runtime, { initTimeoutMs: 50 });
  await using agent = new StandInAgent({
    port: tunnel.tunnelPort,
    connectionNum: 2,
    gracefulCloseMaxWaitMs: 50,
  });
  await until("aside", () => tunnel.server.gauges.asides === 1);
  assert.equal(tunnel.server.gauges.tunnels, 2);
  await agent.stop();
  await until("everything's end", () => {
    const { tunnels, asides, handshakes } = tunnel.server.gauges;
    return tunnels + asides + handshakes === 0;
  });
  assert.equal(tunnel.server.stats.gracefulCloses, 2);
});

Deno.test("a request that waits for a MOSN agent is not lost behind the handshake's answer", async () => {
  using runtime = testRuntime();
  await using tunnel = await revtunServer(runtime, { clusters: ["edge-a"] });
  const waiting = get(`${tunnel.front}/waits`);
  await until("client", () => tunnel.server.gauges.clients === 1);
  await using _agent = new StandInAgent({ port: tunnel.tunnelPort });
  assert.equal((await waiting).body, "GET /waits HTTP/1.1");
});

Deno.test("our server tells a MOSN agent that its cluster is not there", async () => {
  using runtime = testRuntime();
  await using tunnel = await revtunServer(runtime, {
    clusters: ["edge-a"],
    isOpenToClusters: false,
  });
  await using agent = new StandInAgent({ port: tunnel.tunnelPort, cluster: "edge-b" });
  await until("answer", () => agent.statuses.length === 1);
  assert.deepEqual(agent.statuses, [4]);
  assert.equal(tunnel.server.gauges.tunnels, 0);
});

Deno.test("a request that finds a MOSN agent's only connection busy waits for it, to a deadline", async () => {
  using runtime = testRuntime();
  await using tunnel = await revtunServer(runtime, { holdMs: 200 });
  const slow = Promise.withResolvers<void>();
  await using _agent = new StandInAgent({
    port: tunnel.tunnelPort,
    answer: async ({ startLine }) => {
      if (startLine.includes("/slow")) await slow.promise;
      return respond(startLine);
    },
  });
  await until("the host", () => tunnel.server.gauges.tunnels === 1);
  const first = get(`${tunnel.front}/slow/1`);
  await until("its stream", () =>
    tunnel.server.registry.clusters.get("edge-a")!.hosts.values()
      .next().value!.inFlight === 1);
  const late = await get(`${tunnel.front}/late`);
  assert.equal(late.status, 503, late.body);
  const second = get(`${tunnel.front}/second`);
  await until("the queue", () => tunnel.server.upstreams.waitingCount === 1);
  slow.resolve();
  assert.equal((await first).body, "GET /slow/1 HTTP/1.1");
  assert.equal((await second).body, "GET /second HTTP/1.1");
  assert.equal(tunnel.server.gauges.tunnels, 1, "the same connection served both");
});

Deno.test("an answer that a MOSN agent gives when its client has left goes to nobody", async () => {
  using runtime = testRuntime();
  await using tunnel = await revtunServer(runtime, { holdMs: 5000 });
  const never = Promise.withResolvers<string>();
  await using _agent = new StandInAgent({
    port: tunnel.tunnelPort,
    reconnectBaseMs: 1,
    answer: ({ startLine }) => startLine.includes("/never") ? never.promise : respond(startLine),
  });
  await until("the host", () => tunnel.server.gauges.tunnels === 1);
  const abort = new AbortController();
  const left = fetch(`${tunnel.front}/never`, { signal: abort.signal }).catch(() => "left");
  await until("its stream", () =>
    tunnel.server.registry.clusters.get("edge-a")!.hosts.values()
      .next().value?.inFlight === 1);
  abort.abort();
  assert.equal(await left, "left");
  never.resolve(respond("too late"));
  assert.equal((await get(`${tunnel.front}/next`)).body, "GET /next HTTP/1.1");
});

Deno.test("a full server leaves a MOSN agent unanswered, which then comes again", async () => {
  using runtime = testRuntime();
  await using tunnel = await revtunServer(runtime, { maxTunnels: 1 });
  const one = new StandInAgent({ port: tunnel.tunnelPort });
  await until("the first", () => tunnel.server.gauges.tunnels === 1);
  await using other = new StandInAgent({ port: tunnel.tunnelPort, reconnectBaseMs: 5 });
  await until("refusals", () => (tunnel.server.stats.handshakesRefused["overload"] ?? 0) >= 2);
  assert.deepEqual(other.statuses, []);
  await one[Symbol.asyncDispose]();
  await until("the second", () => other.connections.size === 1);
  assert.deepEqual(other.statuses, [1]);
});

const REAL = { ignore: MOSN_BIN === undefined };

Deno.test("a real MOSN agent serves requests of our server (needs MOSN_BIN)", REAL, async () => {
  using runtime = testRuntime();
  await using backend = echo(runtime);
  await using tunnel = await revtunServer(runtime);
  await using mosn = await RealMosn.start("agent.json", {
    TUNNEL_PORT: tunnel.tunnelPort,
    EDGE_PORT: freePort(),
    BACKEND_PORT: backend.address.port,
  });
  await until("hosts", () => tunnel.server.gauges.tunnels === 2, 30_000);
  const paths = Array.from({ length: 50 }, (_, index) => `/id/${index}`);
  const answers = await Promise.all(paths.map((path) => get(tunnel.front + path)));
  assert.deepEqual(answers.map(({ body }) => body), paths.map((path) => `GET ${path} HTTP/1.1`));
  mosn.terminate();
  await until("its end", () => tunnel.server.gauges.tunnels === 0, 30_000);
});

Deno.test("our agent serves requests of a real MOSN server (needs MOSN_BIN)", REAL, async () => {
  using runtime = testRuntime();
  await using backend = echo(runtime);
  const frontPort = freePort();
  const tunnelPort = freePort();
  await using _mosn = await RealMosn.start("server.json", {
    FRONT_PORT: frontPort,
    TUNNEL_PORT: tunnelPort,
  });
  await using agent = await agentFor(
    runtime,
    [{ kind: "tcp", host: "127.0.0.1", port: tunnelPort }],
    { targets: parseTargets([backend.text]), connectionNum: 2 },
  );
  await until("registration", () => agent.connectionCount === 2, 30_000);
  // One at a time: requests that overlap on a connection get each other's answers from MOSN.
  for (let i = 0; i < 20; i++) {
    const { status, body } = await get(`http://127.0.0.1:${frontPort}/id/${i}`);
    assert.equal(status, 200);
    assert.equal(body, `GET /id/${i} HTTP/1.1`);
  }
  await agent.close();
});
