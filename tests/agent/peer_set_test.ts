import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import type { Address } from "../../lib/address.ts";
import type { Aside } from "../../lib/agent/agent_peer.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import type { AgentConfig } from "../../lib/agent/config.ts";
import { PeerSet } from "../../lib/agent/peer_set.ts";
import { ServerTally } from "../../lib/agent/server_tally.ts";
import type { TunnelConnection, TunnelEvents } from "../../lib/agent/tunnel_connection.ts";
import { HandshakeError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { FakeConnection } from "./fake_connection.ts";
import { EventLog, testRuntime, until } from "./support.ts";

/** A set of peers whose servers are functions of their address. */
class Fleet {
  readonly set: PeerSet;
  readonly connections: { address: string; connection: FakeConnection }[] = [];
  readonly asides: string[] = [];
  readonly dials: string[] = [];
  answer: (
    address: string,
    events: TunnelEvents,
    signal: AbortSignal,
  ) => FakeConnection | Error | Promise<never>;
  names: Record<string, string[]> = {};

  constructor(runtime: Runtime, config: Partial<AgentConfig> = {}) {
    this.answer = (_address, events) => new FakeConnection({}, events);
    const whole = agentConfig({
      cluster: "edge-a",
      servers: [parseAddress("127.0.0.1:1")],
      reconnectBaseMs: 2,
      reconnectMaxMs: 4,
      resolveIntervalMs: 2,
      ...config,
    });
    this.set = new PeerSet({
      config: whole,
      runtime,
      tally: new ServerTally(whole.connectionNum),
      openTunnel: (address, _server, events, signal) => this.#open(address, events, signal),
      openAside: (address): Aside => {
        const name = formatAddress(address);
        this.asides.push(`open ${name}`);
        return {
          sendGracefulClose: (addresses) => {
            this.asides.push(`close ${addresses.map(formatAddress).join(" ")}`);
            return Promise.resolve();
          },
          close: () => {
            this.asides.push(`end ${name}`);
            return Promise.resolve();
          },
        };
      },
      resolve: (host) => Promise.resolve(this.names[host] ?? []),
      peerChanged: () => {},
    });
  }

  live(address?: string): FakeConnection[] {
    return this.connections
      .filter((entry) => address === undefined || entry.address === address)
      .map(({ connection }) => connection)
      .filter(({ isClosed }) => !isClosed);
  }

  async #open(
    address: Address,
    events: TunnelEvents,
    signal: AbortSignal,
  ): Promise<TunnelConnection> {
    const name = formatAddress(address);
    this.dials.push(name);
    const answer = await this.answer(name, events, signal);
    if (answer instanceof Error) throw answer;
    this.connections.push({ address: name, connection: answer });
    return answer;
  }
}

const servers = (...texts: string[]) => texts.map((text) => parseAddress(text));

Deno.test("PeerSet keeps connection_num connections to each address, dialled side by side", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 3 });
  fleet.set.setServers(servers("10.0.0.1:9", "10.0.0.2:9"));
  assert.equal(fleet.dials.length, 6);
  await until("connections", () => fleet.live().length === 6);
  fleet.live("10.0.0.1:9")[0]!.close();
  await until("another", () => fleet.connections.length === 7);
  assert.equal(fleet.dials.filter((address) => address === "10.0.0.1:9").length, 4);
  await fleet.set.stop(1000);
});

Deno.test("PeerSet makes a peer for each address of a name, and follows the name", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 1 });
  fleet.names["cloud"] = ["10.0.0.1", "10.0.0.2"];
  fleet.set.setServers(servers("cloud:9", "10.0.0.2:9"));
  await until("both", () => fleet.live().length === 2);
  fleet.names["cloud"] = ["10.0.0.3"];
  await until("the new one", () => fleet.live("10.0.0.3:9").length === 1);
  await until("the gone one to be closed", () => fleet.live("10.0.0.1:9").length === 0);
  assert.equal(fleet.live("10.0.0.2:9").length, 1, "still on the list by its address");
  assert.equal(fleet.dials.length, 3);
  await fleet.set.stop(1000);
});

Deno.test("PeerSet never starts a server twice that is still connecting", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 1 });
  fleet.answer = (_address, _events, signal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("given up")));
    });
  fleet.set.setServers(servers("10.0.0.1:9"));
  fleet.set.setServers(servers("10.0.0.1:9", "10.0.0.2:9"));
  fleet.set.setServers(servers("10.0.0.2:9", "10.0.0.1:9"));
  assert.deepEqual(fleet.dials, ["10.0.0.1:9", "10.0.0.2:9"]);
  await fleet.set.stop(1000);
});

