/** Puts one direction of a TCP connection in order: retransmissions, reordering, gaps. */
import type { TcpSegment } from "./tcp_segment.ts";

/** Receives a direction's bytes in order. */
export interface StreamSink {
  /** The next bytes of one segment; valid during the call only. */
  bytes(bytes: Uint8Array): void;
  /** This many bytes are not in the capture. */
  gap(bytes: number): void;
  /** The sender ended its direction, or reset the connection. */
  end(isReset: boolean): void;
}

/** What all streams of a capture may hold together of segments that came too early. */
export class EarlyBudget {
  static readonly MAX_BYTES = 32 << 20;
  bytes = 0;

  get isSpent(): boolean {
    return this.bytes > EarlyBudget.MAX_BYTES;
  }
}

/** A stream waits for what is missing until this much has come behind it. */
const MAX_EARLY_BYTES = 1 << 20;
const MAX_EARLY_SEGMENTS = 1024;
/** Bytes that the receiver has acknowledged this long ago will not be seen any more; clocks differ. */
const MAX_LATE_SECONDS = 0.2;

interface Early {
  sequence: number;
  payload: Uint8Array;
  missingBytes: number;
  isFin: boolean;
}

/** One direction. Sequence numbers wrap at 2^32; differences are taken in 32 bits. */
export class TcpStream {
  readonly #sink: StreamSink;
  readonly #budget: EarlyBudget;
  #next = -1;
  #first = -1;
  /** Segments behind missing bytes, by their sequence numbers. */
  #early: Early[] = [];
  #earlyBytes = 0;
  #hasEnded = false;
  /** When the receiver was first seen to have what is missing; 0 while it has not. */
  #acknowledgedAt = 0;

  constructor(sink: StreamSink, budget: EarlyBudget) {
    this.#sink = sink;
    this.#budget = budget;
  }

  /** Sequence number of its first byte; -1 if its opening was not seen. */
  get first(): number {
    return this.#first;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Takes a segment and hands on what is in order now. */
  push(segment: TcpSegment): void {
    if (this.#hasEnded) return;
    if (segment.isReset) {
      this.flush();
      this.#end(true);
      return;
    }
    let { sequence } = segment;
    if (segment.isSyn) {
      sequence = (sequence + 1) >>> 0;
      if (this.#next === -1) this.#next = this.#first = sequence;
    }
    const { payload, missingBytes, isFin } = segment;
    if (payload.length + missingBytes === 0 && !isFin) return;
    // A capture that begins in the middle begins here.
    if (this.#next === -1) this.#next = sequence;
    if (distance(this.#next, sequence) > 0) {
      this.#keep(sequence, segment);
      return;
    }
    this.#accept(sequence, payload, missingBytes, isFin);
    if (this.#early.length > 0) this.#acceptEarly();
  }

  /** Takes what the other direction says to have received. */
  acknowledge(segment: TcpSegment): void {
    if (!segment.isAck || this.#next === -1 || this.#hasEnded) return;
    const { acknowledgement, timeSeconds } = segment;
    const behind = distance(this.#next, acknowledgement);
    // An end counts as one; a number far off is a damaged packet's.
    if (behind <= 1 || behind > 1 << 30) {
      this.#acknowledgedAt = 0;
      return;
    }
    if (this.#acknowledgedAt === 0) this.#acknowledgedAt = timeSeconds;
    const first = this.#early[0];
    // What lies behind the missing bytes is there, and was received with them: they went by unseen.
    const isLost = first !== undefined && distance(first.sequence, acknowledgement) > 0;
    if (!isLost && timeSeconds - this.#acknowledgedAt < MAX_LATE_SECONDS) return;
    this.#acknowledgedAt = 0;
    const gap = first === undefined ? behind : distance(this.#next, first.sequence);
    this.#skip(Math.min(gap, behind));
    this.#acceptEarly();
  }

  /** Gives up on what is missing: gaps, then the bytes behind them. */
  flush(): void {
    while (this.#early.length > 0 && !this.#hasEnded) {
      this.#skip(distance(this.#next, this.#early[0]!.sequence));
      this.#acceptEarly();
    }
  }

  #skip(gap: number): void {
    if (gap <= 0) return;
    this.#next = (this.#next + gap) >>> 0;
    this.#sink.gap(gap);
  }

  #accept(sequence: number, payload: Uint8Array, missingBytes: number, isFin: boolean): void {
    const known = distance(sequence, this.#next);
    const total = payload.length + missingBytes;
    if (known < payload.length) {
      this.#next = (sequence + payload.length) >>> 0;
      this.#acknowledgedAt = 0;
      this.#sink.bytes(known === 0 ? payload : payload.subarray(known));
    }
    if (known < total) this.#skip(total - Math.max(known, payload.length));
    if (isFin && known <= total) this.#end(false);
  }

  #end(isReset: boolean): void {
    this.#hasEnded = true;
    this.#budget.bytes -= this.#earlyBytes;
    this.#early = [];
    this.#earlyBytes = 0;
    this.#sink.end(isReset);
  }

  #acceptEarly(): void {
    let count = 0;
    while (count < this.#early.length && !this.#hasEnded) {
      const { sequence, payload, missingBytes, isFin } = this.#early[count]!;
      if (distance(this.#next, sequence) > 0) break;
      count += 1;
      this.#earlyBytes -= payload.length;
      this.#budget.bytes -= payload.length;
      this.#accept(sequence, payload, missingBytes, isFin);
    }
    this.#early.splice(0, count);
  }

  #keep(sequence: number, { payload, missingBytes, isFin }: TcpSegment): void {
    // Most come in order behind the gap: so the search starts at the end.
    let at = this.#early.length;
    while (at > 0 && distance(sequence, this.#early[at - 1]!.sequence) > 0) at -= 1;
    // The file's piece will be gone by the time that this is in order.
    const kept = { sequence, payload: payload.slice(), missingBytes, isFin };
    this.#early.splice(at, 0, kept);
    this.#earlyBytes += payload.length;
    this.#budget.bytes += payload.length;
    const isEnough = this.#earlyBytes > MAX_EARLY_BYTES ||
      this.#early.length > MAX_EARLY_SEGMENTS || this.#budget.isSpent;
    if (!isEnough) return;
    this.#skip(distance(this.#next, this.#early[0]!.sequence));
    this.#acceptEarly();
  }
}

/** From sequence number `from` to `to`, -2^31 to 2^31 - 1. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}
