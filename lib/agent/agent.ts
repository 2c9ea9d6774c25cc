/** An agent: keeps connections up to its servers and serves what comes through them. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { KnownMessage, TargetHealth as TargetHealthMessage } from "../codec/message.ts";
import type { Duplex } from "../duplex.ts";
import type { RevtunError } from "../errors.ts";
import { agentPage } from "../http/agent_page.ts";
import type { AgentFacts } from "../http/agent_page.ts";
import { openPage } from "../http/http_responder.ts";
import { MemoryBudget } from "../mux/memory_budget.ts";
import type { Runtime } from "../runtime.ts";
import { resolve } from "../transport/resolve.ts";
import type { AgentPeer } from "./agent_peer.ts";
import { isSameAnnouncement } from "./announcement.ts";
import { AsideConnection } from "./aside_connection.ts";
import { ClearTextWatch } from "./clear_text_watch.ts";
import type { AgentConfig } from "./config.ts";
import { DayCountWriter, readDayCount } from "./day_count_file.ts";
import type { DayCount } from "./day_count_file.ts";
import { EdgePolicy, hasEdgeRules } from "./edge_policy.ts";
import { Discovery } from "./listers/discovery.ts";
import type { DiscoveryStatus } from "./listers/discovery.ts";
import { listerTimes, makeLister } from "./listers/lister_config.ts";
import type { ServerListerConfig } from "./listers/lister_config.ts";
import { ExposeLog } from "./expose_log.ts";
import { openTunnel } from "./open_tunnel.ts";
import type { TunnelServices } from "./open_tunnel.ts";
import { PeerSet } from "./peer_set.ts";
import { proxyHeader } from "./proxy_header.ts";
import { ServerTally } from "./server_tally.ts";
import type { StreamTracer } from "./stream_tracer.ts";
import type { Target } from "./target.ts";
import { TargetDialer } from "./target_dialer.ts";
import { TargetHealth } from "./target_health.ts";

/** What an agent is given by its process. */
export interface AgentDeps {
  /** Name and version for the server: "revtun/0.1.0". */
  readonly software: string;
  /** Makes a connection to what stands in for a default target; a page of its own if undefined. */
  readonly openPage?: (agent: RunningAgent) => Duplex;
  /** Memory of all sessions; one of the agent's own if undefined. */
  readonly budget?: MemoryBudget;
  /** Makes spans of what servers trace; undefined for none. */
  readonly tracer?: StreamTracer | undefined;
}

/** Why an agent ended. */
export interface AgentEnd {
  readonly reason:
    /** It was asked to. */
    | "closed"
    /** Every server refuses it for good. */
    | "refused"
    /** `connect_retry_times` are used up everywhere. */
    | "givenUp"
    /** `enable` is false. */
    | "disabled";
  /** What a server said last, unless it was asked to end. */
  readonly error?: RevtunError;
}

/**
 * Starts an agent; it goes on dialling in the background, whether servers are there or not.
 *
 * @throws {ConfigError} what it has kept of its day's bytes cannot be read.
 */
export async function startAgent(
  config: AgentConfig,
  runtime: Runtime,
  deps: AgentDeps,
): Promise<RunningAgent> {
  const path = dayCountPath(config);
  const dayCount = path === undefined ? undefined : await readDayCount(path);
  return new RunningAgent(config, runtime, deps, dayCount);
}

/** Where the day's bytes of this agent are kept; undefined if they need not be. */
function dayCountPath({ stateDir, cluster, hostName, edgeRules }: AgentConfig): string | undefined {
  if (stateDir === undefined || edgeRules.bytesPerDay === 0) return undefined;
  return join(stateDir, `day-bytes.${cluster}.${hostName}.json`);
}

/** An agent that was started; owned by who started it, who closes it. */
export class RunningAgent {
  /** Settles when the agent has ended by itself or by `close()`, all connections gone. */
  readonly ended: Promise<AgentEnd>;
  /** A UUID of this agent. */
  readonly agentId: string = crypto.randomUUID();
  readonly startedMs: number;
  #policy: EdgePolicy | undefined;
  #dayCounts: DayCountWriter | undefined;
  readonly #runtime: Runtime;
  readonly #dialer: TargetDialer;
  readonly #peers: PeerSet;
  #health: TargetHealth;
  /** Of checks that another configuration has ended. */
  #healthClosed: Promise<void> = Promise.resolve();
  readonly #exposeLog: ExposeLog;
  readonly #clearText: ClearTextWatch;
  readonly #waiting = new Set<() => void>();
  #config: AgentConfig;
  #lister: ServerListerConfig | undefined;
  #discovery: Discovery | undefined;
  #discovered: readonly Address[] = [];
  #end!: (end: AgentEnd) => void;
  #closed: Promise<void> | undefined;
  #connectionCount = 0;
  #sessionErrors = 0;

