/**
 * A yamux session: many streams over one connection, either end.
 *
 * Wire format: hashicorp/yamux spec.md; what real peers rely on beyond it is in docs/protocol.md.
 */
import type { SharedBuffer } from "../buffer.ts";
import { FLAG, FRAME_TYPE, GO_AWAY, HEADER_BYTES, HeaderReader } from "../codec/yamux.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { ClosedError, DecodeError, ProtocolError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { AbuseLimits } from "./abuse.ts";
import { DEFAULT_KEEPALIVE, Keepalive } from "./keepalive.ts";
import type { KeepaliveOptions } from "./keepalive.ts";
import type { BudgetMember, MemoryBudget, MemoryShare } from "./memory_budget.ts";
import { Openings } from "./openings.ts";
import { Outbox } from "./outbox.ts";
import { PeerIds } from "./peer_ids.ts";
import { PingClock } from "./ping_clock.ts";
import { MuxStream } from "./stream.ts";
import type { StreamOwner } from "./stream.ts";
import { INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES, ReceiveWindow } from "./window.ts";

/** How a session behaves and whom it tells. */
export interface SessionOptions {
  /** The dialler's streams have odd ids, the listener's even ones. */
  role: "dialler" | "listener";
  /** For logs and stream names: "edge-a/host-1/0". */
  name: string;
  runtime: Runtime;
  /** Shared by all sessions of a process. */
  budget: MemoryBudget;
  keepalive?: KeepaliveOptions;
  /** Largest receive window of a stream in bytes; 16 MiB by default. */
  maxWindowBytes?: number;
  /** Streams that the peer may have open at once; more are reset. 16,384 by default. */
  maxPeerStreams?: number;
  /**
   * Own streams that may wait for the peer's ACK; more wait here. 256 by default, since Go's yamux
   * resets what exceeds its accept backlog of 256; revtun peers bear 8,192.
   */
  maxUnacknowledged?: number;
  /** Id of the first own stream, for tests of their exhaustion. */
  firstStreamId?: number;
  /** The peer opened a stream: attach a sink to it, or close it. */
  onStream(stream: MuxStream): void;
  /** The peer wants no new streams (0 normal, 1 protocol error, 2 internal error). */
  onGoAway?(code: number): void;
  /** The session and all its streams are gone; the last call made. */
  onClose(error?: Error): void;
}

/** Answers and credit that may wait for a peer that does not read (CVE-2024-32984). */
const MAX_CONTROL_BYTES = 1 << 20;
/** A peer that was heard this short a time ago is not doubted. */
const DOUBT_AFTER_MS = 1000;
/** How long a peer has to read our GoAway before the connection is closed. */
const GO_AWAY_LINGER_MS = 1000;

/** One end of a session; it owns its connection from its making on. */
export class Session implements Sink, StreamOwner, BudgetMember {
  readonly name: string;
  readonly outbox: Outbox;
  readonly #duplex: Duplex;
  readonly #options: SessionOptions;
  readonly #runtime: Runtime;
  readonly #streams = new Map<number, MuxStream>();
  readonly #openings: Openings;
  readonly #abuse: AbuseLimits;
  readonly #keepalive: Keepalive;
  readonly #pings: PingClock;
  readonly #memory: MemoryShare;
  #keepaliveTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;

  readonly #peerIds: PeerIds;
  #peerStreams = 0;
  #isGoAwaySent = false;
  #isGoAwayReceived = false;
  #isClosing = false;
  #isClosed = false;
  #closeError: Error | undefined;

  // Where the reader stands: a header that comes in parts, then the payload of the last one.
  readonly #header = new HeaderReader();
  #payloadLeftBytes = 0;
  #payloadStream: MuxStream | undefined;
  #isFinAfterPayload = false;

  /** Bytes of the connection, headers included. */
  receivedBytes = 0;
  /** Streams opened so far by either side. */
  openedStreams = 0;

