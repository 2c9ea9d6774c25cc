/** How a session behaves, and whom it tells. */
import type { Runtime } from "../runtime.ts";
import type { KeepaliveOptions } from "./keepalive.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import type { MuxStream } from "./stream.ts";

/** How a session behaves and whom it tells. */
export interface SessionOptions {
  /** The dialler's streams have odd ids, the listener's even ones. */
  role: "dialler" | "listener";
  /** For logs and stream names: "edge-a/host-1/0". */
  name: string;
  runtime: Runtime;
  /** Shared by all sessions of a process. */
  budget: MemoryBudget;
  keepalive?: KeepaliveOptions;
  /** Largest receive window of a stream in bytes; 16 MiB by default. */
  maxWindowBytes?: number;
  /** Streams that the peer may have open at once; more are reset. 16,384 by default. */
  maxPeerStreams?: number;
  /**
   * Own streams that may wait for the peer's ACK; more wait here. 256 by default, since Go's yamux
   * resets what exceeds its accept backlog of 256; revtun peers bear 8,192.
   */
  maxUnacknowledged?: number;
  /** Id of the first own stream, for tests of their exhaustion. */
  firstStreamId?: number;
  /** The peer opened a stream: attach a sink to it, or close it. */
  onStream(stream: MuxStream): void;
  /** The peer wants no new streams (0 normal, 1 protocol error, 2 internal error). */
  onGoAway?(code: number): void;
  /** A round trip was measured, ms. */
  onRtt?(rttMs: number): void;
  /** The session and all its streams are gone; the last call made. */
  onClose(error?: Error): void;
}
