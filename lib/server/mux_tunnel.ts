/** A tunnel connection that carries a session: many streams at once, idle ones kept for reuse. */
import { encodePreface } from "../codec/preface.ts";
import type { Answer } from "../codec/preface.ts";
import { formatAddress } from "../address.ts";
import type { SharedBuffer } from "../buffer.ts";
import type { Sink } from "../duplex.ts";
import type { Session } from "../mux/session.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { Upstream, UpstreamRequest } from "../upstream.ts";
import type { ControlStream } from "./control_stream.ts";
import type { Host, HostConnection } from "./host.ts";
import { H2Targets } from "./h2_targets.ts";
import type { ServerStats } from "./stats.ts";
import { UpstreamStream } from "./upstream_stream.ts";

/** Idle streams kept for one target. */
const MAX_IDLE_STREAMS = 256;
/** An idle stream is closed after this; below what common servers keep a connection (nginx 75 s). */
const MAX_IDLE_MS = 30_000;

/** What a tunnel tells its server. */
export interface TunnelEvents {
  /** An open was answered well (true) or not. */
  opened(host: Host, isGood: boolean): void;
  /** Capacity came back. */
  freed(host: Host): void;
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
  readonly #idle = new Map<string, IdleStream[]>();
  readonly #h2: H2Targets;
  /** The agent's latest control stream. */
  control: ControlStream | undefined;
  #inFlight = 0;
  #sweepTimer: Timer | undefined;

  constructor(init: {
    id: number;
    remoteAddress: string;
    session: Session;
    host: Host;
    runtime: Runtime;
    stats: ServerStats;
    events: TunnelEvents;
  }) {
    this.id = init.id;
    this.remoteAddress = init.remoteAddress;
    this.#session = init.session;
    this.#host = init.host;
    this.#runtime = init.runtime;
    this.#stats = init.stats;
    this.#events = init.events;
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
    return this.#session.isOpen;
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

  open(request: UpstreamRequest): Upstream {
    const target = this.#host.targets[request.target];
    if (request.protocol === "http" && target?.protocol === "h2c") {
      return this.#openH2(request, target.hostHeader);
    }
    const reused = request.protocol === "http" ? this.#takeIdle(request.target) : undefined;
    const stream = reused ?? this.#openStream(request);
    if (reused !== undefined) this.#stats.streamsReused += 1;
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
      release: (isReusable) => {
        if (isReleased) return;
        isReleased = true;
        this.#inFlight -= 1;
        const isKept = isReusable && request.protocol === "http" && !stream.isClosed &&
          !this.#host.isDraining && this.#session.isOpen;
        if (isKept) {
          this.#keepIdle(request.target, stream);
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

  goAway(): void {
    this.#session.goAway();
    this.closeIdle();
  }

  closeIdle(): void {
    this.#h2.leave();
    for (const idle of this.#idle.values()) {
      for (const entry of idle.splice(0)) entry.stream.close();
    }
  }

  close(error?: Error): void {
    this.#session.close(error);
  }

  /** The session has ended. */
  ended(): void {
    this.#sweepTimer?.cancel();
    this.#idle.clear();
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

  #openStream(request: UpstreamRequest): UpstreamStream {
    this.#stats.streamsOpened += 1;
    const isTcp = request.protocol === "tcp" && request.source !== undefined;
    const preface = encodePreface({
      target: request.target,
      // Streams of HTTP serve many clients: none of them is the stream's source.
      ...(isTcp && request.target !== "" ? { source: formatAddress(request.source!) } : {}),
    });
    const startMs = this.#runtime.nowMs();
    return new UpstreamStream(this.#session.open(preface), (answer) => {
      this.#stats.open.observe(this.#runtime.nowMs() - startMs);
      this.#answered(answer);
    });
  }

  #answered(answer: Answer | undefined): void {
    const isGood = answer?.status === "open";
    if (!isGood) this.#stats.opensFailed += 1;
    // What the agent refuses by its rules says nothing of its health.
    const isRule = answer?.status === "notAllowed" || answer?.status === "noTarget";
    if (!isRule) this.#events.opened(this.#host, isGood);
  }

  #takeIdle(target: string): UpstreamStream | undefined {
    const idle = this.#idle.get(target);
    for (;;) {
      // The one used last is the one most likely to be alive.
      const entry = idle?.pop();
      if (entry === undefined) return undefined;
      if (!entry.stream.isClosed && !entry.isSpoilt) return entry.stream;
    }
  }

  #keepIdle(target: string, stream: UpstreamStream): void {
    let idle = this.#idle.get(target);
    if (idle === undefined) this.#idle.set(target, idle = []);
    if (idle.length >= MAX_IDLE_STREAMS) {
      stream.close();
      return;
    }
    idle.push(new IdleStream(stream, this.#runtime.nowMs()));
    stream.resume();
    this.#sweepTimer ??= this.#runtime.timers.after(MAX_IDLE_MS, () => this.#sweep());
  }

  #sweep(): void {
    const oldestMs = this.#runtime.nowMs() - MAX_IDLE_MS;
    let count = 0;
    for (const idle of this.#idle.values()) {
      const firstKept = idle.findIndex((entry) => entry.sinceMs > oldestMs && !entry.isSpoilt);
      for (const entry of idle.splice(0, firstKept === -1 ? idle.length : firstKept)) {
        entry.stream.close();
      }
      count += idle.length;
    }
    this.#sweepTimer?.cancel();
    this.#sweepTimer = undefined;
    if (count === 0) return;
    this.#sweepTimer = this.#runtime.timers.after(MAX_IDLE_MS / 2, () => this.#sweep());
  }
}

/** A stream at rest: whatever comes on it now ends it. */
class IdleStream implements Sink {
  readonly stream: UpstreamStream;
  readonly sinceMs: number;
  isSpoilt = false;

  constructor(stream: UpstreamStream, sinceMs: number) {
    this.stream = stream;
    this.sinceMs = sinceMs;
    stream.attach(this);
  }

  onData(_bytes: Uint8Array, _buffer: SharedBuffer): void {
    this.#spoil();
  }

  onEnd(): void {
    this.#spoil();
  }

  onDrain(): void {}

  onClose(): void {
    this.isSpoilt = true;
  }

  #spoil(): void {
    this.isSpoilt = true;
    this.stream.close();
  }
}
