/**
 * What a session sends: frames of all its streams gathered into few writes.
 *
 * While one batch is being written the next one gathers; what became ready in one turn of the event
 * loop leaves in one system call. That is worth more than anything else on this path
 * (docs/performance.md).
 */
import { HEAD_ROOM_BYTES } from "../buffer.ts";
import type { BufferPool, SharedBuffer } from "../buffer.ts";
import { FRAME_TYPE, HEADER_BYTES, writeHeader } from "../codec/yamux.ts";
import type { Duplex } from "../duplex.ts";

/** Size of the buffers that small frames are copied into. */
const BATCH_BYTES = 64 << 10;
/** What a batch starts with: a session at rest sends but few bytes, and there may be thousands. */
const FIRST_BATCH_BYTES = 4 << 10;
/** Copied bytes that may wait; beyond, streams keep what they have and their sources pause. */
const MAX_BATCHED_BYTES = 256 << 10;
/** Payload that waiting streams may add to one flush. */
const FLUSH_BYTES = 256 << 10;
/** What one stream may send before the next one has its turn. */
const QUANTUM_BYTES = 64 << 10;
/** Payloads from this size on are sent from where they lie, smaller ones are copied. */
export const REFERENCE_MIN_BYTES = 16 << 10;

/** A stream with bytes that wait for their turn. */
export interface FrameSource {
  /** Credit to grant to the peer now; 0 for none. Called once for each `wantGrant()`. */
  takeGrant(): number;
  readonly id: number;
  /** Puts up to `maxBytes` of payload into the outbox; returns how many. */
  emit(maxBytes: number): number;
  /** It could emit more at once. */
  readonly isReady: boolean;
  /** Called after a flush that took from it, when the outbox is at rest. */
  flushed(): void;
}

/** Bytes that wait to be sent as payload. */
export interface Payload {
  bytes: Uint8Array;
  /** Holds `bytes`. */
  buffer: SharedBuffer;
  /** Flush in which the bytes right before `bytes` were sent, or -1 if they are not ours. */
  sentBeforeInFlush: number;
}

interface Segment {
  bytes: Uint8Array;
  buffer: SharedBuffer;
}

/** The sending half of a session. */
export class Outbox {
  readonly #duplex: Duplex;
  readonly #pool: BufferPool;
  #isInFlight = false;
  #isScheduled = false;
  #isClosed = false;
  #flushCount = 0;

  /** Frames that need no stream's order: pings, answers, credit. They go first. */
  #control: SharedBuffer | undefined;
  #controlEnd = 0;
  #controlSegments: Segment[] = [];
  #sealedControlBytes = 0;
  #grants: FrameSource[] = [];

  #batch: SharedBuffer | undefined;
  #batchStart = 0;
  #batchEnd = 0;
  #segments: Segment[] = [];
  #batchedBytes = 0;
  #ready: FrameSource[] = [];
  #touched: FrameSource[] = [];
  /** Bytes given to the duplex so far, headers included. */
  sentBytes = 0;

  constructor(duplex: Duplex, pool: BufferPool) {
    this.#duplex = duplex;
    this.#pool = pool;
  }

  /** Small payloads may be put in at once; otherwise they wait in their stream. */
  get hasRoom(): boolean {
    return this.#batchedBytes < MAX_BATCHED_BYTES;
  }

  /** Bytes of answers and credit that the duplex was not given yet: what a peer can make pile up. */
  get controlBytes(): number {
    return this.#sealedControlBytes + this.#controlEnd;
  }

  /** Something waits here that the duplex was not given yet. */
  get hasUnsent(): boolean {
    return this.#batchedBytes + this.#controlEnd + this.#controlSegments.length > 0;
  }

