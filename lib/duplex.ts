/**
 * The one shape of a two-way byte stream: a socket, a stream of a session, a service in this
 * process. Delivery is by calls, not promises: on the data path a promise for each piece of data
 * costs more than the piece's work (docs/performance.md).
 */
import type { SharedBuffer } from "./buffer.ts";

/** Receives what a {@link Duplex} delivers. Its methods must not throw. */
export interface Sink {
  /**
   * Takes bytes that arrived, in order, never empty.
   *
   * `bytes` lies inside `buffer` and is valid during the call only; to keep it longer, call
   * `buffer.retain()` and later `buffer.release()`. May be called even after `pause()` for bytes
   * that were already under way.
   */
  onData(bytes: Uint8Array, buffer: SharedBuffer): void;
  /** The far side will send no more (TCP FIN); writing is still possible. */
  onEnd(): void;
  /**
   * Writing may go on: what was queued has left, all of it or enough of it. Called after a write
   * that could not leave at once, whether `write()` returned false or not.
   */
  onDrain(): void;
  /**
   * The duplex is gone, both ways; the last call made. `error` is undefined if both directions had
   * ended in order or `close()` was called on our side.
   */
  onClose(error?: Error): void;
}

/** One end of a two-way byte stream. */
export interface Duplex {
  /** For logs: "127.0.0.1:5000", "edge-a/host-1#17". */
  readonly name: string;
  /** Bytes accepted by `write()` that have not left yet. */
  readonly queuedBytes: number;
  readonly isClosed: boolean;

  /**
   * Sets who receives. The first call starts delivery (never from within the call itself); later
   * ones hand the duplex over to another sink, which must be given by its maker whatever bytes the
   * one before had not used.
   */
  attach(sink: Sink): void;
  /**
   * Accepts all of `bytes` for sending.
   *
   * With `buffer` (which `bytes` lies in) what cannot leave at once is retained, not copied; without
   * it, it is copied. Returns false if the caller should wait for `onDrain()` before writing more.
   * After `end()` or close it does nothing and returns false.
   */
  write(bytes: Uint8Array, buffer?: SharedBuffer): boolean;
  /** Sends FIN once all that was written has left; reading goes on. */
  end(): void;
  /** Stops delivery as soon as possible (backpressure towards the far side). */
  pause(): void;
  /** Starts delivery again. */
  resume(): void;
  /** Closes both ways at once; queued bytes are dropped; `onClose` is called, with `error` if given. */
  close(error?: Error): void;
}
