/** One stream of a session, as a {@link Duplex}: credit in both directions, half-close, reset. */
import type { BufferPool } from "../buffer.ts";
import { HEAD_ROOM_BYTES, isWasteful, SharedBuffer } from "../buffer.ts";
import { FLAG, FRAME_TYPE } from "../codec/yamux.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { ClosedError, SessionLostError } from "../errors.ts";
import type { FrameSource, Outbox, Payload } from "./outbox.ts";
import { REFERENCE_MIN_BYTES } from "./outbox.ts";
import { INITIAL_WINDOW_BYTES } from "./window.ts";
import type { ReceiveWindow } from "./window.ts";

/** What a stream needs of its session. */
export interface StreamOwner {
  readonly name: string;
  readonly outbox: Outbox;
  readonly pool: BufferPool;
  readonly rttMs: number;
  nowMs(): number;
  /** Bytes were queued (positive) or taken from the queue (negative). */
  unreadChanged(stream: MuxStream, bytes: number): void;
  /** The stream is over: its id is free of frames from our side. */
  streamEnded(stream: MuxStream, wasResetByUs: boolean): void;
}

/** Pieces of less than this that must wait are gathered by copying: a piece holds its whole buffer. */
const GATHER_BYTES = 16 << 10;
/** Largest credit that a peer may pile up: yamux carries it in 32 bits (CVE-2026-31814). */
const MAX_CREDIT_BYTES = 0xffffffff;

/** A queue entry that may be extended while its last byte is the last of its buffer's content. */
interface Waiting extends Payload {
  /** Index in the buffer where more may be appended, or -1. */
  appendAt: number;
}

/** One end of a stream. */
export class MuxStream implements Duplex, FrameSource {
  /** 0 until the stream is opened on the wire. */
  id = 0;
  /** Peer has acknowledged our opening. */
  isAcknowledged = false;
  readonly window: ReceiveWindow;
  readonly #owner: StreamOwner;
  #sink: Sink | undefined;

  #creditBytes = INITIAL_WINDOW_BYTES;
  #unsent: Waiting[] = [];
  #unsentBytes = 0;
  #isInReadyRing = false;
  #wantsDrain = false;
  #isWriteEnded = false;
  #isFinSent = false;

  #unread: Waiting[] = [];
  #unreadBytes = 0;
  #isPaused = false;
  #isDelivering = false;
  #isDeliveryScheduled = false;
  #isFinReceived = false;
  #isEndDelivered = false;
  #isGrantWanted = false;
  #isClosed = false;

  /** Payload received and sent so far, in bytes. */
  receivedBytes = 0;
  sentBytes = 0;

  constructor(owner: StreamOwner, window: ReceiveWindow) {
    this.#owner = owner;
    this.window = window;
  }

  get name(): string {
    return `${this.#owner.name}#${this.id}`;
  }

  get queuedBytes(): number {
    return this.#unsentBytes;
  }