  /** Queues a frame without payload that may overtake data. */
  control(type: number, flags: number, id: number, value: number): void {
    if (this.#isClosed) return;
    // Nothing to overtake: one buffer less is one write less.
    if (this.#batchedBytes === 0 && this.#controlEnd === 0) {
      this.header(type, flags, id, value);
      return;
    }
    let control = this.#control;
    if (control === undefined || this.#controlEnd + HEADER_BYTES > control.bytes.length) {
      this.#sealControl();
      control = this.#control = this.#pool.take(4 << 10);
      this.#controlEnd = 0;
    }
    writeHeader(control.bytes, this.#controlEnd, type, flags, id, value);
    this.#controlEnd += HEADER_BYTES;
    this.#schedule();
  }

  /** Queues a frame without payload in its place among the data. */
  header(type: number, flags: number, id: number, value: number): void {
    if (this.#isClosed) return;
    const batch = this.#room(HEADER_BYTES);
    writeHeader(batch.bytes, this.#batchEnd, type, flags, id, value);
    this.#batchEnd += HEADER_BYTES;
    this.#batchedBytes += HEADER_BYTES;
    this.#schedule();
  }

  /** Queues a data frame whose payload, smaller than a batch, is copied. */
  data(flags: number, id: number, bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const batch = this.#room(HEADER_BYTES + bytes.length);
    writeHeader(batch.bytes, this.#batchEnd, FRAME_TYPE.data, flags, id, bytes.length);
    batch.bytes.set(bytes, this.#batchEnd + HEADER_BYTES);
    this.#batchEnd += HEADER_BYTES + bytes.length;
    this.#batchedBytes += HEADER_BYTES + bytes.length;
    this.#schedule();
  }

  /**
   * Puts the first `size` bytes of `payload` out as one data frame, by copy or by reference, and
   * moves `payload` on. Only while the outbox calls `emit()`.
   */
  payload(flags: number, id: number, payload: Payload, size: number): void {
    const { bytes, buffer } = payload;
    payload.bytes = bytes.subarray(size);
    if (size < REFERENCE_MIN_BYTES) {
      this.data(flags, id, bytes.subarray(0, size));
      payload.sentBeforeInFlush = -1;
      return;
    }
    const whole = buffer.bytes;
    const start = bytes.byteOffset - whole.byteOffset;
    // The header goes right in front of the payload where those bytes are nobody's: the head room
    // of a socket's read, or what this stream sent in an earlier flush, which has left by now.
    const isRoomBefore = start === HEAD_ROOM_BYTES ||
      (payload.sentBeforeInFlush !== -1 && payload.sentBeforeInFlush !== this.#flushCount);
    payload.sentBeforeInFlush = this.#flushCount;
    buffer.retain();
    if (isRoomBefore) {
      this.#sealBatch();
      writeHeader(whole, start - HEADER_BYTES, FRAME_TYPE.data, flags, id, size);
      this.#segments.push({ bytes: whole.subarray(start - HEADER_BYTES, start + size), buffer });
    } else {
      this.header(FRAME_TYPE.data, flags, id, size);
      this.#sealBatch();
      this.#segments.push({ bytes: whole.subarray(start, start + size), buffer });
    }
    this.#batchedBytes += size;
  }

  /** Gives `source` turns until it has nothing left that it may send. */
  markReady(source: FrameSource): void {
    this.#ready.push(source);
    this.#schedule();
  }

  /** Asks `source` for its credit when the next batch leaves. */
  wantGrant(source: FrameSource): void {
    this.#grants.push(source);
    this.#schedule();
  }

  /** The duplex can take more. */
  drained(): void {
    this.#isInFlight = false;
    this.flush();
  }

  /** Sends what there is, unless a batch is on its way. */
  flush(): void {
    if (this.#isInFlight || this.#isClosed) return;
    for (const source of this.#grants) {
      const bytes = source.takeGrant();
      if (bytes > 0) this.control(FRAME_TYPE.windowUpdate, 0, source.id, bytes);
    }
    this.#grants.length = 0;
    this.#flushCount += 1;
    this.#serveReady();
    this.#sealControl();
    this.#sealBatch();
    this.#batch?.release();
    this.#batch = undefined;
    if (this.#controlSegments.length + this.#segments.length > 0) {
      this.#isInFlight = true;
      this.#batchedBytes = this.#sealedControlBytes = 0;
      this.#writeOut(this.#controlSegments);
      this.#writeOut(this.#segments);
    }
    const touched = this.#touched;
    if (touched.length === 0) return;
    this.#touched = [];
    for (const source of touched) source.flushed();
  }

  /** Drops everything; nothing is sent after this. */
  close(): void {
    this.#isClosed = true;
    this.#sealControl();
    this.#sealBatch();
    this.#batch?.release();
    this.#batch = undefined;
    for (const segment of this.#controlSegments) segment.buffer.release();
    for (const segment of this.#segments) segment.buffer.release();
    this.#controlSegments.length = this.#segments.length = 0;
    this.#grants.length = this.#ready.length = this.#touched.length = 0;
    this.#batchedBytes = 0;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isInFlight || this.#isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  #serveReady(): void {
    const ready = this.#ready;
    if (ready.length === 0) return;
    // Alone, a stream may fill the flush: frames are larger and fewer.
    const quantumBytes = ready.length === 1 ? FLUSH_BYTES : QUANTUM_BYTES;
    let leftBytes = FLUSH_BYTES;
    let served = 0;
    while (served < ready.length && leftBytes > 0) {
      const source = ready[served]!;
      served += 1;
      leftBytes -= source.emit(Math.min(quantumBytes, leftBytes));
      this.#touched.push(source);
    }
    // Those that were not reached come first next time, those that have more come behind them.
    const again: FrameSource[] = [];
    for (let i = 0; i < served; i++) if (ready[i]!.isReady) again.push(ready[i]!);
    this.#ready = served === ready.length ? again : ready.slice(served).concat(again);
  }

  #writeOut(segments: Segment[]): void {
    for (const segment of segments) {
      this.sentBytes += segment.bytes.length;
      this.#duplex.write(segment.bytes, segment.buffer);
      segment.buffer.release();
    }
    segments.length = 0;
  }

  /** A batch buffer with room for `size` more bytes at `#batchEnd`. */
  #room(size: number): SharedBuffer {
    const batch = this.#batch;
    if (batch !== undefined) {
      if (this.#batchEnd + size <= batch.bytes.length) return batch;
      if (batch.bytes.length < BATCH_BYTES) return this.#enlarge(batch);
      this.#sealBatch();
      batch.release();
    }
    this.#batchStart = this.#batchEnd = 0;
    return this.#batch = this.#pool.take(
      size <= FIRST_BATCH_BYTES ? FIRST_BATCH_BYTES : BATCH_BYTES,
    );
  }

  /** Moves what is not sealed yet: copying that much costs less than a write of its own. */
  #enlarge(batch: SharedBuffer): SharedBuffer {
    const larger = this.#pool.take(BATCH_BYTES);
    larger.bytes.set(batch.bytes.subarray(this.#batchStart, this.#batchEnd));
    this.#batchEnd -= this.#batchStart;
    this.#batchStart = 0;
    batch.release();
    return this.#batch = larger;
  }

  #sealBatch(): void {
    const batch = this.#batch;
    if (batch === undefined || this.#batchEnd === this.#batchStart) return;
    batch.retain();
    this.#segments.push({
      bytes: batch.bytes.subarray(this.#batchStart, this.#batchEnd),
      buffer: batch,
    });
    this.#batchStart = this.#batchEnd;
  }

  #sealControl(): void {
    const control = this.#control;
    if (control === undefined) return;
    this.#controlSegments.push({
      bytes: control.bytes.subarray(0, this.#controlEnd),
      buffer: control,
    });
    this.#sealedControlBytes += this.#controlEnd;
    this.#control = undefined;
    this.#controlEnd = 0;
  }
}
