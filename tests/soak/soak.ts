/**
 * A server, two agents behind bad networks, clients that check every byte; a fault every so often,
 * chosen by a seed. After it all has to be as if nothing had been.
 */
import { parseTargets } from "../../lib/agent/target.ts";
import type { Address } from "../../lib/address.ts";
import type { RunningAgent } from "../../lib/agent/agent.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import { startAgent } from "../../lib/agent/agent.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { serverConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import { setDrained, setWeight } from "../../lib/server/steering.ts";
import { until } from "../agent/support.ts";
import { FaultProxy } from "../faults/fault_proxy.ts";
import { EchoBackend } from "./echo_backend.ts";
import { pick, seededRandom } from "./random.ts";
import { newTally, soakClient } from "./soak_client.ts";
import type { SoakTally } from "./soak_client.ts";

/** How long, how often, how many. */
export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly faultEveryMs: number;
  readonly clients: number;
  /** Told of each fault, and of memory once a minute. */
  readonly print: (line: string) => void;
}

/** What came of it. */
export interface SoakReport extends SoakTally {
  readonly faults: number;
  /** POSTs that reached the backend twice. */
  readonly repeated: string[];
  /** What did not come back to where it was; empty if all did. */
  readonly left: string[];
}

/** Silence is noticed within twice this. */
const KEEPALIVE_MS = 1000;
/** An answer or an error within this: first byte 5 s, hold 2 s, and what a bad link adds. */
const DEADLINE_MS = 30_000;
const NAMES = ["h0", "h1"] as const;

/** Runs one. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const random = seededRandom(options.seed);
  const world = await SoakWorld.start();
  const stop = new AbortController();
  const tally = newTally();
  const clients = Array.from(
    { length: options.clients },
    (_, index) =>
      soakClient(world.url, `c${index}`, {
        signal: stop.signal,
        random: seededRandom(options.seed * 1000 + index),
        deadlineMs: DEADLINE_MS,
        tally,
      }),
  );
  const startMs = performance.now();
  let faults = 0;
  let minute = 0;
  while (performance.now() - startMs < options.seconds * 1000) {
    const [name, inject] = pick(Object.entries(FAULTS), random);
    const index = Math.floor(random() * NAMES.length);
    faults += 1;
    options.print(`${seconds(startMs)} s  ${name} at ${NAMES[index]}  (${tally.right} answers)`);
    const undo = await inject(world, index, random);
    await pause(options.faultEveryMs / 2);
    await undo?.();
    await pause(options.faultEveryMs / 2);
    if (performance.now() - startMs > (minute + 1) * 60_000) {
      minute += 1;
      options.print(`${seconds(startMs)} s  heap ${heapMiB()} MiB`);
    }
  }
  stop.abort();
  await Promise.all(clients);
  const left = await world.rest();
  const { repeated } = world.backend;
  left.push(...await world.end());
  return { ...tally, faults, repeated, left };
}

/** Heap in use, after a collection where `--v8-flags=--expose-gc` allows one. */
function heapMiB(): string {
  (globalThis as { gc?: () => void }).gc?.();
  return (Deno.memoryUsage().heapUsed / 2 ** 20).toFixed(1);
}

type Undo = (() => void | Promise<void>) | undefined;

/** Each does its harm at once and gives back what ends it. */
const FAULTS: Readonly<
  Record<string, (world: SoakWorld, index: number, random: () => number) => Undo | Promise<Undo>>
> = {
  "latency"(world, index, random) {
    return world.spoil(index, { latencyMs: 20 + random() * 200 });
  },
  "narrow link"(world, index) {
    return world.spoil(index, { bytesPerSecond: 500_000 });
  },
  "split writes"(world, index, random) {
    return world.spoil(index, { pieceBytes: 1 + Math.floor(random() * 400) });
  },
  "cut after some bytes"(world, index, random) {
    return world.spoil(index, { cutAfterBytes: random() * 3_000_000 });
  },
  "reset"(world, index) {
    world.proxies[index]!.reset();
    return undefined;
  },
  "black hole"(world, index) {
    const proxy = world.proxies[index]!;
    proxy.blackHole();
    return () => proxy.heal();
  },
  "half-open towards the server"(world, index) {
    world.proxies[index]!.loseClients();
    return undefined;
  },
  "half-open towards the agent"(world, index) {
    world.proxies[index]!.loseTarget();
    return undefined;
  },
  async "agent restart"(world, index) {
    await world.agents[index]!.close();
    return async () => void (world.agents[index] = await world.startAgent(index));
  },
  async "agent killed"(world, index) {
    await world.agents[index]!.abort();
    return async () => void (world.agents[index] = await world.startAgent(index));
  },
  "drain"(world, index) {
    setDrained(world.server.registry, "edge-a", NAMES[index]!, true);
    return () => setDrained(world.server.registry, "edge-a", NAMES[index]!, false);
  },
  "weight"(world, index, random) {
    const weight = Math.floor(random() * 100);
    setWeight(world.server.registry, "edge-a", NAMES[index]!, weight);
    return () => setWeight(world.server.registry, "edge-a", NAMES[index]!, undefined);
  },
};

/** All that takes part. */
class SoakWorld {
  readonly backend = new EchoBackend();
  readonly proxies: FaultProxy[] = [];
  readonly agents: RunningAgent[] = [];
  readonly runtime: Runtime = createRuntime(silentLog);
  server!: RunningServer;
  url = "";
  #backendPort = 0;
  readonly #socketsBefore = openSockets();

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
    for (const index of NAMES.keys()) {
      world.proxies.push(await FaultProxy.start({ host: "127.0.0.1", port: tunnel!.port }));
      world.agents.push(await world.startAgent(index));
    }
    await until("both hosts", () => world.server.registry.hostCount === NAMES.length);
    return world;
  }

  async startAgent(index: number): Promise<RunningAgent> {
    const config = agentConfig({
      cluster: "edge-a",
      hostName: NAMES[index]!,
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
      const inFlight = this.agents.reduce((sum, agent) => sum + agent.workCount, 0);
      return {
        "hosts": server.registry.hostCount - NAMES.length,
        "tunnel connections": tunnels - NAMES.length * 2,
        "handshakes": handshakes,
        "clients": clients,
        "streams of agents": inFlight,
        "waiting requests": server.upstreams.waitingCount,
        "unread bytes": server.budget.unreadBytes,
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
    if (this.runtime.timers.size > 0) {
      throw new Error(`${this.runtime.timers.size} timers are left`);
    }
    this.runtime.timers.close();
    const more = () => openSockets() - this.#socketsBefore;
    await until("the sockets to be closed", () => more() <= 0).catch(() => {});
    return more() > 0 ? [`+${more()} open sockets`] : [];
  }
}

/** TCP sockets of this process, where the system tells; the runtime has others of its own. */
function openSockets(): number {
  if (Deno.build.os !== "linux") return 0;
  const inodes = new Set(
    ["tcp", "tcp6"].flatMap((name) =>
      Deno.readTextFileSync(`/proc/self/net/${name}`).split("\n")
        .map((line) => line.trim().split(/ +/)[9])
    ),
  );
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${name}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      return false;
    }
  }).length;
}

function seconds(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(1).padStart(7);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
