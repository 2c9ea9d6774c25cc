/** What agent and server tell each other beside the requests; see docs/protocol.md, "Control". */
import { FrameDecoder } from "../codec/frame.ts";
import { decodeMessage } from "../codec/decode_message.ts";
import { encodeMessage } from "../codec/encode_message.ts";
import type { KnownMessage, Message } from "../codec/message.ts";
import { encodeAnswer, PrefaceDecoder } from "../codec/preface.ts";
import type { Preface } from "../codec/preface.ts";
import type { SharedBuffer } from "../buffer.ts";
import type { Sink } from "../duplex.ts";
import { ClosedError } from "../errors.ts";
import type { MuxStream } from "../mux/stream.ts";

/** What an agent's control stream is wired to. */
export interface ControlEvents {
  /** A message of the agent about itself. */
  message(message: Message): void;
  /** A stream of another kind: true if it is taken, which attaches another sink to it. */
  other?(stream: MuxStream, preface: Preface): boolean;
  /** It said something that makes no sense; the stream is closed. */
  garbage(error: Error): void;
}

/** Bytes of messages that may wait for an agent that does not read. */
const MAX_QUEUED_BYTES = 64 << 10;

/** A stream that an agent opened: control streams are, and what probes ask for. */
export class ControlStream implements Sink {
  readonly #stream: MuxStream;
  readonly #events: ControlEvents;
  readonly #preface = new PrefaceDecoder();
  readonly #frames = new FrameDecoder();
  #hasPreface = false;

  constructor(stream: MuxStream, events: ControlEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.attach(this);
  }

  /** Sends a message; false if there is no way to. */
  send(message: KnownMessage): boolean {
    const isPossible = this.#hasPreface && !this.#stream.isClosed &&
      this.#stream.queuedBytes <= MAX_QUEUED_BYTES;
    if (isPossible) this.#stream.write(encodeMessage(message));
    return isPossible;
  }

  onData(bytes: Uint8Array, _buffer: SharedBuffer): void {
    try {
      let rest = bytes;
      if (!this.#hasPreface) {
        const pushed = this.#preface.push(bytes);
        if (pushed === undefined) return;
        if (pushed.preface.kind !== "control") {
          if (this.#events.other?.(this.#stream, pushed.preface)) return;
          throw new ClosedError("peer", "An agent may open control streams only");
        }
        this.#hasPreface = true;
        this.#stream.write(encodeAnswer({ status: "open" }));
        rest = pushed.rest;
      }
      while (rest.length > 0) {
        const pushed = this.#frames.push(rest);
        if (pushed === undefined) return;
        rest = pushed.rest;
        this.#events.message(decodeMessage(pushed.frame));
      }
    } catch (error) {
      this.#events.garbage(error as Error);
      this.#stream.close(error as Error);
    }
  }

  onEnd(): void {
    this.#stream.end();
  }

  onDrain(): void {}

  onClose(): void {}
}
