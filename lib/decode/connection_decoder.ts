/** Follows one tunnel connection from its handshake on, both directions or one of them. */
import { FRAME_FLAG, FrameDecoder, isKnownFlag } from "../codec/frame.ts";
import type { Frame } from "../codec/frame.ts";
import { frameToJson } from "../codec/frame_json.ts";
import { CONNECT_STATUS } from "../codec/message.ts";
import { decodeMessage, FORMATS } from "../codec/decode_message.ts";
import type { TunnelMode } from "../codec/message.ts";
import { DecodeError } from "../errors.ts";
import { guessProtocol, isMuxHeader } from "./first_bytes.ts";
import type { Protocol } from "./first_bytes.ts";
import type { Follower } from "./follower.ts";
import { HeldHead } from "./held_head.ts";
import { Http1Decoder, HttpExchanges } from "./http1_decoder.ts";
import { KeptBytes } from "./kept_bytes.ts";
import { MuxDecoder } from "./mux_decoder.ts";
import { MuxFacts } from "./mux_facts.ts";
import { OpaqueDecoder } from "./opaque_decoder.ts";
import type { DecodedRecord, DecodeOptions, Direction, Emit } from "./record.ts";

const NOTES = {
  "HTTP/2": "an HTTP/2 connection, by its preface",
  "TLS": "a TLS connection, by its first record",
  "data": "bytes of a protocol that is not looked into",
} as const;

/** What both directions of a connection share. */
interface Shared {
  mode: TunnelMode | undefined;
  readonly exchanges: HttpExchanges;
  readonly mux: MuxFacts;
  readonly directions: DirectionDecoder[];
}

/** One tunnel connection. */
export class ConnectionDecoder {
  readonly #shared: Shared = {
    mode: undefined,
    exchanges: new HttpExchanges(),
    mux: new MuxFacts(),
    directions: [],
  };
  readonly #emit: Emit;
  readonly #options: DecodeOptions;

  constructor(emit: Emit, options: DecodeOptions) {
    this.#emit = emit;
    this.#options = options;
  }

  /** Makes the decoder of one direction; one or two of a connection. */
  direction(): DirectionDecoder {
    const direction = new DirectionDecoder(this.#shared, this.#emit, this.#options);
    this.#shared.directions.push(direction);
    return direction;
  }
}

/** One direction; it says itself which one, by its first frame. */
export class DirectionDecoder {
  readonly #shared: Shared;
  readonly #emit: Emit;
  readonly #options: DecodeOptions;
  readonly #frames = new FrameDecoder();
  /** Bytes behind the handshake that do not tell yet what they are. */
  readonly #first = new HeldHead();
  readonly #kept: KeptBytes;
  #direction: Direction = "unknown";
  #follower: Follower | undefined;
  #isHandshakeDone = false;
  /** The capture does not have how it began. */
  #isHeadless = false;
  /** What is still to come of a frame that is not whole. */
  #discardBytes = 0;
  /** Bytes that were gone over since something was missing; -1 where nothing is. */
  #lostBytes = -1;
  #offset = 0;

