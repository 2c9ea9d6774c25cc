/** A tunnel connection that carries a session: many streams at once. */
import type { Address } from "../address.ts";
import type { SharedBuffer } from "../buffer.ts";
import type { ExposeResult, KnownMessage, Message } from "../codec/message.ts";
import type { MemoryBudget } from "../mux/memory_budget.ts";
import { ProtocolError } from "../errors.ts";
import { Allowance } from "../mux/abuse.ts";
import { Session } from "../mux/session.ts";
import type { MuxStream } from "../mux/stream.ts";
import type { Timer } from "../timer.ts";
import type { Connection } from "../transport/connection.ts";
import type { AgentConfig } from "./config.ts";
import { CONTROL_PREFACE, ControlStream } from "./control_stream.ts";
import { serveStream } from "./serve_stream.ts";
import type { ServedStream, StreamServices } from "./serve_stream.ts";
import type {
  DrainScope,
  ServerIdentity,
  TunnelConnection,
  TunnelEvents,
} from "./tunnel_connection.ts";

/** What a session's connection needs of its agent. */
export interface MuxServices extends StreamServices {
  readonly config: AgentConfig;
  /** Shared by all sessions of the process. */
  readonly budget: MemoryBudget;
  /** A server broke the session's protocol. */
  sessionFailed(): void;
  /** What each new connection tells its server first. */
  greetings(): readonly KnownMessage[];
  /** A server says what came of the frontends that it was asked for. */
  exposed(results: readonly ExposeResult[], server: Address): void;
}

/** Read buffers of a connection that carries many streams start at this size. */
const MIN_READ_BYTES = 4 << 10;

/** Messages of a connection's server that may be logged: at once, and a second in the long run. */
const MESSAGES = { atOnce: 200, perSecond: 20 };
/** Streams that begin with what is no preface. */
const GARBAGE = { atOnce: 20, perSecond: 1 };

/** A registered connection in mode mux. */
export class MuxTunnel implements TunnelConnection {
  readonly mode = "mux";
  readonly server: ServerIdentity;
  readonly local: Address;
  readonly remote: Address;
  readonly #services: MuxServices;
  readonly #events: TunnelEvents;
  readonly #session: Session;
  readonly #control: ControlStream;
  /** Streams by their ids, where what passes on them may be traced. */
  readonly #traceable: Map<number, ServedStream> | undefined;
  /** Streams of datagrams, which end only if they are made to. */
  readonly #datagrams = new Set<ServedStream>();
  readonly #messages: Allowance;
  readonly #garbage: Allowance;
  /** It was said that the server says too much. */
  #isIgnoring = false;
  #workCount = 0;
  #hasLeft = false;
  /** It has sent GoAway: nothing new comes on this connection. */
  #isServerDone = false;
  /** Why the server goes away, once it has said so. */
  #leaveReason: string | undefined;
  /** What the server said last about when to come again. */
  #retryAfterMs = 0;
  #drainDeadline: Timer | undefined;
  #isDraining = false;
  /** The server has had time to learn that we drain. */
  #isDrainKnown = false;
  #isClosed = false;