  constructor(duplex: Duplex, options: SessionOptions) {
    const { runtime } = options;
    this.#duplex = duplex;
    this.#options = options;
    this.#runtime = runtime;
    this.name = options.name;
    this.outbox = new Outbox(duplex, runtime.pool);
    this.#peerIds = new PeerIds(options.role === "dialler" ? 2 : 1);
    this.#openings = new Openings(
      options.firstStreamId ?? (options.role === "dialler" ? 1 : 2),
      options.maxUnacknowledged ?? 256,
      (id, stream, first) => this.#start(id, stream, first),
    );
    const nowMs = runtime.nowMs();
    this.#abuse = new AbuseLimits(nowMs);
    const keepalive = options.keepalive ?? DEFAULT_KEEPALIVE;
    this.#keepalive = new Keepalive(keepalive, nowMs);
    this.#pings = new PingClock((value) => {
      this.outbox.control(FRAME_TYPE.ping, FLAG.syn, 0, value);
    });
    this.#memory = options.budget.join(this);
    if (keepalive.intervalMs > 0) {
      this.#keepaliveTimer = runtime.timers.after(keepalive.intervalMs, () => this.#keepAlive());
    }
    // The first round trip is measured at once: windows and balancing need one.
    this.#pings.measure(nowMs);
    duplex.attach(this);
  }

  get pool(): Runtime["pool"] {
    return this.#runtime.pool;
  }

  /** Smoothed round trip in ms; 0 while none was measured. */
  get rttMs(): number {
    return this.#pings.rttMs;
  }

  /** Streams that are open now. */
  get streamCount(): number {
    return this.#streams.size + this.#openings.waitingCount;
  }

  /** Bytes received that no stream's reader has taken. */
  get unreadBytes(): number {
    return this.#memory.unreadBytes;
  }

  /** The peer was asked for life and has said nothing since: there may be better connections. */
  get isInDoubt(): boolean {
    return this.#keepalive.isInDoubt;
  }

  /** New streams can be opened. */
  get isOpen(): boolean {
    return !this.#isClosing && !this.#isClosed && !this.#isGoAwayReceived && !this.#isGoAwaySent;
  }

  nowMs(): number {
    return this.#runtime.nowMs();
  }

  /**
   * Opens a stream. It may be written to at once; nothing waits for the peer.
   *
   * @param first its first bytes, less than 16 KiB, which travel with the opening. They must stay
   * as they are until the call's end only.
   * @throws {ClosedError} when the session ended or one side wants no new streams.
   */
  open(first?: Uint8Array): MuxStream {
    if (!this.isOpen) {
      throw new ClosedError("peer", `Session ${this.name} takes no new streams`);
    }
    const stream = new MuxStream(this, this.#newWindow());
    this.openedStreams += 1;
    this.#openings.open(stream, first);
    return stream;
  }

  /**
   * Sends a ping and resolves with its round trip in ms.
   *
   * @throws {ClosedError} when the session ended before the answer.
   */
  ping(): Promise<number> {
    return this.#pings.send(this.nowMs());
  }

  /**
   * Asks a peer that has been silent for a second for life: it is dead if nothing comes within
   * `timeoutMs`. For who has a reason to doubt, such as a newer connection from the same peer.
   */
  doubt(timeoutMs: number): void {
    const nowMs = this.nowMs();
    const isBusy = this.#keepalive.silentMs(nowMs) < DOUBT_AFTER_MS;
    if (isBusy || this.isInDoubt || this.#isClosing || this.#isClosed) return;
    this.#keepalive.suspect(nowMs, timeoutMs);
    this.#pings.measure(nowMs);
    if (this.#keepaliveTimer === undefined) {
      const { timers } = this.#runtime;
      this.#keepaliveTimer = timers.after(timeoutMs, () => this.#keepAlive());
    } else {
      this.#keepaliveTimer.restart(timeoutMs);
    }
  }

  /** Tells the peer to open no more streams; those that are open go on, and we open none either. */
  goAway(code: number = GO_AWAY.normal): void {
    if (this.#isGoAwaySent || this.#isClosed) return;
    this.#isGoAwaySent = true;
    this.outbox.control(FRAME_TYPE.goAway, 0, 0, code);
  }

  /** Ends the session and its streams; with a GoAway, for which the peer gets a moment. */
  close(error?: Error, code: number = GO_AWAY.normal): void {
    if (this.#isClosing || this.#isClosed) return;
    this.goAway(code);
    this.#isClosing = true;
    this.#closeError = error;
    this.#endStreams(error);
    this.#keepaliveTimer?.cancel();
    this.#lingerTimer = this.#runtime.timers.after(
      GO_AWAY_LINGER_MS,
      () => this.#duplex.close(error),
    );
    this.outbox.flush();
    this.#endWhenSent();
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (this.#isClosing) return;
    this.receivedBytes += bytes.length;
    this.#keepalive.heard(this.nowMs());
    const end = bytes.length;
    let at = 0;
    while (at < end && !this.#isClosing) {
      if (this.#payloadLeftBytes > 0) {
        const size = Math.min(this.#payloadLeftBytes, end - at);
        this.#payloadLeftBytes -= size;
        this.#payloadStream?.receive(bytes.subarray(at, at + size), buffer);
        at += size;
        if (this.#payloadLeftBytes === 0) this.#payloadEnded();
        continue;
      }
      try {
        at = this.#header.read(bytes, at);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        return this.#fail(error.detail);
      }
      if (this.#header.isWhole) this.#receiveHeader();
    }
    if (this.outbox.controlBytes > MAX_CONTROL_BYTES && !this.#isClosing) {
      this.#fail("it asks for answers and does not read them");
    }
  }

  onEnd(): void {
    // Go's Session.Close sends no GoAway: a bare end between frames is a normal one.
    const isCut = !this.#isClosing &&
      (this.#header.neededBytes < HEADER_BYTES || this.#payloadLeftBytes > 0);
    this.#duplex.close(
      isCut ? new ClosedError("peer", `Session ${this.name} ended within a frame`) : undefined,
    );
  }

  onDrain(): void {
    this.outbox.drained();
    if (this.#isClosing) this.#endWhenSent();
  }

  onClose(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = this.#isClosing = true;
    this.#keepaliveTimer?.cancel();
    this.#lingerTimer?.cancel();
    const reason = this.#closeError ?? error;
    this.#endStreams(reason);
    this.outbox.close();
    this.#pings.close(reason ?? new ClosedError("peer", `Session ${this.name} ended`));
    this.#memory.leave();
    this.#options.onClose(reason);
  }

  unreadChanged(_stream: MuxStream, bytes: number): void {
    this.#memory.changeUnread(bytes);
  }

  streamEnded(stream: MuxStream, wasResetByUs: boolean): void {
    if (stream.id === 0) {
      this.#openings.forget(stream);
      return;
    }
    this.#streams.delete(stream.id);
    if (this.#isOwnId(stream.id)) {
      if (!stream.isAcknowledged) this.#acknowledged(stream);
    } else {
      this.#peerStreams -= 1;
    }
    if (wasResetByUs) this.#abuse.expectLate(stream.window.leftBytes);
  }

  largestUnreadBytes(): number {
    return this.#largestUnread()?.unreadBytes ?? 0;
  }

  resetLargest(): void {
    this.#largestUnread()?.close(
      new ClosedError("us", `Reset for want of memory: its reader of ${this.name} is too slow`),
    );
  }

  #endWhenSent(): void {
    if (!this.outbox.hasUnsent) this.#duplex.end();
  }

  #largestUnread(): MuxStream | undefined {
    let largest: MuxStream | undefined;
    for (const stream of this.#streams.values()) {
      if (stream.unreadBytes > (largest?.unreadBytes ?? 0)) largest = stream;
    }
    return largest;
  }

  #newWindow(): ReceiveWindow {
    return new ReceiveWindow(
      this.#memory,
      this.nowMs(),
      this.#options.maxWindowBytes ?? MAX_WINDOW_BYTES,
    );
  }

  #start(id: number, stream: MuxStream, first: Uint8Array | undefined): void {
    this.#streams.set(id, stream);
    stream.start(id, first);
    if (this.#openings.isExhausted) this.goAway();
  }

  #acknowledged(stream: MuxStream): void {
    stream.isAcknowledged = true;
    if (!this.#isClosing) this.#openings.acknowledged();
  }

  #isOwnId(id: number): boolean {
    return (id & 1) === (this.#options.role === "dialler" ? 1 : 0);
  }

  #receiveHeader(): void {
    const { type, flags, streamId, value } = this.#header;
    switch (type) {
      case FRAME_TYPE.data:
      case FRAME_TYPE.windowUpdate:
        return this.#receiveStreamFrame(type, flags, streamId, value);
      case FRAME_TYPE.ping:
        return this.#receivePing(flags, value);
      case FRAME_TYPE.goAway:
        if (this.#isGoAwayReceived) return;
        this.#isGoAwayReceived = true;
        this.#options.onGoAway?.(value);
    }
  }

  #receiveStreamFrame(type: number, flags: number, id: number, value: number): void {
    if (id === 0) return this.#fail("data or credit for stream 0");
    let stream = this.#streams.get(id);
    if ((flags & FLAG.syn) !== 0) {
      if (!this.#acceptStream(id)) return;
      stream = this.#streams.get(id);
    }
    const dataBytes = type === FRAME_TYPE.data ? value : 0;
    if (stream === undefined) return this.#receiveLate(id, dataBytes);
    if ((flags & FLAG.ack) !== 0 && this.#isOwnId(id) && !stream.isAcknowledged) {
      this.#acknowledged(stream);
    }
    if (dataBytes > stream.window.leftBytes) {
      return this.#fail(
        `${dataBytes} bytes for a stream with ${stream.window.leftBytes} left in its window`,
      );
    }
    if ((flags & FLAG.rst) !== 0) {
      const isWasted = !this.#isOwnId(id) && stream.sentBytes === 0;
      if (isWasted && !this.#abuse.resets.take(this.nowMs())) {
        return this.#fail("too many streams opened and reset");
      }
      stream.receiveReset();
      this.#payloadLeftBytes = dataBytes;
      this.#payloadStream = undefined;
      return;
    }
    if (type === FRAME_TYPE.data) {
      this.#receiveDataHeader(stream, flags, dataBytes);
    } else {
      if (value === 0 && flags === 0 && !this.#abuse.emptyFrames.take(this.nowMs())) {
        return this.#fail("too many empty frames");
      }
      if (!stream.addCredit(value)) return this.#fail("credit of a stream exceeds 32 bits");
      if ((flags & FLAG.fin) !== 0) this.#receiveFin(stream);
    }
  }

  #receiveDataHeader(stream: MuxStream, flags: number, dataBytes: number): void {
    if (stream.isFinReceived) return this.#fail("data for a stream after its FIN");
    if (dataBytes === 0 && flags === 0 && !this.#abuse.emptyFrames.take(this.nowMs())) {
      return this.#fail("too many empty frames");
    }
    stream.window.leftBytes -= dataBytes;
    this.#payloadLeftBytes = dataBytes;
    this.#payloadStream = stream;
    this.#isFinAfterPayload = (flags & FLAG.fin) !== 0;
    if (dataBytes === 0) this.#payloadEnded();
  }

  #payloadEnded(): void {
    const stream = this.#payloadStream;
    this.#payloadStream = undefined;
    if (!this.#isFinAfterPayload) return;
    this.#isFinAfterPayload = false;
    if (stream !== undefined && !stream.isClosed) this.#receiveFin(stream);
  }

  #receiveFin(stream: MuxStream): void {
    if (stream.isFinReceived) return this.#fail("second FIN on a stream");
    stream.receiveFin();
  }

  /** Makes the stream that the peer opens; false if the frame needs no further treatment. */
  #acceptStream(id: number): boolean {
    if (this.#isOwnId(id)) {
      this.#fail(`stream ${id} opened with an id of our side`);
      return false;
    }
    if (!this.#peerIds.open(id)) {
      this.#fail(`stream ${id} opened again`);
      return false;
    }
    const isRefused = this.#isGoAwaySent || this.#memory.isNearlyFull ||
      this.#peerStreams >= (this.#options.maxPeerStreams ?? 16_384);
    if (isRefused) {
      this.outbox.control(FRAME_TYPE.windowUpdate, FLAG.rst, id, 0);
      // Its peer may fill the window that it believes in before it learns.
      this.#abuse.expectLate(INITIAL_WINDOW_BYTES);
      return true;
    }
    const stream = new MuxStream(this, this.#newWindow());
    stream.id = id;
    stream.isAcknowledged = true;
    this.#streams.set(id, stream);
    this.#peerStreams += 1;
    this.openedStreams += 1;
    this.outbox.control(FRAME_TYPE.windowUpdate, FLAG.ack, id, 0);
    this.#options.onStream(stream);
    return !this.#isClosing;
  }

  #receiveLate(id: number, dataBytes: number): void {
    const wasOpened = this.#isOwnId(id)
      ? this.#openings.wasOpened(id)
      : this.#peerIds.wasOpened(id);
    if (!wasOpened) return this.#fail(`frame for stream ${id}, which was never opened`);
    if (!this.#abuse.takeLateFrame(this.nowMs(), dataBytes)) {
      return this.#fail("too much for streams that are closed");
    }
    this.#payloadLeftBytes = dataBytes;
    this.#payloadStream = undefined;
  }

  #receivePing(flags: number, value: number): void {
    const nowMs = this.nowMs();
    if ((flags & FLAG.ack) !== 0) return this.#pings.answered(value, nowMs);
    if ((flags & FLAG.syn) === 0) return;
    if (!this.#abuse.pings.take(nowMs)) return this.#fail("too many pings");
    this.outbox.control(FRAME_TYPE.ping, FLAG.ack, 0, value);
  }

  #keepAlive(): void {
    const nowMs = this.nowMs();
    const step = this.#keepalive.step(nowMs);
    if (step.action === "dead") {
      this.#closeError = new ClosedError("peer", `Peer of ${this.name} is silent: taken for dead`);
      this.#duplex.close(this.#closeError);
      return;
    }
    if (step.action === "rest") return;
    // Also while there is traffic: windows and balancing want a fresh round trip.
    this.#pings.measure(nowMs);
    this.#keepaliveTimer?.restart(step.ms);
  }

  /** The peer broke the protocol. */
  #fail(detail: string): void {
    const error = new ProtocolError(`Peer of ${this.name} broke the protocol: ${detail}`);
    this.#runtime.log.warn("session.protocol_error", error.message, { session: this.name });
    this.close(error, GO_AWAY.protocolError);
  }

  #endStreams(error: Error | undefined): void {
    for (const stream of this.#streams.values()) stream.sessionClosed(error);
    for (const stream of this.#openings.waiting) stream.sessionClosed(error);
    this.#streams.clear();
    this.#openings.clear();
  }
}
