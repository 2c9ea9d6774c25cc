/** Server and agent that go by another configuration while they run. */
import assert from "node:assert/strict";
import { formatAddress } from "../../lib/address.ts";
import type { Address } from "../../lib/address.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import type { AgentConfig } from "../../lib/agent/config.ts";
import { startAgent } from "../../lib/agent/agent.ts";
import { NO_EDGE_RULES } from "../../lib/agent/edge_policy.ts";
import { parseRequestRule } from "../../lib/agent/request_rule.ts";
import type { RunningAgent } from "../../lib/agent/agent.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { tokenCredential } from "../../lib/auth/credential_policy.ts";
import { ListenError } from "../../lib/errors.ts";
import { parseRouteRule } from "../../lib/http/route_rule.ts";
import { Secret } from "../../lib/secret.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import { testRuntime, until } from "../agent/support.ts";
import type { TestRuntime } from "../agent/support.ts";

const ANY: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** A backend that answers with its name. */
function startBackend(name: string): { address: string; close(): Promise<void> } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(name),
  );
  return { address: `127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

/** A server, an agent of it, and backends; all gone at the end. */
class Rig implements AsyncDisposable {
  readonly runtime: TestRuntime = testRuntime();
  readonly one = startBackend("one");
  readonly two = startBackend("two");
  server!: RunningServer;
  agent!: RunningAgent;

  async start(): Promise<void> {
    this.server = await startServer(this.serverConfig(), this.runtime, "revtun/test");
    this.agent = await startAgent(this.agentConfig(), this.runtime, { software: "revtun/test" });
    await this.agent.when(() => this.agent.connectionCount === 2);
  }

  /** Of one HTTP frontend, whose routes lead to the agent's target `two` below /two. */
  serverConfig(change: Partial<ServerConfig> = {}): ServerConfig {
    return serverConfig({
      frontends: [parseListenSpec("127.0.0.1:0")],
      tunnels: [ANY],
      clusters: ["edge-a"],
      isOpenToClusters: false,
      routes: ["/two=edge-a/two", "/=edge-a"].map(parseRouteRule),
      drainTimeoutMs: 2000,
      ...change,
    });
  }

  agentConfig(change: Partial<AgentConfig> = {}): AgentConfig {
    return agentConfig({
      cluster: "edge-a",
      hostName: "till-7",
      servers: [this.server.tunnelAddresses[0]!],
      targets: parseTargets([this.one.address, `two=${this.two.address}`]),
      reconnectBaseMs: 5,
      reconnectMaxMs: 20,
      drainTimeoutMs: 2000,
      ...change,
    });
  }

  /** The text of an answer, or its status. */
  async get(path: string, frontend = 0): Promise<string> {
    const response = await fetch(
      `http://${formatAddress(this.server.frontendAddresses[frontend]!)}${path}`,
    );
    const text = await response.text();
    return response.ok ? text : String(response.status);
  }

  /** Ids of the tunnel connections. */
  get tunnels(): number[] {
    return [...this.server.registry.clusters.values()].flatMap(({ hosts }) =>
      [...hosts.values()].flatMap(({ connections }) => connections.map(({ id }) => id))
    ).sort((a, b) => a - b);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.abort();
    await this.server.close(0);
    await this.one.close();
    await this.two.close();
    this.runtime[Symbol.dispose]();
  }
}

Deno.test("RunningServer.apply() changes routes and frontends, and no tunnel", async () => {
  await using rig = new Rig();
  await rig.start();
  const before = rig.tunnels;
  const addresses = rig.server.frontendAddresses.map(formatAddress);
  assert.deepEqual([await rig.get("/"), await rig.get("/two")], ["one", "two"]);
  const listen = ["127.0.0.1:0", "http://localhost:0/edge-a/two"].map(parseListenSpec);
  await rig.server.apply(rig.serverConfig({
    frontends: listen,
    routes: [parseRouteRule("/=edge-a/two")],
  }));
  assert.equal(formatAddress(rig.server.frontendAddresses[0]!), addresses[0]);
  assert.deepEqual([await rig.get("/"), await rig.get("/", 1)], ["two", "two"]);
  assert.deepEqual(rig.tunnels, before);
});

