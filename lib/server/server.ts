/** A tunnel server: agents come in at tunnel ports, clients at frontends. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { Permit } from "../auth/permit.ts";
import type { InitInfo, Message, ServerHello } from "../codec/message.ts";
import { GO_AWAY } from "../codec/yamux.ts";
import { ClosedError, ConfigError, ProtocolError } from "../errors.ts";
import { MemoryBudget } from "../mux/memory_budget.ts";
import { Session } from "../mux/session.ts";
import { ByteBucket, ThrottledDuplex } from "../byte_bucket.ts";
import type { Duplex } from "../duplex.ts";
import { Allowance } from "../mux/abuse.ts";
import type { Runtime } from "../runtime.ts";
import { openFileLimit } from "../transport/file_limit.ts";
import { listen } from "../transport/listen.ts";
import type { Listener } from "../transport/listen.ts";
import type { Connection } from "../transport/connection.ts";
import { clearSocketPath } from "../transport/socket_path.ts";
import { listenTls } from "../transport/tls_listen.ts";
import type { Objection } from "./admission.ts";
import { AddressGate } from "./address_gate.ts";
import type { ServerConfig } from "./config.ts";
import { ControlStream } from "./control_stream.ts";
import { Departures } from "./departures.ts";
import { Exposures } from "./exposures.ts";
import { fitToFiles } from "./fit_to_files.ts";
import { FrontendSet } from "./frontend_set.ts";
import type { FrontendServices } from "./frontends/frontend.ts";
import { Limits, Tally } from "./limits.ts";
import { DEFAULT_HEALTH } from "./host.ts";
import type { Host, HostConnection } from "./host.ts";
import { HttpRouting } from "./http_routing.ts";
import { MuxTunnel } from "./mux_tunnel.ts";
import type { TunnelEvents } from "./mux_tunnel.ts";
import { PermitWatch } from "./permit_watch.ts";
import { ipOf, RawFarewells } from "./raw_farewells.ts";
import { RawTunnel } from "./raw_tunnel.ts";
import { Registry } from "./registry.ts";
import { ServerCertificates } from "./server_certificates.ts";
import { ServerUpstreams } from "./server_upstreams.ts";
import { ServerStats } from "./stats.ts";
import { OVERLOAD_RETRY_MS, TunnelAcceptor } from "./tunnel_acceptor.ts";
import type { TunnelEntry } from "./tunnel_acceptor.ts";
import { TunnelPorts } from "./tunnel_ports.ts";

/** How long agents have to close their side once the server has. */
const CLOSE_TIMEOUT_MS = 2000;
/** Smallest read buffer of a tunnel connection: it carries many streams. */
const TUNNEL_READ_BYTES = 16 << 10;
/** Streams that may wait for a revtun agent's ACK; Go's yamux bears 256. */
const REVTUN_UNACKNOWLEDGED = 8192;
/**
 * A MOSN agent throws away what it reads together with the handshake's answer: its first request
 * must come in a read of its own.
 */
const MOSN_SETTLE_MS = 100;
/**
 * A MOSN agent may offer what else it speaks; it goes on in MOSN's handshake all the same, and would
 * be refused if nothing it offers were chosen.
 */
const TUNNEL_ALPN = ["revtun", "sofa", "http/1.1", "h2"] as const;
/**
 * Streams and messages of one agent's connection: at once, and a second in the long run. It opens one
 * stream, for control; a few more are a newer version's.
 */
const AGENT_OPENS = { atOnce: 64, perSecond: 10 };
const AGENT_MESSAGES = { atOnce: 200, perSecond: 20 };
/** A probe's session is closed after this. */
const PROBE_LIFE_MS = 30_000;

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
    await server.close(0);
    throw error;
  }
  return server;
}

