/** A tunnel connection that carries a session: many streams at once, idle ones kept for reuse. */
import { encodePreface } from "../codec/preface.ts";
import { formatAddress } from "../address.ts";
import { DialError } from "../errors.ts";
import { LinkedList } from "../linked_list.ts";
import type { Session } from "../mux/session.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { Upstream, UpstreamRequest } from "../upstream.ts";
import type { ControlStream } from "./control_stream.ts";
import type { Host, HostConnection } from "./host.ts";
import { H2Targets } from "./h2_targets.ts";
import { IdleStreams } from "./idle_streams.ts";
import type { ServerStats } from "./stats.ts";
import { UpstreamStream } from "./upstream_stream.ts";
import type { OpenOutcome } from "./upstream_stream.ts";

/** A connection that is doubted is closed if nothing comes from its agent within this. */
const DOUBT_MS = 3000;

/** What a tunnel tells its server. */
export interface TunnelEvents {
  /** An open was answered well (true) or not. */
  opened(host: Host, isGood: boolean): void;
  /** Capacity came back. */
  freed(host: Host): void;
  /** A connection has all the streams that it may have. */
  full(host: Host): void;
}

/** A session as a host's connection. */
export class MuxTunnel implements HostConnection {
  readonly mode = "mux";
  readonly id: number;
  readonly remoteAddress: string;
  readonly #session: Session;
  readonly #host: Host;
  readonly #runtime: Runtime;
  readonly #stats: ServerStats;
  readonly #events: TunnelEvents;
  readonly #openTimeoutMs: number;
  readonly #idle: IdleStreams;
  readonly #h2: H2Targets;
  /** The agent's latest control stream. */
  control: ControlStream | undefined;
  /** Streams that the agent has not answered: the oldest come first. */
  readonly #unanswered = new LinkedList<UpstreamStream>();
  #openTimer: Timer | undefined;
  readonly #maxStreams: number;
  readonly #isTracing: boolean;
  #inFlight = 0;