Deno.test("RunningServer.apply() is all or nothing", async () => {
  await using rig = new Rig();
  await rig.start();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  const { frontendAddresses, tunnelAddresses, config } = rig.server;
  const others = { ...ANY, host: "localhost" };
  for (
    const change of [
      { frontends: [parseListenSpec(address)], tunnels: [others] },
      { frontends: [], tunnels: [others, { ...ANY, port: taken.addr.port }] },
    ]
  ) {
    await assert.rejects(
      rig.server.apply(rig.serverConfig({ ...change, clusters: [], routes: [] })),
      ListenError,
    );
    assert.deepEqual(rig.server.frontendAddresses, frontendAddresses);
    assert.deepEqual(rig.server.tunnelAddresses, tunnelAddresses);
    assert.equal(rig.server.config, config);
    assert.deepEqual([await rig.get("/"), await rig.get("/two")], ["one", "two"]);
  }
});

Deno.test("RunningServer.apply() lets hosts of a cluster leave that is not declared any more", async () => {
  await using rig = new Rig();
  await rig.start();
  const { registry } = rig.server;
  const hosts = [...registry.clusters.get("edge-a")!.hosts.values()];
  let isTold = false;
  registry.onNews = () => isTold ||= hosts.every((host) => host.isDraining);
  await rig.server.apply(rig.serverConfig({ clusters: ["edge-b"], routes: [] }));
  // Who watches is told before an agent has answered.
  assert.equal(isTold, true);
  await until("the host to leave", () => rig.tunnels.length === 0);
  assert.equal(rig.server.registry.allows("edge-a"), false);
  const { reason } = await rig.agent.ended;
  assert.equal(reason, "refused");
});

Deno.test("RunningServer.apply() asks for the new credential from the next connection on", async () => {
  await using rig = new Rig();
  await rig.start();
  const before = rig.tunnels;
  const credential = new Secret("s3cret");
  await rig.server.apply(rig.serverConfig({ credentialPolicy: tokenCredential(credential) }));
  assert.deepEqual(rig.tunnels, before);
  assert.equal(await rig.get("/"), "one");
  rig.agent.apply(rig.agentConfig({ credential, credentialPolicy: "token" }));
  await until("new connections", () => rig.tunnels.length === 2 && rig.tunnels[0]! > before[1]!);
  assert.equal(await rig.get("/"), "one");
});

Deno.test("RunningServer.apply() opens and closes tunnel ports", async () => {
  await using rig = new Rig();
  await rig.start();
  const [first] = rig.server.tunnelAddresses;
  await rig.server.apply(rig.serverConfig({ tunnels: [ANY, { ...ANY, host: "localhost" }] }));
  const [kept, added] = rig.server.tunnelAddresses;
  assert.deepEqual(kept, first);
  rig.agent.apply(rig.agentConfig({ servers: [added!] }));
  await until("the other port to be used", () => rig.tunnels.length === 2 && rig.tunnels[0]! > 2);
  await rig.server.apply(rig.serverConfig({ tunnels: [{ ...ANY, host: "localhost" }] }));
  assert.deepEqual(rig.server.tunnelAddresses, [added]);
  assert.equal(await rig.get("/"), "one");
  await assert.rejects(
    Deno.connect({ hostname: "127.0.0.1", port: (first as { port: number }).port }),
  );
});

Deno.test("RunningAgent.apply() changes where targets are without a new connection", async () => {
  await using rig = new Rig();
  await rig.start();
  const before = rig.tunnels;
  const { one, two } = rig;
  rig.agent.apply(rig.agentConfig({
    targets: parseTargets([two.address, `two=${one.address}`]),
    weight: 3,
  }));
  await until(
    "the weight to arrive",
    () => [...rig.server.registry.clusters.get("edge-a")!.hosts.values()][0]?.weight === 3,
  );
  // Streams that rest in the pool lead where they did; they end with their target's connection.
  await until("new streams", async () => await rig.get("/") === "two");
  assert.deepEqual(rig.tunnels, before);
});

