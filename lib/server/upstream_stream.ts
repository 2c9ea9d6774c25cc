/** A stream to a target, from its opening: hides the agent's answer from whoever uses it. */
import type { SharedBuffer } from "../buffer.ts";
import { AnswerDecoder } from "../codec/preface.ts";
import type { Answer } from "../codec/preface.ts";
import type { Sink } from "../duplex.ts";
import { ClosedError, DecodeError, DialError, SessionLostError } from "../errors.ts";
import { ForwardingDuplex } from "../forwarding_duplex.ts";
import type { Linked } from "../linked_list.ts";
import type { MuxStream } from "../mux/stream.ts";
import type { StreamOpening } from "../upstream.ts";

/**
 * How an open went: the agent's word, or `lost` where none came or none that makes sense, or
 * `abandoned` by our own side before there was one.
 */
export type OpenOutcome = Answer | "lost" | "abandoned";

/** Learns how the open went; called once. */
export type OnAnswer = (outcome: OpenOutcome) => void;

/**
 * Until the agent has answered it stands between the stream and its user; from then on the stream
 * delivers to the user's sink directly.
 */
export class UpstreamStream extends ForwardingDuplex<MuxStream>
  implements StreamOpening, Linked<UpstreamStream> {
  /** When it was opened, on the runtime's clock. */
  readonly sinceMs: number;
  previous: UpstreamStream | undefined;
  next: UpstreamStream | undefined;
  openMs: number | undefined;
  dialMs: number | undefined;
  isTraced = false;
  readonly #decoder = new AnswerDecoder();
  #onAnswer: OnAnswer | undefined;
  #isAnswered = false;
  #isAbandoned = false;

  constructor(stream: MuxStream, sinceMs: number, onAnswer: OnAnswer) {
    super(stream);
    this.sinceMs = sinceMs;
    this.#onAnswer = onAnswer;
  }

  /** Of its session; 0 until it is opened on the wire. */
  get id(): number {
    return this.inner.id;
  }

  override attach(sink: Sink): void {
    this.sink = sink;
    this.inner.attach(this.#isAnswered ? sink : this);
  }

  override close(error?: Error): void {
    if (!this.inner.isClosed) this.#answered("abandoned");
    this.#isAbandoned = true;
    this.inner.close(error);
  }

  /** The agent has not answered in time. */
  expire(error: DialError): void {
    this.#answered("lost");
    this.inner.close(error);
  }

  override onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    let pushed;
    try {
      pushed = this.#decoder.push(bytes);
    } catch (error) {
      this.#answered("lost");
      this.inner.close(error instanceof DecodeError ? error : undefined);
      return;
    }
    if (pushed === undefined) return;
    const { answer, rest } = pushed;
    this.#isAnswered = true;
    this.#answered(answer);
    if (answer.status !== "open") {
      const detail = answer.reason ?? `the agent answers "${answer.status}"`;
      this.inner.close(new DialError(this.name, answer.status, detail));
      return;
    }
    const sink = this.sink!;
    this.inner.attach(sink);
    if (rest.length > 0) sink.onData(rest, buffer);
  }

  override onEnd(): void {
    this.#answered("lost");
    this.inner.close(new ClosedError("peer", `${this.name} ended before it was answered`));
  }

  override onClose(error?: Error): void {
    this.#answered("lost");
    this.sink?.onClose(this.#isSurelyUntouched(error) ? this.#untouched(error) : error);
  }

  /**
   * A stream that was reset before its answer touched no target: another host may be tried. With
   * the session's end the answer may have been lost on its way, the target at work already.
   */
  #isSurelyUntouched(error: Error | undefined): boolean {
    if (error instanceof DialError || this.#isAnswered || this.#isAbandoned) return false;
    return !(error instanceof SessionLostError) || this.inner.id === 0;
  }

  #untouched(error: Error | undefined): DialError {
    const detail = error?.message ?? "closed before its answer";
    return new DialError(this.name, "unreachable", detail, { cause: error });
  }

  #answered(outcome: OpenOutcome): void {
    const tell = this.#onAnswer;
    this.#onAnswer = undefined;
    tell?.(outcome);
  }
}