  /** Bytes received that the sink has not taken. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isReady(): boolean {
    return this.#isInReadyRing && this.#unsent.length > 0 && this.#creditBytes > 0;
  }

  attach(sink: Sink): void {
    this.#sink = sink;
    if (this.#unread.length > 0 || this.#isFinReceived) this.#scheduleDelivery();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#unread.length > 0 || this.#isFinReceived) this.#scheduleDelivery();
  }

  write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    if (this.#isWriteEnded || this.#isClosed) return false;
    if (bytes.length === 0) return this.#unsent.length === 0;
    if (
      this.#unsent.length === 0 && bytes.length < REFERENCE_MIN_BYTES &&
      bytes.length <= this.#creditBytes && this.id !== 0 && this.#owner.outbox.hasRoom
    ) {
      this.#creditBytes -= bytes.length;
      this.sentBytes += bytes.length;
      this.#owner.outbox.data(0, this.id, bytes);
      return true;
    }
    queue(this.#unsent, bytes, buffer, this.#owner.pool);
    this.#unsentBytes += bytes.length;
    this.#wantsDrain = true;
    this.#enterReadyRing();
    return false;
  }

  end(): void {
    if (this.#isWriteEnded || this.#isClosed) return;
    this.#isWriteEnded = true;
    if (this.#unsent.length === 0 && this.id !== 0) this.#sendFin();
  }

  close(error?: Error): void {
    if (this.#isClosed) return;
    if (this.id !== 0) this.#owner.outbox.header(FRAME_TYPE.windowUpdate, FLAG.rst, this.id, 0);
    this.#finish(error, true);
  }

  /** Opens the stream on the wire, with `first` as its first bytes (less than 16 KiB). */
  start(id: number, first: Uint8Array | undefined): void {
    this.id = id;
    const { outbox } = this.#owner;
    if (first === undefined || first.length === 0) {
      outbox.header(FRAME_TYPE.windowUpdate, FLAG.syn, id, 0);
    } else {
      outbox.data(FLAG.syn, id, first);
      this.#creditBytes -= first.length;
      this.sentBytes += first.length;
    }
    if (this.#unsent.length > 0) this.#enterReadyRing();
    else if (this.#isWriteEnded) this.#sendFin();
  }

  /** Takes payload from the peer, which the session has checked against the window. */
  receive(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (this.#isClosed) return;
    this.receivedBytes += bytes.length;
    if (
      this.#sink !== undefined && !this.#isPaused && this.#unread.length === 0 &&
      !this.#isDelivering
    ) {
      this.#isDelivering = true;
      this.#sink.onData(bytes, buffer);
      this.#isDelivering = false;
      if (!this.#isClosed) this.#taken(bytes.length);
      return;
    }
    queue(this.#unread, bytes, buffer, this.#owner.pool);
    this.#unreadBytes += bytes.length;
    this.#owner.unreadChanged(this, bytes.length);
  }

  /** The peer has ended its direction. */
  receiveFin(): void {
    this.#isFinReceived = true;
    if (this.#unread.length === 0 && !this.#isPaused && !this.#isDelivering) this.#deliverEnd();
  }

  /** True once the peer has ended its direction: more from it is a mistake. */
  get isFinReceived(): boolean {
    return this.#isFinReceived;
  }

  /** The peer has reset the stream. */
  receiveReset(): void {
    this.#finish(new ClosedError("peer", `Stream ${this.name} was reset by the peer`), false);
  }

  /** The session is gone. */
  sessionClosed(error: Error | undefined): void {
    const detail = error?.message ?? `Session of ${this.name} ended`;
    this.#finish(new SessionLostError("peer", detail, { cause: error }), false);
  }

  /** Takes credit from the peer; false if it is more than any peer may grant. */
  addCredit(bytes: number): boolean {
    if (this.#creditBytes + bytes > MAX_CREDIT_BYTES) return false;
    this.#creditBytes += bytes;
    if (this.#unsent.length > 0) this.#enterReadyRing();
    return true;
  }

  takeGrant(): number {
    this.#isGrantWanted = false;
    if (this.#isClosed || this.#isFinReceived) return 0;
    return this.window.grant(this.#owner.nowMs(), this.#owner.rttMs);
  }

  emit(maxBytes: number): number {
    const { outbox } = this.#owner;
    let emittedBytes = 0;
    while (this.#unsent.length > 0) {
      const entry = this.#unsent[0]!;
      const size = Math.min(entry.bytes.length, this.#creditBytes, maxBytes - emittedBytes);
      if (size <= 0) break;
      const isLast = size === entry.bytes.length && this.#unsent.length === 1;
      const flags = isLast && this.#isWriteEnded ? FLAG.fin : 0;
      entry.appendAt = -1;
      outbox.payload(flags, this.id, entry, size);
      this.#creditBytes -= size;
      this.sentBytes += size;
      emittedBytes += size;
      if (entry.bytes.length === 0) {
        entry.buffer.release();
        this.#unsent.shift();
      }
      if (flags !== 0) this.#isFinSent = true;
    }
    this.#unsentBytes -= emittedBytes;
    if (this.#unsent.length === 0 || this.#creditBytes === 0) this.#isInReadyRing = false;
    return emittedBytes;
  }

  flushed(): void {
    if (this.#isClosed) return;
    if (this.#isFinSent) {
      this.#finishIfEnded();
    } else if (this.#wantsDrain && this.#unsent.length === 0) {
      this.#wantsDrain = false;
      this.#sink?.onDrain();
    }
  }

  #enterReadyRing(): void {
    if (this.#isInReadyRing || this.id === 0 || this.#creditBytes === 0) return;
    this.#isInReadyRing = true;
    this.#owner.outbox.markReady(this);
  }

  #sendFin(): void {
    this.#isFinSent = true;
    this.#owner.outbox.header(FRAME_TYPE.windowUpdate, FLAG.fin, this.id, 0);
    this.#finishIfEnded();
  }

  #taken(bytes: number): void {
    if (this.window.take(bytes) && !this.#isGrantWanted && !this.#isFinReceived) {
      this.#isGrantWanted = true;
      this.#owner.outbox.wantGrant(this);
    }
  }

  // Not from within the caller's own call: a sink that resumes its source does not expect data.
  #scheduleDelivery(): void {
    if (this.#isDeliveryScheduled) return;
    this.#isDeliveryScheduled = true;
    queueMicrotask(() => {
      this.#isDeliveryScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    while (
      !this.#isPaused && !this.#isClosed && this.#unread.length > 0 && this.#sink !== undefined
    ) {
      const entry = this.#unread.shift()!;
      const size = entry.bytes.length;
      this.#unreadBytes -= size;
      this.#owner.unreadChanged(this, -size);
      this.#isDelivering = true;
      this.#sink.onData(entry.bytes, entry.buffer);
      this.#isDelivering = false;
      entry.buffer.release();
      if (!this.#isClosed) this.#taken(size);
    }
    if (this.#isFinReceived && this.#unread.length === 0 && !this.#isPaused) this.#deliverEnd();
  }

  #deliverEnd(): void {
    if (this.#isEndDelivered || this.#isClosed || this.#sink === undefined) return;
    this.#isEndDelivered = true;
    this.#sink.onEnd();
    this.#finishIfEnded();
  }

  #finishIfEnded(): void {
    if (this.#isFinSent && this.#isEndDelivered) this.#finish(undefined, false);
  }

  #finish(error: Error | undefined, wasResetByUs: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const entry of this.#unsent) entry.buffer.release();
    for (const entry of this.#unread) entry.buffer.release();
    this.#unsent = [];
    this.#unread = [];
    this.#unsentBytes = 0;
    if (this.#unreadBytes > 0) this.#owner.unreadChanged(this, -this.#unreadBytes);
    this.#unreadBytes = 0;
    this.window.close();
    this.#owner.streamEnded(this, wasResetByUs);
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onClose(error);
  }
}

/** Puts `bytes` at the end of `list`: small pieces by copy into the last entry, others by holding. */
function queue(
  list: Waiting[],
  bytes: Uint8Array,
  buffer: SharedBuffer | undefined,
  pool: BufferPool,
): void {
  if (buffer !== undefined && bytes.length >= GATHER_BYTES && !isWasteful(bytes, buffer)) {
    buffer.retain();
    list.push({ bytes, buffer, sentBeforeInFlush: -1, appendAt: -1 });
    return;
  }
  const tail = list.at(-1);
  if (
    tail !== undefined && tail.appendAt !== -1 &&
    tail.appendAt + bytes.length <= tail.buffer.bytes.length
  ) {
    const whole = tail.buffer.bytes;
    whole.set(bytes, tail.appendAt);
    tail.appendAt += bytes.length;
    const start = tail.bytes.byteOffset - whole.byteOffset;
    tail.bytes = whole.subarray(start, tail.appendAt);
    return;
  }
  // A first small piece gets a small buffer: most waits end before a second one comes.
  const isSmall = tail === undefined && bytes.length + HEAD_ROOM_BYTES <= 4 << 10;
  const size = isSmall ? 4 << 10 : 64 << 10;
  const own = bytes.length + HEAD_ROOM_BYTES <= size
    ? pool.take(size)
    : new SharedBuffer(new Uint8Array(bytes.length + HEAD_ROOM_BYTES));
  own.room.set(bytes);
  list.push({
    bytes: own.room.subarray(0, bytes.length),
    buffer: own,
    sentBeforeInFlush: -1,
    appendAt: HEAD_ROOM_BYTES + bytes.length,
  });
}