Deno.test("RunningAgent.apply() lets this side's rules count at once, for pooled streams too", async () => {
  await using rig = new Rig();
  await rig.start();
  assert.equal(await rig.get("/"), "one");
  assert.equal(rig.agent.policy, undefined);
  const only = (rule: string) => ({
    edgeRules: { ...NO_EDGE_RULES, requests: [parseRequestRule(rule)] },
  });
  rig.agent.apply(rig.agentConfig(only("GET:/two/*")));
  await until("the rule to count", async () => await rig.get("/") === "403");
  rig.agent.apply(rig.agentConfig(only("GET:/*")));
  await until("the other rule to count", async () => await rig.get("/") === "one");
  rig.agent.apply(rig.agentConfig());
  await until("a policy without rules to be none", () => rig.agent.policy === undefined);
  assert.equal(await rig.get("/"), "one");
});

Deno.test("RunningAgent.apply() dials anew before it leaves, where it announces something else", async () => {
  await using rig = new Rig();
  await rig.start();
  let most = 0;
  let least = Infinity;
  const watch = setInterval(() => {
    most = Math.max(most, rig.tunnels.length);
    least = Math.min(least, rig.tunnels.length);
  }, 0);
  rig.agent.apply(rig.agentConfig({ connectionNum: 4 }));
  await until("four new connections", () => rig.tunnels.length === 4 && rig.tunnels[0]! > 2);
  clearInterval(watch);
  assert.ok(least >= 2, `${least} connections`);
  assert.ok(most > 4, `${most} connections`);
  rig.agent.apply(rig.agentConfig({ connectionNum: 1, hostName: "till-8" }));
  await until("one of another name", () => rig.tunnels.length === 1);
  const [host] = rig.server.registry.clusters.get("edge-a")!.hosts.values();
  assert.equal(host?.hostName, "till-8");
  assert.equal(await rig.get("/"), "one");
});

Deno.test("RunningAgent.apply() keeps what works where servers refuse the new settings", async () => {
  await using rig = new Rig();
  await rig.start();
  rig.agent.apply(rig.agentConfig({ cluster: "edge-b" }));
  await until("a refusal", () => rig.server.stats.handshakesRefused["cluster"]);
  assert.equal(await rig.get("/"), "one");
  rig.agent.apply(rig.agentConfig());
  await until("new connections", () => rig.tunnels.length === 2 && rig.tunnels[0]! > 2);
  assert.equal(await rig.get("/"), "one");
});

Deno.test("RunningAgent.apply() ends an agent that is not enabled any more", async () => {
  await using rig = new Rig();
  await rig.start();
  rig.agent.apply(rig.agentConfig({ isEnabled: false }));
  assert.equal((await rig.agent.ended).reason, "disabled");
  assert.deepEqual(rig.tunnels, []);
});

Deno.test("200 configurations in a row fail no request", async () => {
  await using rig = new Rig();
  await rig.start();
  const counts = { answered: 0, wrong: [] as string[] };
  let isOver = false;
  const client = async (path: string, wanted: RegExp) => {
    while (!isOver) {
      const text = await rig.get(path).catch((error) => String(error));
      if (!wanted.test(text)) counts.wrong.push(`${path}: ${text}`);
      counts.answered += 1;
    }
  };
  const clients = [
    client("/", /^one$/),
    client("/two", /^two$/),
    client("/changing", /^(one|two)$/),
  ];
  const extra = parseListenSpec("http://localhost:0/edge-a");
  for (let round = 0; round < 200; round++) {
    const isOdd = round % 2 === 1;
    await rig.server.apply(rig.serverConfig({
      frontends: [parseListenSpec("127.0.0.1:0"), ...isOdd ? [extra] : []],
      tunnels: [ANY, ...isOdd ? [{ ...ANY, host: "localhost" }] : []],
      clusters: ["edge-a", `edge-${round}`],
      routes: [
        ...isOdd ? ["/changing=edge-a/two"] : [],
        ...["/two=edge-a/two", "/=edge-a"],
      ].map(parseRouteRule),
      holdMs: 5000 + round,
      idleTimeoutMs: 300_000 + round,
    }));
    // A new set of connections now and then, other weights each time.
    rig.agent.apply(rig.agentConfig({
      weight: 1 + round,
      connectionNum: 2 + Math.floor(round / 50) % 2,
    }));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  isOver = true;
  await Promise.all(clients);
  assert.deepEqual(counts.wrong.slice(0, 5), []);
  assert.ok(counts.answered > 200, `${counts.answered} requests`);
});