/** A connection of an agent, or a probe's session. */
type Tunnel =
  & Pick<HostConnection, "close" | "goAway">
  & Partial<Pick<HostConnection, "askReplacement">>;

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
  /** Frontends that agents asked for. */
  readonly exposures: Exposures;
  readonly #ports: TunnelPorts;
  readonly #certificates: ServerCertificates;
  /** Every tunnel connection, hosted or a probe's. */
  readonly #tunnels = new Map<number, Tunnel>();
  readonly #events: TunnelEvents;
  readonly #permits: PermitWatch;
  /** The limits are lower than configured, for want of open files. */
  readonly #isLimited: boolean;
  #config: ServerConfig;
  readonly #limits: Limits;
  readonly #agentConnections = new Tally();
  readonly #agentKeys = new Map<number, string>();
  readonly #agentBuckets = new WeakMap<Host, ByteBucket>();
  #nextTunnelId = 1;
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  /** @throws {ConfigError} */
  constructor(given: ServerConfig, runtime: Runtime, software: string) {
    const config = this.#config = fitToFiles(given, openFileLimit());
    this.#isLimited = config !== given;
    this.#runtime = runtime;
    this.#software = software;
    this.startedMs = runtime.nowMs();
    this.#limits = new Limits(this.stats, runtime);
    this.budget = new MemoryBudget(config.memoryBudgetBytes);
    this.budget.onReset = () => {
      this.#limits.reached("memory", "Reset a stream: slow readers hold the memory budget");
    };
    this.registry = new Registry({
      clusters: declaredClusters(config),
      isOpen: config.isOpenToClusters,
      slowStartMs: config.slowStartMs,
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
    const certificates = this.#certificates = new ServerCertificates(runtime);
    const currentConfig = () => this.#config;
    const routing = new HttpRouting(config, this.upstreams);
    const services: FrontendServices = {
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
    };
    this.frontends = new FrontendSet(services);
    this.exposures = new Exposures({
      rules: config.allowExpose,
      frontends: new FrontendSet(services),
      routing,
      log: runtime.log,
    });
    this.#events = {
      full: (host) => {
        const detail =
          `A connection has its ${config.maxStreamsPerSession} streams: others are used`;
        this.#limits.reached("streamsPerSession", detail, { host: host.hostName });
      },
      opened: (host, isGood) => this.#opened(host, isGood),
      freed: (host) => {
        const cluster = this.registry.clusters.get(host.cluster);
        if (cluster !== undefined) this.upstreams.served(cluster);
      },
    };
    this.#ports = new TunnelPorts(runtime, (address) => this.#listenForAgents(address));
    this.#permits = new PermitWatch({
      policy: config.credentialPolicy,
      timers: runtime.timers,
      clockMs: Date.now,
      onEnd: (host, connection, reason) => this.#permitEnded(host, connection, reason),
    });
    this.#farewells = new RawFarewells(this.registry, runtime, this.stats);
    this.#acceptor = new TunnelAcceptor({
      runtime,
      stats: this.stats,
      rules: {
        get credentialPolicy() {
          return currentConfig().credentialPolicy;
        },
        allowsCluster: (name, permit) => this.#allowsCluster(name, permit),
        overload: () => this.#overload(),
        objection: (info, permit) => this.#objection(info, permit),
        retryAfterMs: OVERLOAD_RETRY_MS,
      },
      get initTimeoutMs() {
        return currentConfig().initTimeoutMs;
      },
      limits: this.#limits,
      addresses: new AddressGate({
        handshakesPerSecond: config.handshakesPerSecond,
        freeFailures: config.freeCredentialFailures,
      }),
      maxHandshakes: config.maxHandshakes,
      maxHandshakesPerAddress: config.maxHandshakesPerAddress,
      hello: () => this.#hello(),
      accepted: (entry) => this.#accepted(entry),
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

  /** Opens the tunnel listeners. @throws {ListenError | ConfigError} */
  async listenForAgents(): Promise<void> {
    await this.#certificates.openTunnel(this.#config.tunnelTls);
    const ports = await this.#ports.prepare(this.#config.tunnels);
    await ports.commit();
  }

  /** Opens the frontends of the configuration. @throws {ListenError | ConfigError} */
  async listenForClients(): Promise<void> {
    await this.#certificates.openFrontends(this.#config.frontendTls);
    for (const spec of this.#config.frontends) await this.frontends.add(spec);
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
    undoing.defer(await this.#certificates.replace(config));
    const ports = await this.#ports.prepare(config.tunnels);
    undoing.defer(() => ports.undo());
    await this.frontends.replace(config.frontends);
    // Nothing below can fail.
    undoing.move();
    const { serverId, portSharing } = this.#config;
    this.#config = fitToFiles({ ...config, serverId, portSharing }, openFileLimit());
    this.frontends.configure(this.#config);
    this.exposures.setRules(config.allowExpose);
    this.registry.configure({
      clusters: declaredClusters(config),
      isOpen: config.isOpenToClusters,
      slowStartMs: config.slowStartMs,
    });
    this.#permits.setPolicy(config.credentialPolicy);
    await ports.commit();
    this.#dismissStrangers();
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

  /** Counts that go back to where they were when all work has ended. */
  get gauges(): { tunnels: number; handshakes: number; asides: number; clients: number } {
    return {
      tunnels: this.#tunnels.size,
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
    for (const tunnel of this.#tunnels.values()) tunnel.askReplacement?.("the server stops");
  }

  /**
   * Stops: no new clients, agents are asked to dial elsewhere, work in flight is given
   * `drainTimeoutMs` to end. Resolves when everything is closed.
   */
  close(drainTimeoutMs = this.#config.drainTimeoutMs): Promise<void> {
    return this.#closed ??= this.#close(drainTimeoutMs);
  }

  async #close(drainTimeoutMs: number): Promise<void> {
    // Both ports are free at once for the next process.
    await Promise.all([
      this.frontends.stopListening(),
      this.exposures.stop(),
      this.handOverTunnels(),
    ]);
    // Clients first: their last requests still need the tunnels.
    const drained = [this.frontends.drain(), this.exposures.drain()];
    await this.#within(drainTimeoutMs, Promise.all(drained));
    this.upstreams.close();
    this.frontends.close();
    this.exposures.close();
    for (const tunnel of this.#tunnels.values()) tunnel.goAway();
    this.#acceptor.close();
    this.#certificates.close();
    this.#farewells.close();
    for (const tunnel of this.#tunnels.values()) tunnel.close();
    if (this.#tunnels.size === 0) return;
    await this.#within(CLOSE_TIMEOUT_MS, new Promise<void>((resolve) => this.#onEmpty = resolve));
  }

  async #listenForAgents(address: Address): Promise<Listener> {
    const onConnection = (connection: Connection) => this.#acceptor.accept(connection);
    const { tunnel: certificates } = this.#certificates;
    const { portSharing: sharing } = this.#config;
    await clearSocketPath(address);
    if (certificates === undefined) {
      return listen(address, this.#runtime, { onConnection, sharing });
    }
    return await listenTls(address, this.#runtime, {
      certificates,
      alpn: TUNNEL_ALPN,
      handshakeTimeoutMs: this.#config.initTimeoutMs,
      maxHandshakes: this.#config.maxHandshakes,
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

  #forget(tunnelId: number): void {
    this.#tunnels.delete(tunnelId);
    if (this.#tunnels.size === 0) this.#onEmpty?.();
  }

  #hello(): ServerHello {
    const { serverId, serverCount } = this.#config;
    return { version: 1, serverId, serverCount, software: this.#software };
  }

  #overload(): string | undefined {
    if (this.isClosing) return "this server is stopping";
    if (this.#tunnels.size >= this.#config.maxTunnels) {
      this.#limits.reached("tunnels", "No room for more tunnel connections; raise --max-tunnels");
      return `this server has its ${this.#config.maxTunnels} tunnel connections`;
    }
    return undefined;
  }

  #allowsCluster(name: string, permit: Permit): boolean {
    return this.registry.allows(name) ||
      (this.#config.isOpenToNamedClusters && permit.namesClusters);
  }

  /** Hosts of clusters that are not declared any more get no new work, and leave. */
  #dismissStrangers(): void {
    const strangers = [...this.registry.clusters.values()].flatMap((
      { hosts },
    ) => [...hosts.values()])
      .filter((host) => !host.isDraining && !this.#allowsCluster(host.cluster, host.permit));
    for (const host of strangers) {
      this.#runtime.log.warn("host.dismissed", "Its cluster is not declared any more", {
        cluster: host.cluster,
        host: host.hostName,
      });
      host.isDraining = true;
      for (const connection of host.connections) connection.goAway();
    }
    if (strangers.length === 0) return;
    this.#runtime.timers.after(this.#config.drainTimeoutMs, () => {
      for (const { cluster, permit, connections } of strangers) {
        if (this.#allowsCluster(cluster, permit)) continue;
        for (const connection of [...connections]) connection.close();
      }
    });
  }

  /** A host's name is its identity's as long as one of its connections is there. */
  #objection(info: InitInfo, permit: Permit): Objection | undefined {
    const { maxConnectionsPerAgent } = this.config;
    const agentKey = agentKeyOf(info, permit);
    if (agentKey !== "" && this.#agentConnections.of(agentKey) >= maxConnectionsPerAgent) {
      const reason = `this agent has its ${maxConnectionsPerAgent} connections`;
      const fields = { cluster: info.clusterName, host: info.hostName };
      this.#limits.reached("connectionsPerAgent", `Refused an agent: ${reason}`, fields);
      return { counter: "overload", reason };
    }
    const rival = this.registry.rivalOf(info, permit.identity);
    if (rival === undefined) return undefined;
    const reason = `host "${rival.hostName}" of cluster "${rival.cluster}" is connected under ` +
      "another identity";
    return { counter: "inUse", reason };
  }

  #permitEnded(host: Host, connection: HostConnection, reason: string): void {
    this.stats.permitsEnded += 1;
    this.#runtime.log.warn("tunnel.permit_ended", `Closed an agent's connection: ${reason}`, {
      cluster: host.cluster,
      host: host.hostName,
      identity: host.identity,
      remote: connection.remoteAddress,
    });
    connection.close(new ClosedError("us", reason));
  }

  #accepted(entry: TunnelEntry): void {
    const id = this.#nextTunnelId++;
    if (entry.info.hello?.purpose === "probe") {
      this.#serveProbe(id, entry);
      return;
    }
    const host = this.registry.hostFor({
      info: entry.info,
      permit: entry.permit,
      remoteAddress: formatAddress(entry.duplex.remote),
    }, this.#runtime.nowMs());
    if (entry.mode === "mux") this.#serveMux(id, entry, host);
    else this.#serveRaw(id, entry, host);
  }

  #serveMux(id: number, entry: TunnelEntry, host: Host): void {
    const remoteAddress = formatAddress(entry.duplex.remote);
    const session = this.#openSession(id, entry, {
      duplex: this.#throttled(host, entry.duplex),
      name: `${host.cluster}/${host.hostName}/${id}`,
      onMessage: (message) => {
        if (message.type === "expose") {
          this.exposures.set(host, message.frontends, (frontends) => {
            tunnel.control?.send({ type: "exposed", frontends });
          });
        } else {
          this.#controlled(host, message);
        }
      },
      onControl: (control) => tunnel.control = control,
      // Streams at rest would keep an agent that wants to leave.
      onGoAway: () => tunnel.closeIdle(),
      onClose: (error) => {
        tunnel.ended();
        this.#removed(host, tunnel, error);
      },
    });
    const tunnel: MuxTunnel = new MuxTunnel({
      id,
      remoteAddress,
      session,
      host,
      runtime: this.#runtime,
      stats: this.stats,
      events: this.#events,
      openTimeoutMs: this.config.openTimeoutMs,
      maxStreams: this.config.maxStreamsPerSession,
    });
    this.#added(host, tunnel, entry);
    if (entry.rest.length > 0) session.onData(entry.rest, entry.buffer);
  }

  #serveRaw(id: number, entry: TunnelEntry, host: Host): void {
    const tunnel: RawTunnel = new RawTunnel({
      id,
      remoteAddress: formatAddress(entry.duplex.remote),
      duplex: this.#throttled(host, entry.duplex),
      host,
      events: this.#events,
      isReady: entry.info.hello !== undefined,
      onClose: (error) => {
        settling.cancel();
        this.#removed(host, tunnel, error);
        if (entry.info.hello === undefined) this.#acceptor.rawHostLeft(ipOf(entry.duplex.remote));
      },
    });
    const settling = this.#runtime.timers.after(MOSN_SETTLE_MS, () => tunnel.ready());
    this.#added(host, tunnel, entry);
    if (entry.rest.length > 0) tunnel.onData(entry.rest, entry.buffer);
  }

  #serveProbe(id: number, entry: TunnelEntry): void {
    if (entry.mode !== "mux") {
      this.#acceptor.linger(entry.duplex);
      return;
    }
    const session = this.#openSession(id, entry, {
      duplex: entry.duplex,
      name: `probe/${id}`,
      onMessage() {},
      onGoAway() {},
      onClose: () => {
        life.cancel();
        this.#forget(id);
      },
    });
    const life = this.#runtime.timers.after(PROBE_LIFE_MS, () => session.close());
    this.#tunnels.set(id, session);
    if (entry.rest.length > 0) session.onData(entry.rest, entry.buffer);
  }

  #openSession(
    id: number,
    entry: TunnelEntry,
    wiring: {
      duplex: Duplex;
      name: string;
      onMessage: (message: Message) => void;
      onControl?: (stream: ControlStream) => void;
      onGoAway: () => void;
      onClose: (error?: Error) => void;
    },
  ): Session {
    entry.duplex.setMinReadBytes?.(TUNNEL_READ_BYTES);
    const startMs = this.#runtime.nowMs();
    const opens = new Allowance(AGENT_OPENS.atOnce, AGENT_OPENS.perSecond, startMs);
    const messages = new Allowance(AGENT_MESSAGES.atOnce, AGENT_MESSAGES.perSecond, startMs);
    const session: Session = new Session(wiring.duplex, {
      role: "listener",
      name: wiring.name,
      runtime: this.#runtime,
      budget: this.budget,
      keepalive: this.#config.keepalive,
      // An agent built on plain yamux says hello but no software of ours.
      maxUnacknowledged: entry.info.hello?.software?.startsWith("revtun/")
        ? REVTUN_UNACKNOWLEDGED
        : 256,
      onStream: (stream) => {
        if (!opens.take(this.#runtime.nowMs())) {
          this.stats.limited("openRate");
          const error = new ProtocolError(`Agent of ${wiring.name} opens too many streams`);
          this.#runtime.log.warn("session.protocol_error", error.message, { session: wiring.name });
          session.close(error, GO_AWAY.protocolError);
          return;
        }
        const control = new ControlStream(stream, {
          message: (message) => {
            if (messages.take(this.#runtime.nowMs())) return wiring.onMessage(message);
            const detail = "Ignored what an agent says: it says too much";
            this.#limits.reached("messageRate", detail, { tunnel: id });
          },
          garbage: (error) => {
            this.stats.controlIgnored += 1;
            this.#runtime.log.warn("control.garbage", error.message, { tunnel: id });
          },
        });
        wiring.onControl?.(control);
      },
      onGoAway: (code) => {
        if (code !== GO_AWAY.normal) {
          this.#runtime.log.warn("session.rejected", "An agent finds fault with its session", {
            session: wiring.name,
            code,
          });
        }
        wiring.onGoAway();
      },
      onClose: (error) => {
        if (error instanceof ProtocolError) this.stats.sessionErrors += 1;
        wiring.onClose(error);
      },
    });
    return session;
  }

  /** The connection as its host may use it: all of a host share one limit. */
  #throttled(host: Host, duplex: Duplex): Duplex {
    const { agentBytesPerSecond } = this.config;
    if (agentBytesPerSecond === 0) return duplex;
    let bucket = this.#agentBuckets.get(host);
    if (bucket === undefined) {
      const { timers } = this.#runtime;
      bucket = new ByteBucket(agentBytesPerSecond, timers, () => this.#runtime.nowMs());
      this.#agentBuckets.set(host, bucket);
    }
    return new ThrottledDuplex(duplex, bucket);
  }

  #added(host: Host, tunnel: HostConnection, { info, permit }: TunnelEntry): void {
    const agentKey = agentKeyOf(info, permit);
    this.#agentConnections.add(agentKey);
    this.#agentKeys.set(tunnel.id, agentKey);
    this.#tunnels.set(tunnel.id, tunnel);
    this.registry.add(host, tunnel);
    if (host.connections.length === 1) this.departures.joined(host.cluster, host.hostName);
    this.#permits.add(host, tunnel, permit);
    this.#runtime.log.info("tunnel.registered", "An agent's connection is up", {
      cluster: host.cluster,
      host: host.hostName,
      mode: tunnel.mode,
      remote: tunnel.remoteAddress,
      weight: host.weight,
      connections: host.connections.length,
    });
  }

  #removed(host: Host, tunnel: HostConnection, error: Error | undefined): void {
    this.#forget(tunnel.id);
    this.#agentConnections.remove(this.#agentKeys.get(tunnel.id) ?? "");
    this.#agentKeys.delete(tunnel.id);
    this.#permits.remove(tunnel);
    const isLast = this.registry.remove(host, tunnel);
    if (isLast) {
      this.exposures.hostLeft(host);
      this.departures.left({
        cluster: host.cluster,
        hostName: host.hostName,
        remoteAddress: tunnel.remoteAddress,
        lastSeenMs: Date.now(),
        reason: error?.message ?? (host.isDraining ? "drained" : "closed by the agent"),
      });
    }
    this.#runtime.log.info("tunnel.closed", "An agent's connection ended", {
      cluster: host.cluster,
      host: host.hostName,
      remote: tunnel.remoteAddress,
      connections: host.connections.length,
      gone: isLast,
      reason: error?.message,
    });
  }

  #opened(host: Host, isGood: boolean): void {
    if (isGood) return host.succeeded();
    const { ejectedSlowStartMs } = this.#config;
    if (!host.failed(this.#runtime.nowMs(), DEFAULT_HEALTH, ejectedSlowStartMs)) return;
    this.stats.ejections += 1;
    this.#runtime.log.warn("host.ejected", "A host gets no work for a while: its targets fail", {
      cluster: host.cluster,
      host: host.hostName,
    });
  }

  /** A message on a host's control stream, which may speak of that host alone. */
  #controlled(host: Host, message: Message): void {
    if (!speaksOf(host, message)) {
      this.stats.controlIgnored += 1;
      this.#runtime.log.warn("control.ignored", "An agent speaks of a host that is not its own", {
        cluster: host.cluster,
        host: host.hostName,
        type: message.type,
      });
      return;
    }
    switch (message.type) {
      case "adjustWeight":
        host.weight = Math.min(message.weight, host.permit.maxWeight);
        break;
      case "drain":
        host.isDraining = message.state === "draining";
        break;
      case "gracefulClose":
        host.isDraining = true;
        this.stats.gracefulCloses += 1;
        break;
      case "targetHealth":
        host.setHealth(message.targets);
        break;
      default:
        this.stats.controlIgnored += 1;
        return;
    }
    this.registry.capacityChanged(host.cluster);
    this.#runtime.log.info("host.changed", "An agent changed its standing", {
      cluster: host.cluster,
      host: host.hostName,
      weight: host.weight,
      draining: host.isDraining,
      unhealthy: [...host.unhealthyTargets].map((name) => name || "default").join(",") || undefined,
    });
  }
}

