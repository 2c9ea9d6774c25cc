/** Tunnel connections from their handshake to their end, as connections of their hosts. */
import { formatAddress, isLoopback } from "../address.ts";
import { noCredential } from "../auth/credential_policy.ts";
import { ByteBucket } from "../byte_bucket.ts";
import type { Duplex } from "../duplex.ts";
import { ClosedError } from "../errors.ts";
import type { Session } from "../mux/session.ts";
import { ThrottledDuplex } from "../throttled_duplex.ts";
import { takeAgentMessage } from "./agent_message.ts";
import type { AgentRules } from "./agent_rules.ts";
import { openAgentSession } from "./agent_session.ts";
import type { AgentSessionContext, AgentSessionOptions } from "./agent_session.ts";
import type { ServerConfig } from "./config.ts";
import type { Departures } from "./departures.ts";
import type { Exposures } from "./exposures.ts";
import { DEFAULT_HEALTH } from "./host.ts";
import type { Host, HostConnection } from "./host.ts";
import { MuxTunnel } from "./mux_tunnel.ts";
import type { TunnelEvents } from "./mux_tunnel.ts";
import type { PermitWatch } from "./permit_watch.ts";
import { ipOf } from "./raw_farewells.ts";
import { RawTunnel } from "./raw_tunnel.ts";
import type { Registry } from "./registry.ts";
import type { ServerUpstreams } from "./server_upstreams.ts";
import { Throughput } from "./throughput.ts";
import type { TunnelEntry } from "./tunnel_entry.ts";

/** Smallest read buffer of a tunnel connection: it carries many streams. */
const TUNNEL_READ_BYTES = 4 << 10;
/**
 * A MOSN agent throws away what it reads together with the handshake's answer: its first request
 * must come in a read of its own.
 */
const MOSN_SETTLE_MS = 100;
/** A probe's session is closed after this. */
const PROBE_LIFE_MS = 30_000;

/** A connection of an agent, or a probe's session. */
type Tunnel =
  & Pick<HostConnection, "close" | "goAway">
  & Partial<Pick<HostConnection, "askReplacement">>;

/** Parts of the server that a connection of an agent has to do with. */
export interface AgentConnectionsOptions extends AgentSessionContext {
  readonly registry: Registry;
  readonly upstreams: ServerUpstreams;
  readonly departures: Departures;
  readonly exposures: Exposures;
  readonly permits: PermitWatch;
  readonly rules: AgentRules;
  /** What the server goes by now. */
  config(): ServerConfig;
  /** Ends our side of a connection, and closes it soon. */
  linger(duplex: Duplex): void;
  /** A MOSN agent at `ip` has a connection less. */
  rawHostLeft(ip: string): void;
}

/** Owns them all. */
export class AgentConnections {
  readonly #options: AgentConnectionsOptions;
  readonly #events: TunnelEvents;
  readonly #all = new Map<number, Tunnel>();
  readonly #throughput: Throughput;
  readonly #buckets = new Map<Host, ByteBucket>();
  #nextId = 1;
  #onEmpty: (() => void) | undefined;

