/**
 * A yamux session: many streams over one connection, either end.
 *
 * Wire format: hashicorp/yamux spec.md; what real peers rely on beyond it is in docs/protocol.md.
 */
import type { SharedBuffer } from "../buffer.ts";
import { FLAG, FRAME_TYPE, GO_AWAY } from "../codec/yamux.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { ClosedError, ProtocolError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { AbuseLimits } from "./abuse.ts";
import { Inbox } from "./inbox.ts";
import type { InboxOwner } from "./inbox.ts";
import { DEFAULT_KEEPALIVE, Keepalive } from "./keepalive.ts";
import type { BudgetMember, MemoryShare } from "./memory_budget.ts";
import { Outbox } from "./outbox.ts";
import { PingClock } from "./ping_clock.ts";
import type { SessionOptions } from "./session_options.ts";
import { MuxStream } from "./stream.ts";
import type { StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream_table.ts";
import { INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES, ReceiveWindow } from "./window.ts";

/** Answers and credit that may wait for a peer that does not read (CVE-2024-32984). */
const MAX_CONTROL_BYTES = 1 << 20;
/** A peer that was heard this short a time ago is not doubted. */
const DOUBT_AFTER_MS = 1000;
/** How long a peer has to read our GoAway before the connection is closed. */
const GO_AWAY_LINGER_MS = 1000;

/** One end of a session; it owns its connection from its making on. */
export class Session implements Sink, StreamOwner, InboxOwner, BudgetMember {
  readonly name: string;
  readonly outbox: Outbox;
  readonly #duplex: Duplex;
  readonly #options: SessionOptions;
  readonly #runtime: Runtime;
  readonly #streams: StreamTable;
  readonly #inbox: Inbox;
  readonly #abuse: AbuseLimits;
  readonly #keepalive: Keepalive;
  readonly #pings: PingClock;
  readonly #memory: MemoryShare;
  #keepaliveTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;

  #isGoAwaySent = false;
  #isGoAwayReceived = false;
  #isClosing = false;
  #isClosed = false;
  #closeError: Error | undefined;

  /** Bytes of the connection, headers included. */
  receivedBytes = 0;

  constructor(duplex: Duplex, options: SessionOptions) {
    const { runtime } = options;
    this.#duplex = duplex;
    this.#options = options;
    this.#runtime = runtime;
    this.name = options.name;
    this.outbox = new Outbox(duplex, runtime.pool);
    this.#streams = new StreamTable(options, () => this.goAway());
    const nowMs = runtime.nowMs();
    this.#abuse = new AbuseLimits(nowMs);
    this.#inbox = new Inbox(this, this.#streams, this.#abuse);
    const keepalive = options.keepalive ?? DEFAULT_KEEPALIVE;
    this.#keepalive = new Keepalive(keepalive, nowMs);
    this.#pings = new PingClock((value) => {
      this.outbox.control(FRAME_TYPE.ping, FLAG.syn, 0, value);
    }, (rttMs) => options.onRtt?.(rttMs));
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
    return this.#streams.size;
  }

  /** Streams opened so far by either side. */
  get openedStreams(): number {
    return this.#streams.openedStreams;
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

  get isClosing(): boolean {
    return this.#isClosing;
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
    this.#streams.open(stream, first);
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
    this.#streams.end(error);
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
    this.#inbox.push(bytes, buffer);
    if (this.outbox.controlBytes > MAX_CONTROL_BYTES && !this.#isClosing) {
      this.fail("it asks for answers and does not read them");
    }
  }

  onEnd(): void {
    // Go's Session.Close sends no GoAway: a bare end between frames is a normal one.
    const isCut = !this.#isClosing && this.#inbox.isWithinFrame;
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
    this.#streams.end(reason);
    this.outbox.close();
    this.#pings.close(reason ?? new ClosedError("peer", `Session ${this.name} ended`));
    this.#memory.leave();
    this.#options.onClose(reason);
  }

  unreadChanged(_stream: MuxStream, bytes: number): void {
    this.#memory.changeUnread(bytes);
  }

  streamEnded(stream: MuxStream, wasResetByUs: boolean): void {
    this.#streams.remove(stream);
    if (stream.id === 0) return;
    if (wasResetByUs) this.#abuse.expectLate(stream.window.leftBytes);
  }

  largestUnreadBytes(): number {
    return this.#streams.largestUnread()?.unreadBytes ?? 0;
  }

  resetLargest(): void {
    this.#streams.largestUnread()?.close(
      new ClosedError("us", `Reset for want of memory: its reader of ${this.name} is too slow`),
    );
  }

  streamOpened(id: number): void {
    const isRefused = this.#isGoAwaySent || this.#memory.isNearlyFull ||
      this.#streams.peerStreams >= (this.#options.maxPeerStreams ?? 16_384);
    if (isRefused) {
      this.outbox.control(FRAME_TYPE.windowUpdate, FLAG.rst, id, 0);
      // Its peer may fill the window that it believes in before it learns.
      this.#abuse.expectLate(INITIAL_WINDOW_BYTES);
      return;
    }
    const stream = new MuxStream(this, this.#newWindow());
    this.#streams.addPeerStream(id, stream);
    this.outbox.control(FRAME_TYPE.windowUpdate, FLAG.ack, id, 0);
    this.#options.onStream(stream);
  }

  pingReceived(flags: number, value: number): void {
    const nowMs = this.nowMs();
    if ((flags & FLAG.ack) !== 0) return this.#pings.answered(value, nowMs);
    if ((flags & FLAG.syn) === 0) return;
    if (!this.#abuse.pings.take(nowMs)) return this.fail("too many pings");
    this.outbox.control(FRAME_TYPE.ping, FLAG.ack, 0, value);
  }

  goAwayReceived(code: number): void {
    if (this.#isGoAwayReceived) return;
    this.#isGoAwayReceived = true;
    this.#options.onGoAway?.(code);
  }

  fail(detail: string): void {
    const error = new ProtocolError(`Peer of ${this.name} broke the protocol: ${detail}`);
    this.#runtime.log.warn("session.protocol_error", error.message, { session: this.name });
    this.close(error, GO_AWAY.protocolError);
  }

  #endWhenSent(): void {
    if (!this.outbox.hasUnsent) this.#duplex.end();
  }

  #newWindow(): ReceiveWindow {
    return new ReceiveWindow(
      this.#memory,
      this.nowMs(),
      this.#options.maxWindowBytes ?? MAX_WINDOW_BYTES,
    );
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
}
