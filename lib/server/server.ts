/** A tunnel server: agents come in at tunnel ports, clients at frontends. */
import type { Address } from "../address.ts";
import type { ServerHello } from "../codec/message.ts";
import { MemoryBudget } from "../mux/memory_budget.ts";
import { StreamIds } from "../live_streams.ts";
import type { LiveStream } from "../live_streams.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { openFileLimit } from "../transport/file_limit.ts";
import { ResetCount } from "../transport/reset_count.ts";
import { listen } from "../transport/listen.ts";
import type { Listener } from "../transport/listen.ts";
import type { Connection } from "../transport/connection.ts";
import { clearSocketPath } from "../transport/socket_path.ts";
import { listenTls } from "../transport/tls_listen.ts";
import { AddressGate } from "./address_gate.ts";
import type { AddressLimits } from "./address_gate.ts";
import { AgentConnections } from "./agent_connections.ts";
import { AgentRules, declaredClusters } from "./agent_rules.ts";
import type { ServerConfig } from "./config.ts";
import { Departures } from "./departures.ts";
import { dismissStrangers } from "./dismissal.ts";
import { Exposures } from "./exposures.ts";
import { fitToFiles } from "./fit_to_files.ts";
import { FrontendSet } from "./frontend_set.ts";
import type { OpenFrontend } from "./open_frontend.ts";
import type { CommonServices } from "./frontends/frontend.ts";
import { Limits } from "./limits.ts";
import { HttpRouting } from "./http_routing.ts";
import { PermitWatch } from "./permit_watch.ts";
import { RawFarewells } from "./raw_farewells.ts";
import { RecentRequests } from "./recent_requests.ts";
import { Registry } from "./registry.ts";
import { ServerCertificates } from "./server_certificates.ts";
import { ServerUpstreams } from "./server_upstreams.ts";
import { ServerStats } from "./stats.ts";
import { OVERLOAD_RETRY_MS, TunnelAcceptor } from "./tunnel_acceptor.ts";
import { TrafficWatch } from "./traffic_watch.ts";
import { TunnelPorts } from "./tunnel_ports.ts";

/** How long the other process of a takeover may take to leave the ports. */
const SETTLE_MS = 60_000;
/** From a listener's close to what the kernel counts of it. */
const LET_GO_MS = 20;
/** How long agents have to close their side once the server has. */
const CLOSE_TIMEOUT_MS = 2000;
/**
 * A MOSN agent may offer what else it speaks; it goes on in MOSN's handshake all the same, and would
 * be refused if nothing it offers were chosen.
 */
const TUNNEL_ALPN = ["revtun", "sofa", "http/1.1", "h2"] as const;

/**
 * Starts a server.
 *
 * @param software name and version for agents and errors: "revtun/0.1.0".
 * @throws {ListenError} an address cannot be listened on; nothing is left half-started.
 * @throws {ConfigError} a frontend names a cluster in which no agent may register.
 */
export async function startServer(
  config: ServerConfig,
  runtime: Runtime,
  software: string,
): Promise<RunningServer> {
  const server = new RunningServer(config, runtime, software);
  try {
    await server.listen();
  } catch (error) {
    await server.giveUp();
    throw error;
  }
  return server;
}

/** A server that was started; owned by who started it, who closes it. */
export class RunningServer {
  readonly stats = new ServerStats();
  readonly registry: Registry;
  readonly upstreams: ServerUpstreams;
  readonly departures: Departures = new Departures();
  readonly startedMs: number;
  /** What slow readers hold of the memory that they may have. */
  readonly budget: MemoryBudget;
  readonly #runtime: Runtime;
  readonly #software: string;
  readonly #acceptor: TunnelAcceptor;
  readonly #farewells: RawFarewells;
  /** Listeners for clients, which may come and go. */
  readonly frontends: FrontendSet;
  /** The latest requests, for who looks. */
  readonly recent: RecentRequests;
  /** Who wants to know what passes. */
  readonly watch: TrafficWatch;
  /** Frontends that agents asked for. */
  readonly exposures: Exposures;
  readonly #ports: TunnelPorts;
  readonly certificates: ServerCertificates;
  /** Every tunnel connection, hosted or a probe's. */
  readonly #agents: AgentConnections;
  readonly #rules: AgentRules;
  readonly #permits: PermitWatch;
  /** The limits are lower than configured, for want of open files. */
  readonly #isLimited: boolean;
  #config: ServerConfig;
  readonly #limits: Limits;
  readonly #addresses: AddressGate;
  /** Ends what it may do on ports that another process has too. */
  #settling: Timer | undefined;
  readonly #resets: ResetCount | undefined;
  #closed: Promise<void> | undefined;