  constructor(config: AgentConfig, runtime: Runtime, deps: AgentDeps, dayCount?: DayCount) {
    this.#config = config;
    this.#runtime = runtime;
    this.startedMs = runtime.nowMs();
    this.#setPolicy(config);
    if (dayCount !== undefined) this.#policy?.addDayCount(dayCount);
    this.ended = new Promise((resolve) => this.#end = resolve);
    this.#dialer = new TargetDialer(config, { runtime, openPage: () => this.#openPage(deps) });
    this.#clearText = new ClearTextWatch(runtime.log);
    this.#exposeLog = new ExposeLog(() => this.#config.expose, runtime.log);
    const currentConfig = () => this.#config;
    const placeOf = (address: Address, server: Address) => ({
      address,
      server,
      proxy: this.#config.proxy,
    });
    const currentPolicy = () => this.policy;
    const services: TunnelServices = {
      // What is dialled from now on is to have the weight of now.
      get config() {
        return currentConfig();
      },
      runtime,
      get idleTimeoutMs() {
        return currentConfig().idleTimeoutMs;
      },
      budget: deps.budget ?? new MemoryBudget(),
      dialer: this.#dialer,
      tracer: deps.tracer,
      get policy() {
        return currentPolicy();
      },
      greetings: () => [
        ...(this.#health.isAnyUnhealthy ? [this.#healthMessage()] : []),
        ...(this.#config.expose.length > 0 ? [this.#exposeMessage()] : []),
      ],
      exposed: (results, server) => this.#exposeLog.report(results, server),
      sessionFailed: () => this.#sessionErrors += 1,
      nextIdentity: () => ({
        agentId: this.agentId,
        connectionId: ++this.#connectionCount,
        software: deps.software,
        isTracing: deps.tracer !== undefined,
      }),
    };
    this.#peers = new PeerSet({
      get config() {
        return currentConfig();
      },
      runtime,
      tally: new ServerTally(config.connectionNum),
      openTunnel: (address, server, events, signal) =>
        openTunnel(placeOf(address, server), services, events, signal),
      openAside: (address, server) =>
        new AsideConnection(placeOf(address, server), currentConfig(), runtime),
      resolve: (host, timeoutMs) => resolve(host, runtime.timers, timeoutMs),
      peerChanged: () => this.#changed(),
    });
    this.#health = this.#watchHealth(config);
    if (config.isEnabled) this.#setServers(config);
    else this.#end({ reason: "disabled" });
  }

  get config(): AgentConfig {
    return this.#config;
  }

  /** What this side allows; undefined where it has no rules. */
  get policy(): EdgePolicy | undefined {
    return hasEdgeRules(this.#config.edgeRules) ? this.#policy : undefined;
  }

  /** Servers that are dialled, by address. */
  get peers(): Iterable<AgentPeer> {
    return this.#peers.peers;
  }

  /** Registered connections to all servers. */
  get connectionCount(): number {
    let count = 0;
    for (const { connections } of this.#peers.peers) count += connections.size;
    return count;
  }

  /** Sessions that a server ended by breaking their protocol. */
  get sessionErrors(): number {
    return this.#sessionErrors;
  }

  /** Streams and exchanges in flight. */
  get workCount(): number {
    let count = 0;
    for (const { connections } of this.#peers.peers) {
      for (const { workCount } of connections) count += workCount;
    }
    return count;
  }

  /** Resolves when `isTrue` holds, looking at each change; never, if it never does. */
  async when(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** How it goes with learning of servers; undefined where that is not asked for. */
  get discovery(): DiscoveryStatus | undefined {
    return this.#discovery?.status;
  }

  /**
   * Goes by another configuration from now on. Connections that have their place in both stay; where
   * what they announced is another now, new ones are dialled before they leave.
   */
  apply(config: AgentConfig): void {
    if (this.#closed !== undefined) return;
    const before = this.#config;
    this.#config = config;
    this.#dialer.settings = config;
    this.#setPolicy(config);
    if (!config.isEnabled) {
      this.#closed = this.#stop(config.drainTimeoutMs, { reason: "disabled" });
      return;
    }
    if (!isSameAnnouncement(before, config)) {
      this.#peers.renew(new ServerTally(config.connectionNum));
    } else if (before.weight !== config.weight) {
      this.setWeight(config.weight);
    }
    if (!isEqual(healthOf(before), healthOf(config))) this.#renewHealth(config);
    if (!isEqual(before.expose, config.expose)) {
      for (const peer of this.#peers.peers) peer.tell(this.#exposeMessage());
    }
    this.#setServers(config);
  }

  /** Changes this host's share of the cluster's requests; 0 takes no new work. */
  setWeight(weight: number): void {
    this.#config = { ...this.#config, weight };
    for (const peer of this.#peers.peers) peer.sendWeight(weight);
  }

  /**
   * Ends gracefully: tells the servers, lets work in flight end, closes; at the latest after
   * `drainTimeoutMs`.
   */
  close(): Promise<void> {
    this.#closed ??= this.#stop(this.#config.drainTimeoutMs, { reason: "closed" });
    return this.#closed;
  }

  /** Cuts everything off at once; a `close()` that is under way ends by it. */
  abort(): Promise<void> {
    this.#peers.close();
    return this.close();
  }

  /** The same policy from the first rule to the end: it knows what was used today. */
  #setPolicy(config: AgentConfig): void {
    const { edgeRules } = config;
    if (this.#policy !== undefined) this.#policy.configure(edgeRules);
    else if (hasEdgeRules(edgeRules)) this.#policy = new EdgePolicy(edgeRules, this.#runtime);
    if (dayCountPath(config) === undefined) return;
    this.#dayCounts ??= new DayCountWriter(this.#runtime, () => {
      const path = dayCountPath(this.#config);
      return path === undefined ? undefined : { path, count: this.#policy!.dayCount };
    });
  }

  /** Dials the servers of the settings and those that are learnt of. */
  #setServers({ servers, serverLister }: AgentConfig): void {
    if (!isDeepStrictEqual(serverLister, this.#lister)) {
      this.#lister = serverLister;
      void this.#discovery?.close();
      this.#discovery = undefined;
      // What was learnt stays until the next lister knows better.
      if (serverLister === undefined) this.#discovered = [];
      else this.#discover(serverLister);
    }
    this.#dialServers([...servers, ...this.#discovered]);
  }

  #dialServers(servers: readonly Address[]): void {
    this.#clearText.look(this.#config, servers);
    this.#peers.setServers(servers);
  }

  #discover(config: ServerListerConfig): void {
    const runtime = this.#runtime;
    this.#discovery = new Discovery(makeLister(config, runtime.timers), {
      runtime,
      ...listerTimes(config),
      onServers: (servers) => {
        this.#discovered = servers;
        this.#dialServers([...this.#config.servers, ...servers]);
      },
    });
    this.#discovery.start();
  }

  async #stop(timeoutMs: number, end: AgentEnd): Promise<void> {
    await this.#discovery?.close();
    await this.#peers.stop(timeoutMs);
    await Promise.all([this.#health.close(), this.#healthClosed]);
    await this.#dialer.settled();
    await this.#dayCounts?.close();
    this.#end(end);
  }

  #exposeMessage(): KnownMessage {
    return { type: "expose", frontends: this.#config.expose };
  }

  #watchHealth(config: AgentConfig): TargetHealth {
    return new TargetHealth(config.isEnabled ? config.targets.values() : [], {
      runtime: this.#runtime,
      dial: (target, signal) => this.#dialForHealth(target, signal),
      onChange: () => {
        for (const peer of this.#peers.peers) peer.tell(this.#healthMessage());
      },
    });
  }

  /** Looks at other targets; all of them are taken to be well, those too that are looked at no more. */
  #renewHealth(config: AgentConfig): void {
    const before = this.#health;
    this.#healthClosed = Promise.all([this.#healthClosed, before.close()]).then(() => {});
    this.#health = this.#watchHealth(config);
    if (!before.isAnyUnhealthy) return;
    const names = Object.keys({ ...before.states, ...this.#health.states });
    const targets = Object.fromEntries(names.map((name) => [name, true]));
    for (const peer of this.#peers.peers) peer.tell({ type: "targetHealth", targets });
  }

  #healthMessage(): TargetHealthMessage {
    return { type: "targetHealth", targets: this.#health.states };
  }

  async #dialForHealth(target: Target, signal: AbortSignal): Promise<Duplex> {
    const connection = await this.#dialer.open({ target: target.name }, signal);
    const { proxyProtocol, address } = target;
    if (proxyProtocol !== undefined) {
      connection.write(proxyHeader(proxyProtocol, undefined, address));
    }
    return connection;
  }

  #openPage(deps: AgentDeps): Duplex {
    return deps.openPage?.(this) ??
      openPage(agentPage(() => this.#facts(deps.software)), this.#runtime);
  }

  #facts(software: string): AgentFacts {
    const { cluster, hostName, servers, targets } = this.#config;
    return {
      cluster,
      hostName,
      servers: servers.map(formatAddress),
      uptimeMs: this.#runtime.nowMs() - this.startedMs,
      software,
      hasNamedTargets: targets.size > 0,
    };
  }

  #changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const run of waiting) run();
    if (this.#closed === undefined && this.#peers.isHopeless) this.#giveUp();
  }

  #giveUp(): void {
    let refused: AgentPeer | undefined;
    let last: AgentPeer | undefined;
    for (const peer of this.#peers.peers) {
      last = peer;
      if (peer.isRefused) refused = peer;
    }
    const error = ((refused ?? last)?.lastError ?? this.#peers.lookupError) as
      | RevtunError
      | undefined;
    this.#closed = this.#stop(0, {
      reason: refused === undefined ? "givenUp" : "refused",
      ...(error !== undefined && { error }),
    });
  }
}

/** What is looked at, and how. */
function healthOf({ targets }: AgentConfig): unknown {
  return [...targets.values()].filter(({ health }) => health !== undefined);
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