  constructor(
    socket: Connection,
    server: ServerIdentity,
    services: MuxServices,
    events: TunnelEvents,
  ) {
    this.server = server;
    this.local = socket.local;
    this.remote = socket.remote;
    this.#services = services;
    this.#events = events;
    const { config, runtime, budget } = services;
    if (services.tracer !== undefined) this.#traceable = new Map();
    const nowMs = runtime.nowMs();
    this.#messages = new Allowance(MESSAGES.atOnce, MESSAGES.perSecond, nowMs);
    this.#garbage = new Allowance(GARBAGE.atOnce, GARBAGE.perSecond, nowMs);
    socket.setMinReadBytes(MIN_READ_BYTES);
    this.#session = new Session(socket, {
      role: "dialler",
      name: socket.name,
      runtime,
      budget,
      keepalive: config.keepalive,
      onStream: (stream) => this.#serve(stream),
      onGoAway: (code) => this.#onGoAway(code),
      onClose: (error) => this.#onClose(error),
    });
    this.#control = new ControlStream(this.#session.open(CONTROL_PREFACE), {
      log: runtime.log,
      onMessage: (message) => this.#onMessage(message),
    });
    if (config.weight === 0) this.sendWeight(0);
    for (const message of services.greetings()) this.tell(message);
  }

  get workCount(): number {
    return this.#workCount;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get rttMs(): number {
    return this.#session.rttMs;
  }

  /** Takes bytes that came behind the handshake's answer. */
  receive(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.#session.onData(bytes, buffer);
  }

  sendWeight(weight: number): void {
    const { cluster, hostName } = this.#services.config;
    this.#control.send({ type: "adjustWeight", clusterName: cluster, hostName, weight });
  }

  tell(message: KnownMessage): void {
    this.#control.send(message);
  }

  drain(scope: DrainScope, reason: string): void {
    if (this.#isDraining || this.#isClosed) return;
    this.#isDraining = true;
    const { runtime, config } = this.#services;
    this.#drainDeadline = runtime.timers.after(config.drainTimeoutMs, () => this.close());
    for (const served of this.#datagrams) served.drain();
    if (this.#hasLeft) {
      // A server that only asked for a replacement gives work to this connection until its GoAway.
      this.#isDrainKnown = this.#isServerDone;
      this.#closeIfDone();
      return;
    }
    // A drain on the control stream counts for the whole host, a GoAway for this connection only.
    const isTold = scope === "host" &&
      this.#control.send({ type: "drain", state: "draining", reason });
    if (!isTold) this.#session.goAway();
    // Streams that the server opened before it read that are served, or reset without an answer
    // after a GoAway: it opens them elsewhere. Two round trips, since the answer to a ping may
    // overtake what was sent before it.
    this.#session.ping().then(() => this.#session.ping()).then(() => {
      this.#isDrainKnown = true;
      this.#closeIfDone();
    }, () => {/* The session ended first. */});
  }

  close(error?: Error): void {
    this.#session.close(error);
  }

  #serve(stream: MuxStream): void {
    this.#workCount += 1;
    const served: ServedStream = serveStream(stream, this.#services, {
      onDone: () => {
        this.#workCount -= 1;
        this.#traceable?.delete(stream.id);
        this.#datagrams.delete(served);
        this.#closeIfDone();
      },
      onDatagrams: () => {
        this.#datagrams.add(served);
        if (this.#isDraining) served.drain();
      },
      onGarbage: (error) => this.#onGarbage(stream.name, error),
    });
    this.#traceable?.set(stream.id, served);
  }

  /** Each is a line of the log: a server that has no end of them has no session either. */
  #onGarbage(stream: string, error: Error): void {
    const { log, nowMs } = this.#services.runtime;
    if (this.#garbage.take(nowMs())) log.warn("stream.bad_preface", error.message, { stream });
    else this.#session.fail("too many streams begin with what is no preface");
  }

  #onMessage(message: Message): void {
    const { log } = this.#services.runtime;
    switch (message.type) {
      case "retryAfter":
        this.#retryAfterMs = Math.max(0, message.retryAfterMs);
        if (message.reason !== undefined) this.#leaveReason ??= message.reason;
        break;
      case "drain":
        if (message.state !== "draining") break;
        this.#leaveReason ??= message.reason ?? "the server stops";
        this.#leave();
        break;
      case "adjustWeight":
        if (!this.#mayLog()) break;
        log.info("host.weight", "The server changed this host's weight", {
          weight: message.weight,
        });
        break;
      case "exposed":
        if (!this.#mayLog()) break;
        this.#services.exposed(message.frontends, this.remote);
        break;
      case "trace":
        // One of a stream that has ended meanwhile means nothing any more.
        this.#traceable?.get(message.streamId)?.trace(message.traceparent);
        break;
      default:
        log.debug("control.ignored", `A ${message.type} message means nothing to an agent`);
    }
  }

  /** False where the server says so much that it would fill the log; which is said once. */
  #mayLog(): boolean {
    const { log, nowMs } = this.#services.runtime;
    if (this.#messages.take(nowMs())) return true;
    if (!this.#isIgnoring) {
      log.warn("control.flood", "Ignored what a server says: it says too much");
    }
    this.#isIgnoring = true;
    return false;
  }

  #onGoAway(code: number): void {
    this.#isServerDone = true;
    if (this.#hasLeft) {
      this.#isDrainKnown = true;
      this.#closeIfDone();
      return;
    }
    this.#leaveReason ??= code === 0
      ? "the server goes away"
      : `the server goes away (code ${code})`;
    // It may overtake a message that says when to come again: one round trip brings that too.
    this.#session.ping().then(() => this.#leave(), () => {/* The session ended first. */});
  }

  #leave(): void {
    if (this.#hasLeft || this.#isClosed || this.#leaveReason === undefined) return;
    this.#hasLeft = true;
    this.#events.onLeave({ retryAfterMs: this.#retryAfterMs, reason: this.#leaveReason });
  }

  #closeIfDone(): void {
    if (this.#isDraining && this.#isDrainKnown && this.#workCount === 0) this.#session.close();
  }

  #onClose(error: Error | undefined): void {
    if (error instanceof ProtocolError) this.#services.sessionFailed();
    if (this.#retryAfterMs > 0) this.#leaveReason ??= error?.message ?? "the server closed it";
    this.#leave();
    this.#isClosed = true;
    this.#drainDeadline?.cancel();
    this.#events.onClose(error);
  }
}