  constructor(shared: Shared, emit: Emit, options: DecodeOptions) {
    this.#shared = shared;
    this.#emit = emit;
    this.#options = options;
    this.#kept = new KeptBytes(emit);
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /** The capture begins behind the handshake: reads on where something starts. */
  startInside(direction: Direction): void {
    this.#isHeadless = true;
    this.#setDirection(direction);
    this.#lose(0);
  }

  /** @throws {DecodeError} with the offset in this direction; nothing more can be read of it. */
  push(bytes: Uint8Array): void {
    const offset = this.#offset;
    this.#offset += bytes.length;
    if (this.#lostBytes >= 0 && !this.#resume(bytes, offset)) {
      this.#lostBytes += bytes.length;
      return;
    }
    let rest = bytes;
    if (this.#discardBytes > 0) {
      rest = bytes.subarray(this.#discardBytes);
      this.#discardBytes -= bytes.length - rest.length;
    }
    while (rest.length > 0 && !this.#isHandshakeDone) {
      const frameOffset = this.#frames.offset;
      const pushed = this.#frames.push(rest);
      if (pushed === undefined) return;
      rest = pushed.rest;
      this.#handshakeFrame(pushed.frame, frameOffset);
    }
    if (rest.length === 0) return;
    try {
      this.#follow(rest, offset + bytes.length - rest.length);
    } catch (error) {
      this.#kept.tell(this.#direction);
      throw error;
    }
  }

  /** Goes over bytes that are not in the capture; false if what follows them cannot be told. */
  skip(bytes: number): boolean {
    const isKnown = this.#lostBytes === -1 &&
      (this.#follower?.skip(bytes) === true || this.#skipFrame(bytes));
    const note = isKnown
      ? "within a payload whose end is known"
      : "what follows is found by its start";
    this.#record("capture", "gap", { note }, bytes);
    this.#offset += bytes;
    if (!isKnown) this.#lose(bytes);
    return isKnown;
  }

  /**
   * The direction has ended.
   *
   * @param isCut by a reset.
   * @throws {DecodeError} within something; never if `isCut`.
   */
  end(isCut = false): void {
    this.#kept.tell(this.#direction);
    if (this.#lostBytes >= 0) return this.#endLost(isCut);
    if (this.#first.length > 0) this.#choose(true);
    if (this.#frames.heldBytes > 0 && !this.#isHandshakeDone && !isCut) {
      throw new DecodeError({
        format: "MOSN frame",
        reason: "truncated",
        offset: this.#frames.offset,
        detail: `the capture ends within it, ${this.#frames.neededBytes} bytes are missing`,
      });
    }
    this.#follower?.end(isCut);
    this.#follower = undefined;
  }

  /** A handshake's frame of which only the start was captured: its header says what it was. */
  #skipFrame(bytes: number): boolean {
    if (this.#isHandshakeDone && this.#discardBytes === 0) return false;
    const { offset } = this.#frames;
    if (bytes <= this.#discardBytes) {
      this.#discardBytes -= bytes;
      return true;
    }
    const frame = this.#frames.abandon(bytes);
    if (frame === undefined || this.#discardBytes > 0) return false;
    this.#discardBytes = frame.leftBytes;
    if (frame.flag === FRAME_FLAG.initResponse) this.#setDirection("server-to-agent");
    else this.#setDirection("agent-to-server");
    this.#isHandshakeDone = frame.flag !== FRAME_FLAG.gracefulClose;
    this.#emit({
      offset,
      direction: this.#direction,
      layer: "mosn",
      frame: isKnownFlag(frame.flag) ? FORMATS[frame.flag] : "unknown",
      fields: { complete: false },
      bytes: frame.bytes,
    });
    return true;
  }

  #handshakeFrame(frame: Frame, offset: number): void {
    const message = decodeMessage(frame, offset);
    if (message.type === "initInfo" || message.type === "gracefulClose") {
      this.#setDirection("agent-to-server");
    } else if (message.type === "initResponse") {
      this.#setDirection("server-to-agent");
    }
    if (message.type === "initResponse" && message.status === CONNECT_STATUS.success) {
      this.#shared.mode = message.hello?.mode ?? "raw";
      this.#isHandshakeDone = true;
    }
    if (frame.flag === FRAME_FLAG.initInfo) this.#isHandshakeDone = true;
    const { frame: name, ...fields } = frameToJson({ protocol: "mosn", ...frame }, this.#options);
    this.#emit({
      offset,
      direction: this.#direction,
      layer: "mosn",
      frame: name as string,
      fields,
      bytes: 8 + frame.payload.length,
    });
  }

  #setDirection(direction: Direction): void {
    this.#direction = direction;
    const other = this.#shared.directions.find((each) => each !== this);
    if (other === undefined || other.#direction !== "unknown" || direction === "unknown") return;
    other.#direction = direction === "agent-to-server" ? "server-to-agent" : "agent-to-server";
  }

  #follow(bytes: Uint8Array, offset: number): void {
    if (this.#follower === undefined) {
      if (this.#shared.mode !== "mux") {
        this.#first.append(bytes);
        this.#keep(bytes, offset);
        this.#choose(false);
        return;
      }
      this.#follower = this.#makeFollower("mux");
    }
    if (this.#shared.mode !== "mux") this.#keep(bytes, offset);
    this.#follower.push(bytes, offset);
  }

  #keep(bytes: Uint8Array, offset: number): void {
    if (this.#options.isPayloadKept) this.#kept.push(bytes, offset, this.#direction);
  }

  #choose(isAll: boolean): void {
    const { bytes } = this.#first;
    const protocol = guessProtocol(bytes, this.#direction, isAll);
    if (protocol === undefined) return;
    const isAgreed = protocol === "mux" && this.#shared.mode === "raw";
    this.#follower = this.#makeFollower(isAgreed ? "data" : protocol);
    const offset = this.#offset - bytes.length;
    if (protocol === "mux" && !isAgreed) {
      this.#shared.mode = "mux";
      this.#kept.clear();
      const note = "a session: its bytes start like one, what was agreed on is not here";
      this.#record("capture", "assumed", { note }, 0, offset);
    }
    this.#follower.push(bytes.slice(), offset);
    this.#first.clear();
  }

  #makeFollower(protocol: Protocol): Follower {
    const { exchanges, mux } = this.#shared;
    switch (protocol) {
      case "mux":
        return new MuxDecoder(this.#direction, mux, this.#emit, this.#options);
      case "HTTP/1":
        return new Http1Decoder(this.#direction, exchanges, this.#emit, this.#options);
      default:
        return new OpaqueDecoder(protocol, NOTES[protocol], this.#direction, this.#emit);
    }
  }

  #lose(bytes: number): void {
    this.#follower?.end(true);
    this.#follower = undefined;
    this.#first.clear();
    this.#discardBytes = 0;
    this.#isHandshakeDone = true;
    this.#shared.exchanges.lose();
    this.#lostBytes = Math.max(this.#lostBytes, 0) + bytes;
  }

  /** Where bytes are missing that was said; but nothing was, where the capture begins too late. */
  #endLost(isCut: boolean): void {
    if (!this.#isHeadless || this.#lostBytes === 0 || isCut) return;
    throw new DecodeError({
      format: "TCP stream",
      reason: "truncated",
      offset: this.#offset - this.#lostBytes,
      detail: `nothing known starts in its last ${this.#lostBytes} bytes, and how the connection ` +
        "began is not in the capture",
    });
  }

  /** Looks whether something starts with these bytes, and goes on there. */
  #resume(bytes: Uint8Array, offset: number): boolean {
    const protocol = guessProtocol(bytes, this.#direction, true);
    const { mode } = this.#shared;
    const isStart = protocol === "mux"
      ? mode !== "raw" && isMuxHeader(bytes, 0)
      : protocol === "HTTP/1" && mode !== "mux";
    if (!isStart) return false;
    if (this.#direction === "unknown" && protocol === "HTTP/1") {
      this.#setDirection(bytes[4] === 0x2f ? "agent-to-server" : "server-to-agent");
    }
    if (protocol === "mux") this.#shared.mode = "mux";
    this.#follower = this.#makeFollower(protocol!);
    this.#emit({
      offset,
      direction: this.#direction,
      layer: "capture",
      frame: "resumed",
      fields: { note: `${protocol === "mux" ? "a session's frame" : protocol} starts here` },
      bytes: this.#lostBytes,
    });
    this.#lostBytes = -1;
    return true;
  }

  #record(
    layer: DecodedRecord["layer"],
    frame: string,
    fields: DecodedRecord["fields"],
    bytes: number,
    offset: number = this.#offset,
  ): void {
    this.#emit({ offset, direction: this.#direction, layer, frame, fields, bytes });
  }
}
