/** A server with frontends and an agent with targets, real and in this process, on loopback. */
import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import type { Address } from "../../lib/address.ts";
import { startAgent } from "../../lib/agent/agent.ts";
import { parseAllowRule } from "../../lib/agent/allow.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import type { AgentConfig } from "../../lib/agent/config.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { EventRing, keepingLog } from "../../lib/event_ring.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import { until } from "../agent/support.ts";

const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** What a test of frontends works with. */
export interface FrontendRig extends AsyncDisposable {
  readonly server: RunningServer;
  readonly events: EventRing;
  /** Where the frontends listen, "host:port" or "unix:/path", in their order. */
  readonly addresses: readonly string[];
}

/** How to start it. */
export interface FrontendRigOptions {
  /** As `--listen` takes them. */
  readonly listen: readonly string[];
  /** As `--target` takes them; the agent's own page without any. */
  readonly targets?: readonly string[];
  /** As `--allow` takes them. */
  readonly allow?: readonly string[];
  /** Of the agent; "edge-a" unless given. */
  readonly cluster?: string;
  readonly server?: Partial<ServerConfig>;
  readonly agent?: Partial<AgentConfig>;
}

/** Starts both, and waits until the agent is registered. */
export async function frontendRig(options: FrontendRigOptions): Promise<FrontendRig> {
  const events = new EventRing();
  const runtime = { ...createRuntime(silentLog), log: keepingLog(silentLog, events) };
  const server = await startServer(
    serverConfig({
      frontends: options.listen.map(parseListenSpec),
      tunnels: [LOOPBACK],
      holdMs: 0,
      drainTimeoutMs: 200,
      ...options.server,
    }),
    runtime,
    "revtun/test",
  );
  const agent = await startAgent(
    agentConfig({
      servers: [server.tunnelAddresses[0]!],
      cluster: options.cluster ?? "edge-a",
      hostName: "host-1",
      connectionNum: 1,
      targets: parseTargets(options.targets ?? []),
      allow: (options.allow ?? []).map(parseAllowRule),
      drainTimeoutMs: 0,
      ...options.agent,
    }),
    runtime,
    { software: "revtun/test" },
  );
  await agent.when(() => agent.connectionCount > 0);
  return {
    server,
    events,
    get addresses() {
      return server.frontendAddresses.map(formatAddress);
    },
    async [Symbol.asyncDispose]() {
      await agent.abort();
      await server.close(0);
      assert.equal(server.gauges.clients, 0);
      // Some are short, and look only whether there is anything left to do.
      await until("timers to be gone", () => runtime.timers.size === 0);
      runtime.timers.close();
    },
  };
}

/** A TCP or unix service that sends back what it gets, behind an optional greeting. */
export function echoService(options: { on?: Address; greeting?: string } = {}): {
  readonly address: string;
  [Symbol.asyncDispose](): Promise<void>;
} {
  const { on = LOOPBACK, greeting = "" } = options;
  const listener = on.kind === "unix"
    ? Deno.listen({ transport: "unix", path: on.path })
    : Deno.listen({ hostname: on.host, port: on.port });
  const open = new Set<Deno.Conn>();
  const serving = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      void echo(conn, greeting).finally(() => open.delete(conn));
    }
  })();
  const address = listener.addr.transport === "tcp"
    ? `127.0.0.1:${listener.addr.port}`
    : formatAddress(on);
  return {
    address,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) closeQuietly(conn);
      await serving;
    },
  };
}

async function echo(conn: Deno.Conn, greeting: string): Promise<void> {
  try {
    if (greeting !== "") await conn.write(new TextEncoder().encode(greeting));
    const buffer = new Uint8Array(64 << 10);
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) break;
      for (let at = 0; at < count;) at += await conn.write(buffer.subarray(at, count));
    }
  } catch {
    // The far side broke it off.
  } finally {
    closeQuietly(conn);
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // The runtime has closed it already.
  }
}

/** A client that talks line by line, or byte by byte. */
export class TestClient implements Disposable {
  readonly #conn: Deno.Conn;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects to "host:port" or "unix:/path". */
  static async connect(text: string): Promise<TestClient> {
    const address = parseAddress(text);
    return new TestClient(
      address.kind === "unix"
        ? await Deno.connect({ transport: "unix", path: address.path })
        : await Deno.connect({ hostname: address.host, port: address.port }),
    );
  }

  get port(): number {
    return (this.#conn.localAddr as Deno.NetAddr).port;
  }

  async send(data: string | Uint8Array | readonly number[]): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : Uint8Array.from(data);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  async endWriting(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** Reads exactly `count` bytes. @throws {Error} it ended first. */
  async read(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const read = await this.#conn.read(bytes.subarray(at));
      if (read === null) throw new Error(`It ended after ${at} of ${count} bytes`);
      at += read;
    }
    return bytes;
  }

  async readText(count: number): Promise<string> {
    return new TextDecoder().decode(await this.read(count));
  }

  /** Reads until `end` has come, and nothing behind it. */
  async readUntil(end: string): Promise<string> {
    let text = "";
    while (!text.endsWith(end)) text += await this.readText(1);
    return text;
  }

  /** Reads to its end or its break. */
  async rest(): Promise<Uint8Array> {
    const parts: number[] = [];
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = await this.#conn.read(buffer).catch(() => null);
      if (count === null) return Uint8Array.from(parts);
      parts.push(...buffer.subarray(0, count));
    }
  }

  async restText(): Promise<string> {
    return new TextDecoder().decode(await this.rest());
  }

  [Symbol.dispose](): void {
    closeQuietly(this.#conn);
  }
}
