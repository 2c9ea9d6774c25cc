/** Limits of a server that runs: each one counts as soon as the settings have another. */
import { probe } from "../../lib/agent/probe/probe.ts";
import assert from "node:assert/strict";
import { LIMIT_OPTIONS, limitConfigOf } from "../../cmd/limit_options.ts";
import { resolveOptions } from "../../cmd/resolve_options.ts";
import type { OptionValues } from "../../cmd/option.ts";
import { formatAddress } from "../../lib/address.ts";
import { tokenCredential } from "../../lib/auth/credential_policy.ts";
import { Secret } from "../../lib/secret.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import { testRuntime, until } from "../agent/support.ts";
import { claim, connect, handshake, readResponse } from "../hostile/claimant.ts";

type Values = OptionValues<typeof LIMIT_OPTIONS>;
type Name = typeof LIMIT_OPTIONS[number]["name"];

const DEFAULTS = resolveOptions(LIMIT_OPTIONS, []).values as Values;

/** A server whose limits may be changed. */
class Rig implements AsyncDisposable {
  readonly runtime = testRuntime();
  readonly #others: Disposable[] = [];
  server!: RunningServer;

  async start(): Promise<this> {
    this.server = await startServer(this.#config({}), this.runtime, "revtun/test");
    return this;
  }

  get tunnel(): string {
    return formatAddress(this.server.tunnelAddresses[0]!);
  }

  /** How often a limit kept something out. */
  count(limit: string): number {
    return this.server.stats.limits[limit] ?? 0;
  }

  async set(values: Partial<Values>): Promise<void> {
    await this.server.apply(this.#config(limitConfigOf({ ...DEFAULTS, ...values })));
  }

  /** Connects to a port, and stays until the end. */
  async dial(address: string): Promise<Deno.TcpConn> {
    const conn = await connect(address);
    this.#others.push(conn);
    return conn;
  }

  /** Registers a connection that stays. */
  async register(): Promise<Deno.TcpConn> {
    const conn = await this.dial(this.tunnel);
    await conn.write(handshake({ credential: "s3cret" }));
    assert.equal((await readResponse(conn))?.status, 1);
    return conn;
  }

  get frontend(): string {
    return formatAddress(this.server.frontendAddresses[0]!);
  }

  #config(change: Partial<ServerConfig>): ServerConfig {
    return serverConfig({
      frontends: [parseListenSpec("tcp://127.0.0.1:0/edge-a")],
      tunnels: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
      credentialPolicy: POLICY,
      holdMs: 60_000,
      ...change,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const other of this.#others) other[Symbol.dispose]();
    await this.server.close(0);
    this.runtime[Symbol.dispose]();
  }
}

const POLICY = tokenCredential(new Secret("s3cret"));

async function isClosed(conn: Deno.TcpConn): Promise<boolean> {
  return await conn.read(new Uint8Array(1)).catch(() => null) === null;
}

/** Moves `size` bytes from a client to an agent that takes them all; ms that it took. */
async function move(rig: Rig, size: number): Promise<number> {
  const agent = await rig.dial(rig.tunnel);
  // A raw connection carries one client's bytes as they are.
  await agent.write(handshake({ credential: "s3cret", hello: null }));
  assert.equal((await readResponse(agent))?.status, 1);
  const client = await rig.dial(rig.frontend);
  const startMs = performance.now();
  const sent = (async () => {
    let rest = new Uint8Array(size);
    while (rest.length > 0) rest = rest.subarray(await client.write(rest));
  })();
  const buffer = new Uint8Array(64 << 10);
  for (let left = size; left > 0;) left -= (await agent.read(buffer))!;
  await sent;
  return performance.now() - startMs;
}

const CASES: Readonly<Record<Name, (rig: Rig) => Promise<void>>> = {
  "max-tunnels": async (rig) => {
    await rig.register();
    await rig.set({ "max-tunnels": 1 });
    assert.match((await claim(rig.tunnel)).reason ?? "", /has its 1 tunnel connections/);
  },
  "max-connections-per-agent": async (rig) => {
    await rig.register();
    await rig.set({ "max-connections-per-agent": 1 });
    const { reason } = await claim(rig.tunnel, { credential: "s3cret" });
    assert.match(reason ?? "", /this agent has its 1 connections/);
  },
  "max-streams": async (rig) => {
    await rig.set({ "max-streams": 1 });
    await rig.register();
    await rig.dial(rig.frontend);
    await rig.dial(rig.frontend);
    await until("the limit", () => rig.count("streamsPerSession") > 0);
  },
  "max-handshakes": async (rig) => {
    await rig.dial(rig.tunnel);
    await until("a silent peer", () => rig.server.gauges.handshakes === 1);
    await rig.set({ "max-handshakes": 1 });
    assert.ok(await isClosed(await rig.dial(rig.tunnel)));
    assert.equal(rig.count("handshakes"), 1);
  },
  "max-handshakes-per-address": async (rig) => {
    await rig.dial(rig.tunnel);
    await until("a silent peer", () => rig.server.gauges.handshakes === 1);
    await rig.set({ "max-handshakes-per-address": 1 });
    assert.ok(await isClosed(await rig.dial(rig.tunnel)));
    assert.equal(rig.count("handshakesPerAddress"), 1);
  },
  "handshake-rate": async (rig) => {
    await claim(rig.tunnel);
    await rig.set({ "handshake-rate": 1 });
    for (let i = 0; i < 5; i++) await rig.dial(rig.tunnel);
    await until("the limit", () => rig.count("handshakeRate") > 0);
  },
  "free-credential-failures": async (rig) => {
    await claim(rig.tunnel, { credential: "guess" });
    assert.equal(rig.count("credentialFailures"), 0);
    await rig.set({ "free-credential-failures": 0 });
    await claim(rig.tunnel, { credential: "guess" });
    assert.equal(rig.count("credentialFailures"), 1);
  },
  "max-clients": async (rig) => {
    await rig.dial(rig.frontend);
    await until("a client", () => rig.server.gauges.clients === 1);
    await rig.set({ "max-clients": 1 });
    assert.ok(await isClosed(await rig.dial(rig.frontend)));
    assert.equal(rig.count("clients"), 1);
  },
  "max-clients-per-address": async (rig) => {
    await rig.dial(rig.frontend);
    await until("a client", () => rig.server.gauges.clients === 1);
    await rig.set({ "max-clients-per-address": 1 });
    assert.ok(await isClosed(await rig.dial(rig.frontend)));
    assert.equal(rig.count("clientsPerAddress"), 1);
  },
  // 64 KiB at once, and some that pass on credit; the rest takes its time.
  "agent-bandwidth": async (rig) => {
    await rig.set({ "agent-bandwidth": 64 << 10 });
    assert.ok(await move(rig, 256 << 10) > 500);
  },
  "frontend-bandwidth": async (rig) => {
    await rig.set({ "frontend-bandwidth": 64 << 10 });
    assert.ok(await move(rig, 256 << 10) > 500);
  },
  "probe-throughput": async (rig) => {
    await rig.set({ "probe-throughput": "off" });
    const { address } = parseListenSpec(rig.tunnel);
    const options = {
      server: address,
      hostName: "probe",
      credentialPolicy: "token",
      credential: new Secret("s3cret"),
      software: "revtun/test",
      timeoutMs: 10_000,
      pings: 1,
      hasThroughput: true,
    };
    const steps = await Array.fromAsync(probe(options, rig.runtime, new AbortController().signal));
    assert.match(steps.at(-1)!.detail, /^not measured: .*--probe-throughput/);
  },
  "memory-budget": async (rig) => {
    await rig.set({ "memory-budget": 16 << 20 });
    assert.deepEqual([rig.server.budget.limitBytes, rig.server.budget.shareBytes], [
      ...[16 << 20, 8 << 20],
    ]);
  },
};

for (const [name, check] of Object.entries(CASES)) {
  Deno.test(`RunningServer.apply() changes the limit ${name} of what comes from then on`, async () => {
    await using rig = await new Rig().start();
    await check(rig);
  });
}

Deno.test("every limit has its case above", () => {
  assert.deepEqual(Object.keys(CASES).sort(), LIMIT_OPTIONS.map(({ name }) => name).sort());
});
