/** Follows a session: frames of both directions, prefaces, answers and control messages. */
import { bytesToJson, frameToJson } from "../codec/frame_json.ts";
import { FLAG, FRAME_TYPE, HEADER_BYTES, HeaderReader } from "../codec/yamux.ts";
import { DecodeError } from "../errors.ts";
import type { Follower } from "./follower.ts";
import { HeldHead } from "./held_head.ts";
import type { DecodedRecord, DecodeOptions, Direction, Emit } from "./record.ts";
import type { MuxFacts } from "./mux_facts.ts";
import { StreamStart } from "./stream_start.ts";

/** Largest payload that is kept for output; a peer may put a whole window into one frame. */
const MAX_KEPT_PAYLOAD_BYTES = 16 << 20;
/** Streams whose start is being read at once; beyond, those of new ones are not looked for. */
const MAX_STARTS = 16_384;

type FrameFields = DecodedRecord["fields"];

/** One direction of a session. */
export class MuxDecoder implements Follower {
  readonly #direction: Direction;
  readonly #facts: MuxFacts;
  readonly #emit: Emit;
  readonly #options: DecodeOptions;
  readonly #header = new HeaderReader();
  /** Streams that are at their start, and control streams. */
  readonly #starts = new Map<number, StreamStart>();
  /** The payload of the frame under way, where it is kept. */
  readonly #payload = new HeldHead();
  #frameOffset = 0;
  #leftBytes = 0;
  #start: StreamStart | undefined;
  #isPayloadWhole = true;

  constructor(direction: Direction, facts: MuxFacts, emit: Emit, options: DecodeOptions) {
    this.#direction = direction;
    this.#facts = facts;
    this.#emit = emit;
    this.#options = options;
  }

  push(bytes: Uint8Array, offset: number): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#leftBytes > 0) {
        const size = Math.min(this.#leftBytes, bytes.length - at);
        this.#leftBytes -= size;
        if (this.#start !== undefined || this.#options.isPayloadKept) {
          this.#readPayload(bytes.subarray(at, at + size), offset + at);
        }
        at += size;
        if (this.#leftBytes === 0) this.#finishData();
        continue;
      }
      const heldBytes = HEADER_BYTES - this.#header.neededBytes;
      this.#frameOffset = offset + at - heldBytes;
      at = this.#header.read(bytes, at, offset);
      if (this.#header.isWhole) this.#takeHeader();
    }
  }

  /** False unless they are payload. */
  skip(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    this.#isPayloadWhole = false;
    if (this.#start !== undefined) {
      this.#starts.delete(this.#header.streamId);
      this.#start = undefined;
    }
    if (this.#leftBytes === 0) this.#finishData();
    return true;
  }

  end(isCut: boolean): void {
    const isInHeader = this.#header.neededBytes < HEADER_BYTES;
    if (isCut || (this.#leftBytes === 0 && !isInHeader)) return;
    throw new DecodeError({
      format: "yamux frame",
      reason: "truncated",
      offset: this.#frameOffset,
      detail: this.#leftBytes > 0
        ? `the capture ends within its payload, ${this.#leftBytes} bytes are missing`
        : "the capture ends within its header",
    });
  }

  #takeHeader(): void {
    const { type, flags, streamId, value } = this.#header;
    if (flags & (FLAG.syn | FLAG.ack) && streamId !== 0 && type <= FRAME_TYPE.windowUpdate) {
      this.#awaitStart(streamId, (flags & FLAG.syn) !== 0);
    }
    if (type !== FRAME_TYPE.data) {
      this.#emitFrame(HEADER_BYTES);
      if (flags & (FLAG.fin | FLAG.rst)) this.#starts.delete(streamId);
      return;
    }
    this.#leftBytes = value;
    this.#start = this.#starts.size > 0 ? this.#starts.get(streamId) : undefined;
    this.#isPayloadWhole = true;
    this.#payload.clear();
    // Told before its payload has come, so that a stream's preface stands behind its frame.
    if (!this.#options.isPayloadKept) this.#emitFrame(HEADER_BYTES + value);
    if (value === 0) this.#finishData();
  }

  #emitFrame(bytes: number, payload: FrameFields = {}): void {
    const { type, flags, streamId, value } = this.#header;
    const wire = { protocol: "yamux", type, flags, streamId, value } as const;
    const { frame, ...fields } = frameToJson(wire, this.#options);
    this.#emit({
      offset: this.#frameOffset,
      direction: this.#direction,
      layer: "yamux",
      frame: frame as string,
      fields: { ...fields, ...payload },
      bytes,
    });
  }

  #finishData(): void {
    const { flags, streamId, value } = this.#header;
    if (this.#options.isPayloadKept) {
      // Its start was read as it came; only that is told after the frame all the same.
      const payload = this.#isPayloadWhole
        ? value === 0 ? {} : bytesToJson(this.#payload.bytes)
        : { complete: false };
      this.#emitFrame(HEADER_BYTES + value, payload);
      this.#start?.tell();
    }
    const isOver = (flags & (FLAG.fin | FLAG.rst)) !== 0 || this.#start?.isDone === true;
    if (isOver) this.#starts.delete(streamId);
    this.#start = undefined;
  }

  #readPayload(bytes: Uint8Array, offset: number): void {
    if (this.#options.isPayloadKept) {
      if (this.#payload.length + bytes.length > MAX_KEPT_PAYLOAD_BYTES) {
        throw new DecodeError({
          format: "yamux frame",
          reason: "limit",
          offset: this.#frameOffset,
          detail: `payload of ${this.#header.value} bytes is too long to be printed`,
        });
      }
      this.#payload.append(bytes);
    }
    this.#start?.push(bytes, offset);
    if (!this.#options.isPayloadKept) this.#start?.tell();
  }

  /** Who opens a stream sends a preface, who acknowledges it an answer. */
  #awaitStart(id: number, isOpener: boolean): void {
    if (this.#starts.has(id) || this.#starts.size >= MAX_STARTS) return;
    this.#starts.set(
      id,
      new StreamStart(id, isOpener, this.#direction, this.#facts, this.#emit, this.#options),
    );
  }
}
