/** All that takes part in a soak, and what has to be as before once it is at rest. */
import type { Address } from "../../lib/address.ts";
import { startAgent } from "../../lib/agent/agent.ts";
import type { RunningAgent } from "../../lib/agent/agent.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { BufferPool } from "../../lib/buffer.ts";
import type { SharedBuffer } from "../../lib/buffer.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { serverConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import { until } from "../agent/support.ts";
import { FaultProxy } from "../faults/fault_proxy.ts";
import { EchoBackend } from "./echo_backend.ts";
import { openSockets } from "./open_sockets.ts";

/** Silence is noticed within twice this. */
const KEEPALIVE_MS = 1000;
/** Each tunnel connection has two timers from its first request on, which find their work done. */
const LAZY_TIMERS = 2 * 4;
/** Hosts of the one cluster, each with a network of its own. */
export const HOST_NAMES = ["h0", "h1"] as const;

/** Knows how many buffers somebody holds. */
class CountingPool extends BufferPool {
  inUse = 0;

  override take(size: number): SharedBuffer {
    this.inUse += 1;
    return super.take(size);
  }

  override giveBack(buffer: SharedBuffer): void {
    this.inUse -= 1;
    super.giveBack(buffer);
  }
}

/** All that takes part. */
export class SoakWorld {
  readonly backend = new EchoBackend();
  readonly proxies: FaultProxy[] = [];
  readonly agents: RunningAgent[] = [];
  readonly #pool = new CountingPool();
  readonly runtime: Runtime = { ...createRuntime(silentLog), pool: this.#pool };
  server!: RunningServer;
  url = "";
  #backendPort = 0;
  /** Who is at which port, for those who read what is left. */
  #ports = "";
  readonly #socketsBefore = openSockets().length;
  /** What there is at rest, before any fault. */
  #atStart = { timers: 0, buffers: 0 };

  static async start(): Promise<SoakWorld> {
    const world = new SoakWorld();
    world.#backendPort = await world.backend.start();
    world.server = await startServer(
      serverConfig({
        frontends: [parseListenSpec("127.0.0.1:0/edge-a")],
        tunnels: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
        keepalive: { intervalMs: KEEPALIVE_MS, timeoutMs: KEEPALIVE_MS },
        holdMs: 2000,
        firstByteTimeoutMs: 5000,
        idleTimeoutMs: 10_000,
      }),
      world.runtime,
      "revtun/soak",
    );
    const [front] = world.server.frontendAddresses as (Address & { kind: "tcp" })[];
    const [tunnel] = world.server.tunnelAddresses as (Address & { kind: "tcp" })[];
    world.url = `http://127.0.0.1:${front!.port}`;
    for (const index of HOST_NAMES.keys()) {
      world.proxies.push(await FaultProxy.start({ host: "127.0.0.1", port: tunnel!.port }));
      world.agents.push(await world.startAgent(index));
    }
    world.#ports =
      `clients ${front!.port}, agents ${tunnel!.port}, backend ${world.#backendPort}, ` +
      `links ${world.proxies.map(({ port }) => port).join(" ")}`;
    await world.rest();
    world.#atStart = { timers: world.runtime.timers.size, buffers: world.#pool.inUse };
    return world;
  }

  async startAgent(index: number): Promise<RunningAgent> {
    const config = agentConfig({
      cluster: "edge-a",
      hostName: HOST_NAMES[index]!,
      servers: [{ kind: "tcp", host: "127.0.0.1", port: this.proxies[index]!.port }],
      targets: parseTargets([`127.0.0.1:${this.#backendPort}`]),
      connectionNum: 2,
      reconnectBaseMs: 50,
      reconnectMaxMs: 500,
      connectTimeoutMs: 2000,
      drainTimeoutMs: 1000,
      keepalive: { intervalMs: KEEPALIVE_MS, timeoutMs: KEEPALIVE_MS },
    });
    return await startAgent(config, this.runtime, { software: "revtun/soak" });
  }

  /** Changes what a network does to bytes, until what is given back is called. */
  spoil(index: number, faults: Partial<FaultProxy["faults"]>): () => void {
    const proxy = this.proxies[index]!;
    const before = { ...proxy.faults };
    Object.assign(proxy.faults, faults);
    return () => void Object.assign(proxy.faults, before);
  }

  /** Waits until all is at rest; says what is not. */
  async rest(): Promise<string[]> {
    const { server } = this;
    const counts = () => {
      for (const cluster of server.registry.clusters.values()) {
        for (const host of cluster.hosts.values()) {
          for (const connection of host.connections) connection.closeIdle();
        }
      }
      const { tunnels, handshakes, clients } = server.gauges;
      const dialled = this.agents.reduce((sum, agent) => sum + agent.connectionCount, 0);
      const inFlight = this.agents.reduce((sum, agent) => sum + agent.workCount, 0);
      return {
        "hosts": server.registry.hostCount - HOST_NAMES.length,
        "tunnel connections": tunnels - HOST_NAMES.length * 2,
        "connections of agents": dialled - HOST_NAMES.length * 2,
        "handshakes": handshakes,
        "clients": clients,
        "streams of agents": inFlight,
        "waiting requests": server.upstreams.waitingCount,
        "unread bytes": server.budget.unreadBytes,
        ...(this.#atStart.timers > 0 && {
          "timers": Math.max(0, this.runtime.timers.size - this.#atStart.timers - LAZY_TIMERS),
          "buffers": this.#pool.inUse - this.#atStart.buffers,
        }),
      };
    };
    const isAtRest = () => Object.values(counts()).every((count) => count === 0);
    await until("rest", isAtRest, 20_000).catch(() => {});
    return Object.entries(counts()).filter(([, count]) => count !== 0)
      .map(([name, count]) => `${count > 0 ? "+" : ""}${count} ${name}`);
  }

  /** Closes everything; says what is open all the same. */
  async end(): Promise<string[]> {
    for (const agent of this.agents) await agent.abort();
    await this.server.close(0);
    for (const proxy of this.proxies) await proxy[Symbol.asyncDispose]();
    await this.backend[Symbol.asyncDispose]();
    const timers = this.runtime.timers.size;
    this.runtime.timers.close();
    const more = () => openSockets().length - this.#socketsBefore;
    await until("the sockets to be closed", () => more() <= 0).catch(() => {});
    const counts = { "timers": timers, "buffers": this.#pool.inUse, "open sockets": more() };
    const left = Object.entries(counts).filter(([, count]) => count > 0)
      .map(([name, count]) => `+${count} ${name} at the end`);
    if (more() > 0) left.push(...openSockets(), `ports: ${this.#ports}`);
    return left;
  }
}
