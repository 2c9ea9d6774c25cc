/** One physical connection to a tunnel server, whatever it carries, as its keeper sees it. */
import type { Address } from "../address.ts";
import type { KnownMessage } from "../codec/message.ts";

/** Who is at the other end. */
export interface ServerIdentity {
  readonly kind: "revtun" | "mosn";
  /** The id that a revtun server gives itself; undefined for a MOSN server. */
  readonly serverId: string | undefined;
  /** Servers there are behind all addresses, as that server knows it; 1 for MOSN. */
  readonly serverCount: number;
  /** "revtun/0.1.0"; undefined if it does not say. */
  readonly software: string | undefined;
}

/** Why a server wants its connections elsewhere. */
export interface LeaveRequest {
  /** How long it asks to wait before the next dial, in ms; 0 for not at all. */
  readonly retryAfterMs: number;
  readonly reason: string;
}

/** What is to get no more work. */
export type DrainScope = "connection" | "host";

/** What a connection tells its keeper. */
export interface TunnelEvents {
  /** The server takes no part of this connection any more: dial a replacement. At most once. */
  onLeave(request: LeaveRequest): void;
  /** It is gone; the last call made. `error` is undefined after an orderly end. */
  onClose(error: Error | undefined): void;
}

/** A registered connection. */
export interface TunnelConnection {
  readonly mode: "mux" | "raw";
  readonly server: ServerIdentity;
  readonly local: Address;
  readonly remote: Address;
  /** Streams or exchanges in flight. */
  readonly workCount: number;
  readonly isClosed: boolean;
  /** Smoothed round trip in ms, 0 while unknown. */
  readonly rttMs: number;
  /** Tells the server of a new weight, where it can be told. */
  sendWeight(weight: number): void;
  /** Tells the server something of this host, where it takes such messages. */
  tell(message: KnownMessage): void;
  /**
   * Asks for no new work, where the server can be asked on this connection, and closes as soon as
   * what is in flight has ended.
   *
   * @param scope "host" when the agent's other connections to this server go too: the server then
   * gives the whole host no new work.
   */
  drain(scope: DrainScope, reason: string): void;
  /** Closes at once. */
  close(error?: Error): void;
}
