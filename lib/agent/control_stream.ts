/** The stream on which agent and server tell each other what no request says. */
import { FrameDecoder } from "../codec/frame.ts";
import { decodeMessage } from "../codec/decode_message.ts";
import { encodeMessage } from "../codec/encode_message.ts";
import type { KnownMessage, Message } from "../codec/message.ts";
import { AnswerDecoder, encodePreface } from "../codec/preface.ts";
import type { Duplex, Sink } from "../duplex.ts";
import type { Log } from "../log.ts";

/** Bytes of messages that may wait for a server that does not read. */
const MAX_QUEUED_BYTES = 64 << 10;
/** First byte of a frame; a stream answer begins with a status far below it. */
const FRAME_FIRST_BYTE = 0x20;

/** The first bytes of a control stream. */
export const CONTROL_PREFACE: Uint8Array = encodePreface({ kind: "control" });

/** What a control stream needs. */
export interface ControlOptions {
  readonly log: Log;
  /** Takes what the server says. */
  onMessage(message: Message): void;
}

/** The agent's end. A peer without control streams resets it, and nothing else changes. */
export class ControlStream implements Sink {
  readonly #stream: Duplex;
  readonly #options: ControlOptions;
  readonly #frames = new FrameDecoder();
  /** Set while an answer to our preface may come, which is optional here. */
  #answer: AnswerDecoder | undefined = new AnswerDecoder();
  #isFirst = true;
  #isOpen = true;

  /** @param stream opened with {@link CONTROL_PREFACE} as its first bytes. */
  constructor(stream: Duplex, options: ControlOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.attach(this);
  }

  /** Messages can be sent. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends a message; false if there is no way to. */
  send(message: KnownMessage): boolean {
    if (!this.#isOpen || this.#stream.queuedBytes > MAX_QUEUED_BYTES) return false;
    this.#stream.write(encodeMessage(message));
    return true;
  }

  onData(bytes: Uint8Array): void {
    try {
      this.#read(bytes);
    } catch (error) {
      this.#options.log.warn("control.broken", (error as Error).message);
      this.#stream.close(error as Error);
    }
  }

  onEnd(): void {
    this.#isOpen = false;
    this.#stream.end();
  }

  onDrain(): void {}

  onClose(): void {
    this.#isOpen = false;
  }

  #read(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#isFirst) {
      this.#isFirst = false;
      if (bytes[0] === FRAME_FIRST_BYTE) this.#answer = undefined;
    }
    if (this.#answer !== undefined) {
      const answered = this.#answer.push(rest);
      if (answered === undefined) return;
      this.#answer = undefined;
      if (answered.answer.status !== "open") {
        this.#isOpen = false;
        this.#stream.end();
        return;
      }
      rest = answered.rest;
    }
    while (rest.length > 0) {
      const decoded = this.#frames.push(rest);
      if (decoded === undefined) return;
      rest = decoded.rest;
      this.#options.onMessage(decodeMessage(decoded.frame));
    }
  }
}