  constructor(options: AgentConnectionsOptions) {
    this.#options = options;
    this.#throughput = new Throughput(options.runtime, () => options.config().throughput);
    const { limits, registry, upstreams } = options;
    this.#events = {
      full: (host) => {
        const { maxStreamsPerSession } = options.config();
        const detail = `A connection has its ${maxStreamsPerSession} streams: others are used`;
        limits.reached("streamsPerSession", detail, { host: host.hostName });
      },
      opened: (host, isGood) => this.#opened(host, isGood),
      freed: (host) => {
        const cluster = registry.clusters.get(host.cluster);
        if (cluster !== undefined) upstreams.served(cluster);
      },
    };
  }

  /** Hosts' connections and probes. */
  get size(): number {
    return this.#all.size;
  }

  /** Takes a connection whose handshake is done. */
  accept(entry: TunnelEntry): void {
    const id = this.#nextId++;
    if (entry.info.hello?.purpose === "probe") return this.#serveProbe(id, entry);
    const host = this.#options.registry.hostFor({
      info: entry.info,
      permit: entry.permit,
      remoteAddress: formatAddress(entry.duplex.remote),
    }, this.#options.runtime.nowMs());
    if (entry.mode === "mux") this.#serveMux(id, entry, host);
    else this.#serveRaw(id, entry, host);
  }

  /** What let a connection in has ended. */
  permitEnded(host: Host, connection: HostConnection, reason: string): void {
    const { stats, runtime } = this.#options;
    stats.permitsEnded += 1;
    runtime.log.warn("tunnel.permit_ended", `Closed an agent's connection: ${reason}`, {
      cluster: host.cluster,
      host: host.hostName,
      identity: host.identity,
      remote: connection.remoteAddress,
    });
    connection.close(new ClosedError("us", reason));
  }

  /** Asks agents to dial another server, or the next process on the same port; these serve on. */
  askReplacements(reason: string): void {
    for (const tunnel of this.#all.values()) tunnel.askReplacement?.(reason);
  }

  /** Goes by what the server goes by now, where that is not looked up each time. */
  configure(): void {
    const { agentBytesPerSecond } = this.#options.config();
    for (const bucket of this.#buckets.values()) bucket.setRate(agentBytesPerSecond);
  }

  /** Nothing new on any of them. */
  goAway(): void {
    for (const tunnel of this.#all.values()) tunnel.goAway();
  }

  /** Closes all; resolves when none is left. */
  close(): Promise<void> {
    for (const tunnel of this.#all.values()) tunnel.close();
    if (this.#all.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty = resolve);
  }

  #serveMux(id: number, entry: TunnelEntry, host: Host): void {
    const { exposures, registry, stats, runtime } = this.#options;
    const session = this.#openSession(id, entry, {
      duplex: this.#throttled(host, entry.duplex),
      name: `${host.cluster}/${host.hostName}/${id}`,
      onMessage: (message) => {
        if (message.type === "expose") {
          exposures.set(host, message.frontends, (frontends) => {
            tunnel.control?.send({ type: "exposed", frontends });
          });
        } else {
          takeAgentMessage(host, message, { registry, stats, log: runtime.log });
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
    const { openTimeoutMs, maxStreamsPerSession } = this.#options.config();
    const tunnel: MuxTunnel = new MuxTunnel({
      id,
      remoteAddress: formatAddress(entry.duplex.remote),
      session,
      host,
      runtime,
      stats,
      events: this.#events,
      openTimeoutMs,
      maxStreams: maxStreamsPerSession,
      isTracing: entry.info.hello?.isTracing === true,
    });
    this.#added(host, tunnel, entry);
    if (entry.rest.length > 0) session.onData(entry.rest, entry.buffer);
  }

  #serveRaw(id: number, entry: TunnelEntry, host: Host): void {
    const isMosn = entry.info.hello === undefined;
    const tunnel: RawTunnel = new RawTunnel({
      id,
      remoteAddress: formatAddress(entry.duplex.remote),
      duplex: this.#throttled(host, entry.duplex),
      host,
      events: this.#events,
      isReady: !isMosn,
      onClose: (error) => {
        settling.cancel();
        this.#removed(host, tunnel, error);
        if (isMosn) this.#options.rawHostLeft(ipOf(entry.duplex.remote));
      },
    });
    const settling = this.#options.runtime.timers.after(MOSN_SETTLE_MS, () => tunnel.ready());
    this.#added(host, tunnel, entry);
    if (entry.rest.length > 0) tunnel.onData(entry.rest, entry.buffer);
  }

  #serveProbe(id: number, entry: TunnelEntry): void {
    if (entry.mode !== "mux") return this.#options.linger(entry.duplex);
    const asker = {
      isLoopback: isLoopback(entry.duplex.remote),
      isAuthenticated: this.#options.config().credentialPolicy !== noCredential ||
        entry.duplex.tls?.peerCertificate !== undefined,
    };
    const session = this.#openSession(id, entry, {
      duplex: entry.duplex,
      name: `probe/${id}`,
      onMessage() {},
      onOther: (stream, preface) => this.#throughput.take(stream, preface, asker),
      onGoAway() {},
      onClose: () => {
        life.cancel();
        this.#forget(id);
      },
    });
    const life = this.#options.runtime.timers.after(PROBE_LIFE_MS, () => session.close());
    this.#all.set(id, session);
    if (entry.rest.length > 0) session.onData(entry.rest, entry.buffer);
  }

  #openSession(
    id: number,
    entry: TunnelEntry,
    wiring: Omit<AgentSessionOptions, "id" | "software" | "keepalive">,
  ): Session {
    entry.duplex.setMinReadBytes?.(TUNNEL_READ_BYTES);
    const { keepalive } = this.#options.config();
    const software = entry.info.hello?.software;
    return openAgentSession(this.#options, { ...wiring, id, software, keepalive });
  }

  /** The connection as its host may use it: all of a host share one limit. */
  #throttled(host: Host, duplex: Duplex): Duplex {
    const { agentBytesPerSecond } = this.#options.config();
    if (agentBytesPerSecond === 0) return duplex;
    let bucket = this.#buckets.get(host);
    if (bucket === undefined) {
      const { runtime } = this.#options;
      bucket = new ByteBucket(agentBytesPerSecond, runtime.timers, () => runtime.nowMs());
      this.#buckets.set(host, bucket);
    }
    return new ThrottledDuplex(duplex, bucket);
  }

  #added(host: Host, tunnel: HostConnection, { info, permit }: TunnelEntry): void {
    const { rules, registry, departures, permits, runtime } = this.#options;
    rules.added(tunnel, info, permit);
    this.#all.set(tunnel.id, tunnel);
    registry.add(host, tunnel);
    if (host.connections.length === 1) departures.joined(host.cluster, host.hostName);
    permits.add(host, tunnel, permit);
    runtime.log.info("tunnel.registered", "An agent's connection is up", {
      cluster: host.cluster,
      host: host.hostName,
      mode: tunnel.mode,
      remote: tunnel.remoteAddress,
      weight: host.weight,
      connections: host.connections.length,
    });
  }

  #removed(host: Host, tunnel: HostConnection, error: Error | undefined): void {
    const { rules, registry, departures, exposures, permits, runtime } = this.#options;
    this.#forget(tunnel.id);
    rules.removed(tunnel);
    permits.remove(tunnel);
    const isLast = registry.remove(host, tunnel);
    if (isLast) {
      this.#buckets.delete(host);
      exposures.hostLeft(host);
      departures.left({
        cluster: host.cluster,
        hostName: host.hostName,
        remoteAddress: tunnel.remoteAddress,
        lastSeenMs: Date.now(),
        reason: error?.message ?? (host.isDraining ? "drained" : "closed by the agent"),
      });
    }
    runtime.log.info("tunnel.closed", "An agent's connection ended", {
      cluster: host.cluster,
      host: host.hostName,
      remote: tunnel.remoteAddress,
      connections: host.connections.length,
      gone: isLast,
      reason: error?.message,
    });
  }

  #forget(id: number): void {
    this.#all.delete(id);
    if (this.#all.size === 0) this.#onEmpty?.();
  }

  #opened(host: Host, isGood: boolean): void {
    if (isGood) return host.succeeded();
    const { runtime, stats, config } = this.#options;
    if (!host.failed(runtime.nowMs(), DEFAULT_HEALTH, config().ejectedSlowStartMs)) return;
    stats.ejections += 1;
    runtime.log.warn("host.ejected", "A host gets no work for a while: its targets fail", {
      cluster: host.cluster,
      host: host.hostName,
    });
  }
}
