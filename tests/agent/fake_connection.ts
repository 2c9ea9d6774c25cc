/** A tunnel connection without a tunnel. */
import type {
  ServerIdentity,
  TunnelConnection,
  TunnelEvents,
} from "../../lib/agent/tunnel_connection.ts";

/** A connection that does what the test says. */
export class FakeConnection implements TunnelConnection {
  readonly local = { kind: "tcp", host: "127.0.0.1", port: 1 } as const;
  readonly remote = { kind: "tcp", host: "127.0.0.1", port: 2 } as const;
  workCount = 0;
  readonly rttMs = 0;
  readonly server: ServerIdentity;
  readonly mode: "mux" | "raw";
  weights: number[] = [];
  isClosed = false;
  isDraining = false;
  readonly #events: TunnelEvents;

  constructor(
    server: Partial<ServerIdentity>,
    events: TunnelEvents,
    mode: "mux" | "raw" = "mux",
  ) {
    this.mode = mode;
    const kind = mode === "raw" ? "mosn" : "revtun";
    this.server = { kind, serverId: undefined, serverCount: 1, software: undefined, ...server };
    this.#events = events;
  }

  tell(): void {}

  sendWeight(weight: number): void {
    this.weights.push(weight);
  }
  /** As real ones do, closes when there is nothing in flight. */
  drain(): void {
    this.isDraining = true;
    if (this.workCount === 0) queueMicrotask(() => this.close());
  }
  /** The work in flight is done. */
  finish(): void {
    this.workCount = 0;
    if (this.isDraining) this.close();
  }
  close(error?: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#events.onClose(error);
  }
  leave(retryAfterMs = 0): void {
    this.#events.onLeave({ retryAfterMs, reason: "restart" });
  }
}