  /** @throws {ConfigError} */
  constructor(given: ServerConfig, runtime: Runtime, software: string) {
    const config = this.#config = fitToFiles(given, openFileLimit());
    this.#isLimited = config !== given;
    this.#runtime = runtime;
    this.#software = software;
    this.startedMs = runtime.nowMs();
    if (config.portSharing !== "none") this.#resets = new ResetCount();
    if (config.portSharing === "join") this.#joinUntilSettled();
    this.#limits = new Limits(this.stats, runtime);
    this.budget = new MemoryBudget(config.memoryBudgetBytes);
    this.budget.onReset = () => {
      this.#limits.reached("memory", "Reset a stream: slow readers hold the memory budget");
    };
    this.registry = new Registry({
      clusters: declaredClusters(config),
      isOpen: config.isOpenToClusters,
      slowStart: config.slowStart,
      onChange: (cluster) => this.upstreams.served(cluster),
    });
    this.upstreams = new ServerUpstreams({
      registry: this.registry,
      runtime,
      stats: this.stats,
      maxWaiting: config.maxWaiting,
      maxWaitingBytes: config.maxWaitingBytes,
      isOutOfMemory: () => this.budget.isNearlyFull,
    });
    this.recent = new RecentRequests(() => runtime.nowMs());
    this.watch = new TrafficWatch([...config.watchers, this.recent]);
    const certificates = this.certificates = new ServerCertificates(runtime);
    const currentConfig = () => this.#config;
    const routing = new HttpRouting(config, this.upstreams);
    const streamIds = new StreamIds();
    const services: CommonServices = {
      get config() {
        return currentConfig();
      },
      upstreams: this.upstreams,
      routing,
      runtime,
      stats: this.stats,
      // They are read when the server starts to listen.
      get certificates() {
        return certificates.frontends;
      },
      limits: this.#limits,
      watch: this.watch,
    };
    this.frontends = new FrontendSet(services, streamIds);
    this.exposures = new Exposures({
      rules: config.allowExpose,
      frontends: new FrontendSet(services, streamIds),
      routing,
      log: runtime.log,
    });
    this.#ports = new TunnelPorts(runtime, (address) => this.#listenForAgents(address));
    this.#permits = new PermitWatch({
      policy: config.credentialPolicy,
      timers: runtime.timers,
      clockMs: Date.now,
      onEnd: (host, connection, reason) => this.#agents.permitEnded(host, connection, reason),
    });
    this.#farewells = new RawFarewells(this.registry, runtime, this.stats);
    const rules = this.#rules = new AgentRules({
      registry: this.registry,
      limits: this.#limits,
      config: currentConfig,
      isClosing: () => this.isClosing,
      tunnelCount: () => this.#agents.size,
    });
    this.#agents = new AgentConnections({
      runtime,
      stats: this.stats,
      limits: this.#limits,
      budget: this.budget,
      registry: this.registry,
      upstreams: this.upstreams,
      departures: this.departures,
      exposures: this.exposures,
      permits: this.#permits,
      rules,
      config: currentConfig,
      linger: (duplex) => this.#acceptor.linger(duplex),
      rawHostLeft: (ip) => this.#acceptor.rawHostLeft(ip),
    });
    this.#addresses = new AddressGate(addressLimits(config));
    this.#acceptor = new TunnelAcceptor({
      runtime,
      stats: this.stats,
      rules: {
        get credentialPolicy() {
          return currentConfig().credentialPolicy;
        },
        allowsCluster: (name, permit) => rules.allowsCluster(name, permit),
        overload: () => rules.overload(),
        objection: (info, permit) => rules.objection(info, permit),
        retryAfterMs: OVERLOAD_RETRY_MS,
      },
      get initTimeoutMs() {
        return currentConfig().initTimeoutMs;
      },
      limits: this.#limits,
      addresses: this.#addresses,
      get maxHandshakes() {
        return currentConfig().maxHandshakes;
      },
      get maxHandshakesPerAddress() {
        return currentConfig().maxHandshakesPerAddress;
      },
      hello: () => this.#hello(),
      accepted: (entry) => this.#agents.accept(entry),
      gracefulClose: (message, ip) => this.#farewells.take(message, ip),
      rawHostsAt: (ip) => this.#farewells.hostsAt(ip).length,
    });
  }

  /** What it goes by now. */
  get config(): ServerConfig {
    return this.#config;
  }

  /** Opens all listeners. @throws {ListenError | ConfigError} */
  async listen(): Promise<void> {
    await this.listenForAgents();
    await this.listenForClients();
  }

  /**
   * After a takeover that came to nothing: listens again wherever the other process does, which has
   * to leave.
   *
   * @throws {ListenError}
   */
  async listenAgain(): Promise<void> {
    this.#joinUntilSettled();
    this.frontends.reclaim();
    this.#ports.reclaim();
    const ports = await this.#ports.prepare(this.#config.tunnels);
    await ports.commit();
  }

  /** Opens the tunnel listeners. @throws {ListenError | ConfigError} */
  async listenForAgents(): Promise<void> {
    await this.certificates.openTunnel(this.#config.tunnelTls);
    const ports = await this.#ports.prepare(this.#config.tunnels);
    await ports.commit();
  }

  /** Opens the frontends of the configuration. @throws {ListenError | ConfigError} */
  async listenForClients(): Promise<void> {
    await this.certificates.openFrontends(this.#config.frontendTls);
    for (const spec of this.#config.frontends) await this.frontends.add(spec);
    this.#tellOfLimits();
  }

  #tellOfLimits(): void {
    if (openFileLimit() === undefined) {
      this.#runtime.log.info(
        "server.limit_unknown",
        "How many files may be open cannot be seen; set REVTUN_OPEN_FILES to what ulimit -Hn says",
      );
    }
    if (!this.#isLimited) return;
    const { maxFrontendConnections, maxTunnels } = this.#config;
    this.#runtime.log.info("server.limited", "Takes what the open files suffice for (ulimit -n)", {
      clients: maxFrontendConnections,
      tunnels: maxTunnels,
    });
  }

  /**
   * Goes by another configuration from now on, all of it or nothing. What has its place in both is
   * left alone: listeners with their clients, agents with their connections.
   *
   * @throws {ListenError | ConfigError} an address cannot be listened on, a certificate not be
   * used; all is as it was.
   */
  async apply(config: ServerConfig): Promise<void> {
    if (this.isClosing) return;
    await using undoing = new AsyncDisposableStack();
    undoing.defer(await this.certificates.replace(config));
    const ports = await this.#ports.prepare(config.tunnels);
    undoing.defer(() => ports.undo());
    await this.frontends.replace(config.frontends);
    // Nothing below can fail.
    undoing.move();
    const { serverId, portSharing } = this.#config;
    this.#config = fitToFiles({ ...config, serverId, portSharing }, openFileLimit());
    this.frontends.routing.configure(this.#config);
    this.frontends.configure(this.#config);
    this.exposures.configure(this.#config);
    this.#agents.configure();
    this.#addresses.configure(addressLimits(config), this.#runtime.nowMs());
    this.budget.resize(config.memoryBudgetBytes);
    this.registry.configure({
      clusters: declaredClusters(config),
      isOpen: config.isOpenToClusters,
      slowStart: config.slowStart,
    });
    this.#permits.setPolicy(config.credentialPolicy);
    await ports.commit();
    dismissStrangers({
      registry: this.registry,
      runtime: this.#runtime,
      drainTimeoutMs: this.#config.drainTimeoutMs,
      allowsCluster: (name, permit) => this.#rules.allowsCluster(name, permit),
    });
  }

  /** It stops, or has stopped: nothing new is taken. */
  get isClosing(): boolean {
    return this.#closed !== undefined;
  }

  /** Where agents come in, with actual ports. */
  get tunnelAddresses(): Address[] {
    return this.#ports.addresses;
  }

  /** Where clients come in, with actual ports, in the order of the configuration. */
  get frontendAddresses(): Address[] {
    return this.frontends.addresses;
  }

  /** What clients have under way, with the frontend that each of it came in by. */
  *streams(): Iterable<{ frontend: OpenFrontend; stream: LiveStream }> {
    yield* this.frontends.streams();
    yield* this.exposures.streams();
  }

  /** Counts that go back to where they were when all work has ended. */
  get gauges(): { tunnels: number; handshakes: number; asides: number; clients: number } {
    return {
      tunnels: this.#agents.size,
      handshakes: this.#acceptor.pendingCount,
      asides: this.#acceptor.asideCount,
      clients: this.frontends.clientCount + this.exposures.clientCount,
    };
  }

  /**
   * Takes no new agents and asks those that are here to dial another server, or the next process on
   * these ports; until `close()` they are given work as before.
   */
  async handOverTunnels(): Promise<void> {
    await this.#ports.close();
    this.#agents.askReplacements("the server stops");
  }

  /**
   * Stops: no new clients, agents are asked to dial elsewhere, work in flight is given
   * `drainTimeoutMs` to end. Resolves when everything is closed.
   */
  close(drainTimeoutMs = this.#config.drainTimeoutMs): Promise<void> {
    return this.#closed ??= this.#close(drainTimeoutMs);
  }

  /** Closes a server whose start did not come to its end, and says nothing: its caller says why. */
  giveUp(): Promise<void> {
    return this.#closed ??= this.#close(0, false);
  }

  async #close(drainTimeoutMs: number, isTold = true): Promise<void> {
    this.#settling?.cancel();
    await this.#stopListening(isTold);
    // Clients first: their last requests still need the tunnels.
    const drained = [this.frontends.drain(), this.exposures.drain()];
    await this.#within(drainTimeoutMs, Promise.all(drained));
    this.upstreams.close();
    this.frontends.close();
    this.exposures.close();
    this.#agents.goAway();
    this.#acceptor.close();
    this.certificates.close();
    this.#farewells.close();
    await this.#within(CLOSE_TIMEOUT_MS, this.#agents.close());
  }

  #joinUntilSettled(): void {
    this.#config = { ...this.#config, portSharing: "join" };
    this.#settling?.cancel();
    // From then on a port that another process has is in use, as ever.
    this.#settling = this.#runtime.timers.after(SETTLE_MS, () => {
      this.#config = { ...this.#config, portSharing: "later" };
    });
  }

  /** All ports are free at once for the next process. */
  async #stopListening(isTold: boolean): Promise<void> {
    const isListening = this.frontendAddresses.length + this.tunnelAddresses.length > 0;
    const taken = await Promise.all([
      this.frontends.drainQueues(),
      this.exposures.drainQueues(),
      this.#ports.drainQueues(),
    ]);
    const resetsBefore = this.#resets?.read();
    await Promise.all([
      this.frontends.stopListening(),
      this.exposures.stop(),
      this.handOverTunnels(),
    ]);
    // The kernel closes a listener when the runtime has let go of it.
    if (this.#resets !== undefined) await this.#within(LET_GO_MS, new Promise(() => {}));
    const resetsAfter = this.#resets?.read();
    this.#resets?.[Symbol.dispose]();
    if (!isListening || !isTold) return;
    const resets = resetsBefore === undefined || resetsAfter === undefined
      ? undefined
      : resetsAfter - resetsBefore;
    const advice = "; sysctl net.ipv4.tcp_migrate_req=1 gives such connections to the next process";
    this.#runtime.log.info(
      "server.deaf",
      `Nobody can connect any more${resets ? advice : ""}`,
      { taken_last: taken.reduce((sum, count) => sum + count), reset_at_most: resets },
    );
  }

  async #listenForAgents(address: Address): Promise<Listener> {
    const onConnection = (connection: Connection) => this.#acceptor.accept(connection);
    const { tunnel: certificates } = this.certificates;
    const { portSharing: sharing } = this.#config;
    const currentConfig = () => this.#config;
    await clearSocketPath(address, sharing);
    if (certificates === undefined) {
      return listen(address, this.#runtime, { onConnection, sharing });
    }
    return await listenTls(address, this.#runtime, {
      certificates,
      alpn: TUNNEL_ALPN,
      handshakeTimeoutMs: this.#config.initTimeoutMs,
      get maxHandshakes() {
        return currentConfig().maxHandshakes;
      },
      onConnection,
      onRefused: (refusal) => this.stats.tlsRefused(refusal),
      sharing,
    });
  }

  /** Waits for `work`, but no longer than `timeoutMs`. */
  #within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const deadline = this.#runtime.timers.after(timeoutMs, resolve);
      void work.then(() => {
        deadline.cancel();
        resolve();
      });
    });
  }

  #hello(): ServerHello {
    const { serverId, serverCount } = this.#config;
    return { version: 1, serverId, serverCount, software: this.#software, timeMs: Date.now() };
  }
}

function addressLimits(config: ServerConfig): AddressLimits {
  const { handshakesPerSecond, freeCredentialFailures } = config;
  return { handshakesPerSecond, freeFailures: freeCredentialFailures };
}