/**
 * Whose connections are counted together: those of one identity, or else of one process under one
 * host name. A MOSN agent says neither: its connections are told apart by nothing but themselves.
 */
function agentKeyOf(info: InitInfo, permit: Permit): string {
  if (permit.isPersonal) return `identity ${permit.identity}`;
  return info.hello === undefined
    ? ""
    : `agent ${info.clusterName}/${info.hostName}/${info.hello.agentId}`;
}

/** True if a message means its sender's host; names that it leaves out are its own. */
function speaksOf(host: Host, message: Message): boolean {
  switch (message.type) {
    case "adjustWeight":
      return isOrNone(message.clusterName, host.cluster) &&
        isOrNone(message.hostName, host.givenName);
    case "gracefulClose":
      return isOrNone(message.clusterName, host.cluster);
    default:
      return true;
  }
}

function isOrNone(name: string, own: string): boolean {
  return name === "" || name === own;
}

/**
 * The clusters that are there before any agent: a frontend that names one declares it, unless the
 * configuration says which there are.
 *
 * @throws {ConfigError} a frontend names a cluster in which no agent may register.
 */
function declaredClusters({ clusters, frontends, isOpenToClusters }: ServerConfig): string[] {
  const named = frontends.flatMap((spec) => spec.cluster ?? []);
  const strangers = named.filter((name) => !clusters.includes(name));
  if (clusters.length > 0 && !isOpenToClusters && strangers.length > 0) {
    throw new ConfigError(
      "frontends",
      `a frontend names cluster "${strangers[0]}", which is not declared`,
    );
  }
  return [...new Set([...clusters, ...named])];
}
