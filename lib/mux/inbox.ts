/** What a session receives: takes the frames apart, checks each and hands it to its stream. */
import type { SharedBuffer } from "../buffer.ts";
import { FLAG, FRAME_TYPE, HEADER_BYTES, HeaderReader } from "../codec/yamux.ts";
import { DecodeError } from "../errors.ts";
import type { AbuseLimits } from "./abuse.ts";
import type { StreamTable } from "./stream_table.ts";
import type { MuxStream } from "./stream.ts";

/** The session that an inbox works for. */
export interface InboxOwner {
  /** Nothing more is to be received. */
  readonly isClosing: boolean;
  nowMs(): number;
  /** The peer opens a stream with a good id: enters it in the table, or refuses it. */
  streamOpened(id: number): void;
  pingReceived(flags: number, value: number): void;
  goAwayReceived(code: number): void;
  /** The peer broke the protocol. */
  fail(detail: string): void;
}

/** The receiving half of a session. */
export class Inbox {
  readonly #owner: InboxOwner;
  readonly #streams: StreamTable;
  readonly #abuse: AbuseLimits;

  // Where it stands: a header that comes in parts, then the payload of the last one.
  readonly #header = new HeaderReader();
  #payloadLeftBytes = 0;
  #payloadStream: MuxStream | undefined;
  #isFinAfterPayload = false;

  constructor(owner: InboxOwner, streams: StreamTable, abuse: AbuseLimits) {
    this.#owner = owner;
    this.#streams = streams;
    this.#abuse = abuse;
  }

  /** A frame has begun whose end was not received. */
  get isWithinFrame(): boolean {
    return this.#header.neededBytes < HEADER_BYTES || this.#payloadLeftBytes > 0;
  }

  /** Takes bytes of the connection, which lie in `buffer`. */
  push(bytes: Uint8Array, buffer: SharedBuffer): void {
    const end = bytes.length;
    let at = 0;
    while (at < end && !this.#owner.isClosing) {
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
        return this.#owner.fail(error.detail);
      }
      if (this.#header.isWhole) this.#receiveHeader();
    }
  }

  #receiveHeader(): void {
    const { type, flags, streamId, value } = this.#header;
    switch (type) {
      case FRAME_TYPE.data:
      case FRAME_TYPE.windowUpdate:
        return this.#receiveStreamFrame(type, flags, streamId, value);
      case FRAME_TYPE.ping:
        return this.#owner.pingReceived(flags, value);
      case FRAME_TYPE.goAway:
        return this.#owner.goAwayReceived(value);
    }
  }

  #receiveStreamFrame(type: number, flags: number, id: number, value: number): void {
    const owner = this.#owner;
    if (id === 0) return owner.fail("data or credit for stream 0");
    if ((flags & FLAG.syn) !== 0 && !this.#receiveOpening(id)) return;
    const stream = this.#streams.get(id);
    const dataBytes = type === FRAME_TYPE.data ? value : 0;
    if (stream === undefined) return this.#receiveLate(id, dataBytes);
    if ((flags & FLAG.ack) !== 0 && this.#streams.isOwn(id) && !stream.isAcknowledged) {
      this.#streams.acknowledged(stream);
    }
    if (dataBytes > stream.window.leftBytes) {
      return owner.fail(
        `${dataBytes} bytes for a stream with ${stream.window.leftBytes} left in its window`,
      );
    }
    if ((flags & FLAG.rst) !== 0) return this.#receiveReset(stream, dataBytes);
    if (type === FRAME_TYPE.data) return this.#receiveDataHeader(stream, flags, dataBytes);
    if (value === 0 && flags === 0 && !this.#abuse.emptyFrames.take(owner.nowMs())) {
      return owner.fail("too many empty frames");
    }
    if (!stream.addCredit(value)) return owner.fail("credit of a stream exceeds 32 bits");
    if ((flags & FLAG.fin) !== 0) this.#receiveFin(stream);
  }

  /** False if the frame needs no further treatment. */
  #receiveOpening(id: number): boolean {
    if (this.#streams.isOwn(id)) {
      this.#owner.fail(`stream ${id} opened with an id of our side`);
      return false;
    }
    if (!this.#streams.takePeerId(id)) {
      this.#owner.fail(`stream ${id} opened again`);
      return false;
    }
    this.#owner.streamOpened(id);
    return !this.#owner.isClosing;
  }

  #receiveReset(stream: MuxStream, dataBytes: number): void {
    const isWasted = !this.#streams.isOwn(stream.id) && stream.sentBytes === 0;
    if (isWasted && !this.#abuse.resets.take(this.#owner.nowMs())) {
      return this.#owner.fail("too many streams opened and reset");
    }
    stream.receiveReset();
    this.#payloadLeftBytes = dataBytes;
    this.#payloadStream = undefined;
  }

  #receiveDataHeader(stream: MuxStream, flags: number, dataBytes: number): void {
    if (stream.isFinReceived) return this.#owner.fail("data for a stream after its FIN");
    if (dataBytes === 0 && flags === 0 && !this.#abuse.emptyFrames.take(this.#owner.nowMs())) {
      return this.#owner.fail("too many empty frames");
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
    if (stream.isFinReceived) return this.#owner.fail("second FIN on a stream");
    stream.receiveFin();
  }

  #receiveLate(id: number, dataBytes: number): void {
    if (!this.#streams.wasOpened(id)) {
      return this.#owner.fail(`frame for stream ${id}, which was never opened`);
    }
    if (!this.#abuse.takeLateFrame(this.#owner.nowMs(), dataBytes)) {
      return this.#owner.fail("too much for streams that are closed");
    }
    this.#payloadLeftBytes = dataBytes;
    this.#payloadStream = undefined;
  }
}