Deno.test("PeerSet lets a removed server's work end before its connections close", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 1 });
  fleet.set.setServers(servers("10.0.0.1:9", "10.0.0.2:9"));
  await until("both", () => fleet.live().length === 2);
  const [leaving] = fleet.live("10.0.0.1:9");
  leaving!.workCount = 1;
  fleet.set.setServers(servers("10.0.0.2:9"));
  assert.ok(leaving!.isDraining);
  assert.ok(!leaving!.isClosed);
  fleet.set.setServers(servers("10.0.0.1:9", "10.0.0.2:9"));
  await until("a new peer beside the old one", () => fleet.live("10.0.0.1:9").length === 2);
  leaving!.finish();
  assert.equal(fleet.live("10.0.0.1:9").length, 1);
  assert.equal(fleet.live("10.0.0.2:9").length, 1);
  await fleet.set.stop(1000);
});

Deno.test("PeerSet stops when work has ended, or at the deadline", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 1 });
  fleet.set.setServers(servers("10.0.0.1:9", "10.0.0.2:9"));
  await until("both", () => fleet.live().length === 2);
  for (const connection of fleet.live()) connection.workCount = 1;
  const [first] = fleet.live();
  const stopped = fleet.set.stop(60);
  first!.finish();
  await stopped;
  assert.equal(fleet.live().length, 0);
  assert.equal(runtime.timers.size, 0);
});

Deno.test("PeerSet sends MOSN servers one GracefulClose with the local addresses", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 2 });
  fleet.answer = (_address, events) => new FakeConnection({}, events, "raw");
  fleet.set.setServers(servers("10.0.0.1:9"));
  await until("both", () => fleet.live().length === 2);
  await fleet.set.stop(1000);
  assert.deepEqual(fleet.asides.slice(0, 3), [
    "open 10.0.0.1:9",
    "close 127.0.0.1:1 127.0.0.1:1",
    "end 10.0.0.1:9",
  ]);
});

Deno.test("PeerSet is hopeless only when every server refuses for good", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 2, reconnectMaxMs: 4 });
  const refusal = new HandshakeError("auth failed", 2, false);
  fleet.answer = (address) => address === "10.0.0.1:9" ? refusal : new Error("connection refused");
  fleet.set.setServers(servers("10.0.0.1:9", "10.0.0.2:9"));
  await until("refusals", () => [...fleet.set.peers][0]!.isRefused);
  assert.ok(!fleet.set.isHopeless, "the other one may come back");
  fleet.answer = () => refusal;
  await until("hopeless", () => fleet.set.isHopeless);
  await fleet.set.stop(1000);
});

Deno.test("PeerSet goes on after a refusal where it was accepted before", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 1 });
  fleet.set.setServers(servers("10.0.0.1:9"));
  await until("connection", () => fleet.live().length === 1);
  fleet.answer = () => new HandshakeError("auth failed", 2, false);
  fleet.live()[0]!.close();
  await until("refusal", () => fleet.dials.length === 2);
  await until("its report", () => [...fleet.set.peers][0]!.lastError !== undefined);
  assert.ok(!fleet.set.isHopeless);
  await until("many refusals", () => fleet.set.isHopeless);
  fleet.set.close();
});

Deno.test("PeerSet reaches each server behind a load balancer and each address of one server", async () => {
  using runtime = testRuntime();
  const fleet = new Fleet(runtime, { connectionNum: 2 });
  let turn = 0;
  fleet.answer = (_address, events) =>
    new FakeConnection({ serverId: `s${turn++ % 3}`, serverCount: 3 }, events);
  fleet.set.setServers(servers("10.0.0.1:9", "[fd00::1]:9"));
  const count = (id: string) => fleet.live().filter(({ server }) => server.serverId === id).length;
  await until("six", () => fleet.live().length === 6 && count("s0") === 2 && count("s2") === 2);
  await fleet.set.stop(1000);
});

Deno.test("PeerSet leaves out what a lister gives beyond reason, and says so once", async () => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  const fleet = new Fleet(runtime, { connectionNum: 1 });
  const many = Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 255}:9`);
  fleet.set.setServers(servers("10.9.9.9:9"));
  fleet.set.setServers(servers(...many, "10.9.9.9:9"));
  fleet.set.setServers(servers("10.9.9.9:9", ...many));
  assert.equal([...fleet.set.peers].length, 256);
  assert.equal(fleet.dials.filter((address) => address === "10.9.9.9:9").length, 1);
  assert.equal(fleet.dials.length, 256);
  assert.equal(log.of("servers.too_many").length, 1);
  await fleet.set.stop(1000);
});