  constructor(init: {
    id: number;
    remoteAddress: string;
    session: Session;
    host: Host;
    runtime: Runtime;
    stats: ServerStats;
    events: TunnelEvents;
    /** How long the agent has to answer an opening, ms. */
    openTimeoutMs: number;
    /** Streams at once. */
    maxStreams: number;
    /** The agent makes spans of what it is told to be traced. */
    isTracing: boolean;
  }) {
    this.#isTracing = init.isTracing;
    this.#maxStreams = init.maxStreams;
    this.id = init.id;
    this.remoteAddress = init.remoteAddress;
    this.#session = init.session;
    this.#host = init.host;
    this.#runtime = init.runtime;
    this.#idle = new IdleStreams(init.runtime);
    this.#stats = init.stats;
    this.#events = init.events;
    this.#openTimeoutMs = init.openTimeoutMs;
    this.#h2 = new H2Targets(
      init.runtime.timers,
      (target) =>
        this.#openStream({ cluster: init.host.cluster, target, protocol: "http", waitMs: 0 }),
    );
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get isAvailable(): boolean {
    // Those at rest make room for one that is wanted.
    const busyCount = this.#session.streamCount - this.#idle.count;
    if (busyCount < this.#maxStreams) return this.#session.isOpen;
    this.#events.full(this.#host);
    return false;
  }

  get isInDoubt(): boolean {
    return this.#session.isInDoubt;
  }

  get rttMs(): number {
    return this.#session.rttMs;
  }

  get receivedBytes(): number {
    return this.#session.receivedBytes;
  }

  get sentBytes(): number {
    return this.#session.outbox.sentBytes;
  }

  serves(): boolean {
    return true;
  }

  open(request: UpstreamRequest): Upstream {
    const target = request.destination === undefined
      ? this.#host.targets[request.target]
      : undefined;
    if (request.protocol === "http" && target?.protocol === "h2c") {
      return this.#openH2(request, target.hostHeader);
    }
    const poolKey = this.#poolKeyOf(request);
    const mayReuse = poolKey !== undefined && request.isFresh !== true;
    const reused = mayReuse ? this.#idle.take(poolKey) : undefined;
    const stream = reused ?? this.#openStream(request);
    if (reused !== undefined) {
      this.#stats.streamsReused += 1;
      this.#tellTrace(reused, request.traceparent);
    }
    this.#inFlight += 1;
    this.#host.requests += 1;
    let isReleased = false;
    return {
      duplex: stream,
      cluster: this.#host.cluster,
      hostId: this.#host.id,
      hostName: this.#host.hostName,
      hostHeader: target?.hostHeader,
      isReused: reused !== undefined,
      opening: reused === undefined ? stream : undefined,
      rttMs: this.#session.rttMs,
      release: (isReusable) => {
        if (isReleased) return;
        isReleased = true;
        this.#inFlight -= 1;
        const isKept = isReusable && !stream.isClosed && !this.#host.isDraining &&
          this.#session.isOpen;
        if (isKept && poolKey !== undefined) {
          this.#idle.keep(poolKey, stream);
        } else {
          stream.close();
        }
        this.#events.freed(this.#host);
      },
    };
  }

  askReplacement(reason: string): void {
    this.control?.send({ type: "drain", state: "draining", reason });
  }

  doubt(): void {
    this.#session.doubt(DOUBT_MS);
  }

  goAway(): void {
    this.#session.goAway();
    this.closeIdle();
  }

  closeIdle(): void {
    this.#h2.leave();
    this.#idle.close();
  }

  close(error?: Error): void {
    this.#session.close(error);
  }

  /** The session has ended. */
  ended(): void {
    this.#openTimer?.cancel();
    this.#idle.end();
    this.#h2.close();
  }

  #openH2(request: UpstreamRequest, authority: string | undefined): Upstream {
    const { duplex, isReused } = this.#h2.open(request.target, authority);
    if (isReused) this.#stats.streamsReused += 1;
    this.#inFlight += 1;
    this.#host.requests += 1;
    let isReleased = false;
    return {
      duplex,
      cluster: this.#host.cluster,
      hostId: this.#host.id,
      hostName: this.#host.hostName,
      isReused,
      rttMs: this.#session.rttMs,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#inFlight -= 1;
        // One that has been answered is over by itself; the connection is kept by its pool.
        duplex.close();
        this.#events.freed(this.#host);
      },
    };
  }

  /** A stream that is there already has said its preface: the next request's trace comes beside it. */
  #tellTrace({ id }: UpstreamStream, traceparent: string | undefined): void {
    if (!this.#isTracing || traceparent === undefined) return;
    this.control?.send({ type: "trace", streamId: id, traceparent });
  }

  #openStream(request: UpstreamRequest): UpstreamStream {
    this.#stats.streamsOpened += 1;
    if (this.#session.streamCount >= this.#maxStreams) this.#idle.closeOldest();
    const { target, destination, network, source } = request;
    const traceparent = this.#isTracing ? request.traceparent : undefined;
    // Streams of HTTP serve many clients, none of which is their source.
    const isTold = source !== undefined &&
      (this.#isProxied(target) || (request.protocol === "tcp" && target !== ""));
    const preface = encodePreface({
      target,
      ...(destination !== undefined && { destination }),
      ...(network !== undefined && { network }),
      ...(request.isTimed === true && { timed: true }),
      ...(isTold && { source: formatAddress(source) }),
      ...(traceparent !== undefined && { traceparent }),
    });
    const stream: UpstreamStream = new UpstreamStream(
      this.#session.open(preface),
      this.#runtime.nowMs(),
      (outcome) => {
        this.#answered(stream, outcome);
        if (typeof outcome !== "string" && outcome.status === "open") request.onOpen?.();
      },
    );
    stream.isTraced = traceparent !== undefined;
    this.#unanswered.append(stream);
    this.#openTimer ??= this.#runtime.timers.after(this.#openTimeoutMs, () => this.#expire());
    return stream;
  }

  #answered(stream: UpstreamStream, outcome: OpenOutcome): void {
    this.#unanswered.remove(stream);
    if (outcome === "abandoned") return;
    stream.openMs = this.#runtime.nowMs() - stream.sinceMs;
    if (typeof outcome !== "string") stream.dialMs = outcome.dialMs;
    this.#stats.open.observe(stream.openMs);
    // What is lost with its session says nothing of the host's targets.
    if (outcome === "lost" && !this.#session.isOpen) return;
    const status = outcome === "lost" ? "lost" : outcome.status;
    if (status !== "open") this.#stats.opensFailed += 1;
    // Nor does what the agent refuses by its rules.
    if (status === "notAllowed" || status === "noTarget") return;
    this.#events.opened(this.#host, status === "open");
  }

  /** One timer for all openings, since each has the same time. */
  #expire(): void {
    const nowMs = this.#runtime.nowMs();
    for (let stream = this.#unanswered.first; stream !== undefined;) {
      const leftMs = stream.sinceMs + this.#openTimeoutMs - nowMs;
      if (leftMs > 0) {
        this.#openTimer!.restart(leftMs);
        return;
      }
      const detail = `the agent did not answer within ${this.#openTimeoutMs} ms`;
      // Which takes it out of the list.
      stream.expire(new DialError(stream.name, "timeout", detail));
      stream = this.#unanswered.first;
    }
    this.#openTimer = undefined;
  }

  /** The target wants to know each client's address, by the PROXY protocol. */
  #isProxied(target: string): boolean {
    return this.#host.targets[target]?.proxyProtocol !== undefined;
  }

  /**
   * What streams must have in common to serve the same requests; undefined for those that serve one
   * user alone. A target that is told of its clients gets streams of each client's own.
   */
  #poolKeyOf({ protocol, target, destination, source }: UpstreamRequest): string | undefined {
    if (protocol !== "http" || destination !== undefined) return undefined;
    if (!this.#isProxied(target)) return target;
    return source === undefined ? undefined : `${target} ${formatAddress(source)}`;
  }
}
