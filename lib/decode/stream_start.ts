/** Reads how a stream begins in one direction, and all of it if it is a control stream. */
import { FRAME_HEADER_BYTES, FRAME_MAGIC, FrameDecoder } from "../codec/frame.ts";
import { frameToJson } from "../codec/frame_json.ts";
import { decodeMessage } from "../codec/decode_message.ts";
import { ANSWER_STATUS, AnswerDecoder, PrefaceDecoder } from "../codec/preface.ts";
import type { WireFrame } from "../codec/wire_frame.ts";
import { DecodeError } from "../errors.ts";
import type { MuxFacts } from "./mux_facts.ts";
import type { DecodedRecord, DecodeOptions, Direction, Emit } from "./record.ts";

/** What the bytes of a stream's direction tell before they are its target's own. */
export class StreamStart {
  readonly #id: number;
  readonly #isOpener: boolean;
  readonly #facts: MuxFacts;
  readonly #direction: Direction;
  readonly #emit: Emit;
  readonly #options: DecodeOptions;
  readonly #told: DecodedRecord[] = [];
  #opening: PrefaceDecoder | AnswerDecoder | undefined;
  #frames: FrameDecoder | undefined;
  #offset = -1;
  #isFresh = true;
  #isDone = false;

  constructor(
    id: number,
    isOpener: boolean,
    direction: Direction,
    facts: MuxFacts,
    emit: Emit,
    options: DecodeOptions,
  ) {
    this.#id = id;
    this.#facts = facts;
    this.#direction = direction;
    this.#emit = emit;
    this.#options = options;
    this.#isOpener = isOpener;
    this.#opening = isOpener ? new PrefaceDecoder() : new AnswerDecoder();
  }

  /** All that follows is the target's. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** @param offset of the first byte in the direction. */
  push(bytes: Uint8Array, offset: number): void {
    if (this.#isDone) return;
    if (this.#offset === -1) this.#offset = offset;
    try {
      const rest = this.#opening === undefined ? bytes : this.#readOpening(bytes);
      this.#isFresh = false;
      if (rest !== undefined) this.#readFrames(rest, offset + bytes.length);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      // A peer built on plain yamux has no prefaces: its streams are just bytes.
      this.#tell("stream", "unknown", this.#offset, 0, { note: error.message });
      this.#isDone = true;
    }
  }

  /** Hands on what was read. */
  tell(): void {
    for (const record of this.#told.splice(0)) this.#emit(record);
  }

  #isControl(): boolean {
    if (this.#facts.isControl(this.#id)) return true;
    // Agents have odd ids, and open control streams only.
    const isAgents = (this.#id & 1) === 1 && this.#direction === "server-to-agent";
    return isAgents && !this.#isOpener;
  }

  #readOpening(bytes: Uint8Array): Uint8Array | undefined {
    const opening = this.#opening!;
    let rest: Uint8Array;
    if (opening instanceof PrefaceDecoder) {
      const pushed = opening.push(bytes);
      if (pushed === undefined) return undefined;
      if (pushed.preface.kind === "control") this.#facts.addControl(this.#id);
      this.#tellWire("stream", { protocol: "preface", payload: pushed.json }, this.#offset);
      rest = pushed.rest;
    } else if (this.#isFresh && bytes[0] === FRAME_MAGIC >> 8 && this.#isControl()) {
      // An answer is optional on control streams.
      rest = bytes;
    } else {
      const pushed = opening.push(bytes);
      if (pushed === undefined) return undefined;
      const status = ANSWER_STATUS[pushed.answer.status];
      this.#tellWire("stream", { protocol: "answer", status, payload: pushed.json }, this.#offset);
      rest = pushed.rest;
    }
    this.#opening = undefined;
    if (this.#isControl()) this.#frames = new FrameDecoder();
    else this.#isDone = true;
    return rest;
  }

  /** @param end offset of the byte behind `bytes`. */
  #readFrames(bytes: Uint8Array, end: number): void {
    let rest = bytes;
    while (this.#frames !== undefined && rest.length > 0) {
      const pushed = this.#frames.push(rest);
      if (pushed === undefined) return;
      rest = pushed.rest;
      const { frame } = pushed;
      const size = FRAME_HEADER_BYTES + frame.payload.length;
      const offset = Math.max(end - rest.length - size, this.#offset);
      decodeMessage(frame, offset);
      this.#tellWire("control", { protocol: "mosn", ...frame }, offset, size);
    }
  }

  #tellWire(layer: "stream" | "control", wire: WireFrame, offset: number, bytes = 0): void {
    const { frame, ...fields } = frameToJson(wire, this.#options);
    this.#tell(layer, frame as string, offset, bytes, fields);
  }

  #tell(
    layer: "stream" | "control",
    frame: string,
    offset: number,
    bytes: number,
    fields: DecodedRecord["fields"],
  ): void {
    const direction = this.#direction;
    this.#told.push({
      offset,
      direction,
      layer,
      frame,
      fields: { stream: this.#id, ...fields },
      bytes,
    });
  }
}
