/**
 * Keeps one connection to a server up: dials, waits, dials again. A server that wants its
 * connections elsewhere gets a replacement first; the old one ends by itself.
 */
import type { Backoff } from "../backoff.ts";
import { HandshakeError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { ServerTally } from "./server_tally.ts";
import type { LeaveRequest, TunnelConnection, TunnelEvents } from "./tunnel_connection.ts";

/** What a slot does at the moment. */
export type SlotState =
  | "waiting"
  | "dialling"
  | "connected"
  /** The server behind this address has its connections already, through other addresses. */
  | "spare"
  /** Out of tries; does nothing any more. */
  | "givenUp"
  | "closed";

/** What a slot needs of its peer. */
export interface SlotOwner {
  readonly runtime: Runtime;
  readonly tally: ServerTally;
  /** Failures in a row before giving up, -1 for never. */
  readonly connectRetryTimes: number;
  /** Dials and shakes hands. @throws {DialError | HandshakeError} */
  open(events: TunnelEvents, signal: AbortSignal): Promise<TunnelConnection>;
  /** A connection is registered. */
  connected(connection: TunnelConnection): void;
  /** A connection that was registered is gone. */
  lost(connection: TunnelConnection, error: Error | undefined, waitMs: number): void;
  /** A try did not succeed. */
  failed(error: Error, waitMs: number): void;
  /** The server asked for a replacement of a connection. */
  leaving(connection: TunnelConnection, request: LeaveRequest, waitMs: number): void;
  /** The slot's state is another one. */
  stateChanged(): void;
}

/** How a slot behaves. */
export interface SlotOptions {
  backoff: Backoff;
  /** True for a slot that looks for servers which have too few connections, and only then dials. */
  isSearching: boolean;
}

/** Keeper of one connection. */
export class ConnectionSlot {
  readonly #owner: SlotOwner;
  readonly #backoff: Backoff;
  readonly #isSearching: boolean;
  #state: SlotState = "waiting";
  #connection: TunnelConnection | undefined;
  #connectedMs = 0;
  #timer: Timer | undefined;
  /** When the timer fires. */
  #dueMs = 0;
  #forgetMissing: (() => void) | undefined;
  #abort: AbortController | undefined;
  #dialling: Promise<void> | undefined;
  /** True once the last answer was a refusal for good. */
  #isRefused = false;
  /** Tries in a row that led to no connection. */
  #failedTries = 0;
  #lastError: Error | undefined;

  constructor(owner: SlotOwner, options: SlotOptions) {
    this.#owner = owner;
    this.#backoff = options.backoff;
    this.#isSearching = options.isSearching;
  }

  /** True for a slot that looks for servers and keeps what it found. */
  get isSearching(): boolean {
    return this.#isSearching;
  }

  get state(): SlotState {
    return this.#state;
  }

  get connection(): TunnelConnection | undefined {
    return this.#connection;
  }

  /** Refusals for good in a row; 0 unless the last answer was one, Infinity after a final one. */
  get refusals(): number {
    if (!this.#isRefused) return 0;
    const isFinal = this.#lastError instanceof HandshakeError && this.#lastError.isFinal;
    return isFinal ? Infinity : this.#backoff.refusals;
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Starts keeping the connection up; does nothing if it does already. */
  start(): void {
    if (this.#state !== "waiting" || this.#timer !== undefined) return;
    this.#next(0);
  }

  /**
   * Another connection to this server is up: a long wait after failures has lost its reason. What
   * the server itself asked to wait for goes on.
   */
  hurry(): void {
    const { lastError } = this;
    if (this.#timer === undefined || lastError === undefined) return;
    if (lastError instanceof HandshakeError || this.#state !== "waiting") return;
    const waitMs = this.#backoff.encouraged();
    if (this.#owner.runtime.nowMs() + waitMs < this.#dueMs) this.#next(waitMs);
  }

  /** Stops dialling; what is connected stays, and is its taker's to close. */
  close(): TunnelConnection | undefined {
    if (this.#state === "closed") return undefined;
    this.#setState("closed");
    this.#timer?.cancel();
    this.#forgetMissing?.();
    this.#abort?.abort();
    const connection = this.#connection;
    this.#connection = undefined;
    const serverId = connection?.server.serverId;
    if (serverId !== undefined) this.#owner.tally.leave(serverId);
    return connection;
  }

  /** Resolves when no dial is under way, after `close()` for good. */
  async settled(): Promise<void> {
    await this.#dialling;
  }

  /** Waits `waitMs`, then dials. */
  #next(waitMs: number): void {
    if (this.#state === "closed") return;
    this.#setState("waiting");
    if (waitMs <= 0) {
      this.#dialIfWanted();
      return;
    }
    this.#timer?.cancel();
    this.#dueMs = this.#owner.runtime.nowMs() + waitMs;
    this.#timer = this.#owner.runtime.timers.after(waitMs, () => this.#dialIfWanted());
  }

  #dialIfWanted(): void {
    if (this.#isSearching && !this.#owner.tally.isSearchWorthwhile) this.#rest();
    else this.#dialling = this.#dial();
  }

  /** Sleeps until a connection to some server is missing. */
  #rest(): void {
    this.#setState("spare");
    this.#forgetMissing = this.#owner.tally.onMissing(() => this.#next(this.#backoff.pause()));
  }

  /** Never rejects. */
  async #dial(): Promise<void> {
    this.#setState("dialling");
    const abort = this.#abort = new AbortController();
    // Events of a connection count from when it is ours.
    let connection: TunnelConnection | undefined;
    const events: TunnelEvents = {
      onLeave: (request) => connection !== undefined && this.#onLeave(connection, request),
      onClose: (error) => connection !== undefined && this.#onClose(connection, error),
    };
    try {
      connection = await this.#owner.open(events, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) this.#onFailed(error as Error);
      return;
    } finally {
      this.#abort = undefined;
    }
    if (abort.signal.aborted) connection.close();
    else this.#onConnected(connection);
  }

  #onConnected(connection: TunnelConnection): void {
    this.#isRefused = false;
    this.#failedTries = 0;
    this.#lastError = undefined;
    const { serverId, serverCount } = connection.server;
    const { tally } = this.#owner;
    if (serverId !== undefined && !tally.join(serverId, serverCount)) {
      connection.drain("connection", "this server has enough connections");
      if (tally.isSatisfied) this.#rest();
      else this.#next(this.#backoff.failed());
      return;
    }
    this.#connection = connection;
    this.#connectedMs = this.#owner.runtime.nowMs();
    this.#setState("connected");
    this.#owner.connected(connection);
    // It may have ended between its handshake and now.
    if (connection.isClosed) this.#onClose(connection, undefined);
  }

  #onFailed(error: Error): void {
    this.#lastError = error;
    this.#failedTries += 1;
    const retryAfterMs = error instanceof HandshakeError ? error.retryAfterMs : 0;
    this.#isRefused = error instanceof HandshakeError && !error.isRetriable;
    const waitMs = this.#isRefused
      ? this.#backoff.refused(retryAfterMs)
      : this.#backoff.failed(retryAfterMs);
    const { connectRetryTimes } = this.#owner;
    if (connectRetryTimes !== -1 && this.#failedTries > connectRetryTimes) {
      this.#setState("givenUp");
      this.#owner.failed(error, -1);
      return;
    }
    this.#owner.failed(error, waitMs);
    this.#next(waitMs);
  }

  #onLeave(connection: TunnelConnection, request: LeaveRequest): void {
    if (this.#connection !== connection) return;
    const waitMs = this.#release(connection, request.retryAfterMs);
    this.#owner.leaving(connection, request, waitMs);
    connection.drain("connection", request.reason);
    this.#next(waitMs);
  }

  #onClose(connection: TunnelConnection, error: Error | undefined): void {
    if (this.#connection !== connection) {
      this.#owner.lost(connection, error, -1);
      return;
    }
    const waitMs = this.#release(connection, 0);
    this.#owner.lost(connection, error, waitMs);
    this.#next(waitMs);
  }

  /** The connection is ours no more; gives the wait before the next one. */
  #release(connection: TunnelConnection, retryAfterMs: number): number {
    this.#connection = undefined;
    const upMs = this.#owner.runtime.nowMs() - this.#connectedMs;
    const waitMs = this.#backoff.lost(upMs, retryAfterMs);
    const { serverId } = connection.server;
    if (serverId !== undefined) this.#owner.tally.leave(serverId);
    return waitMs;
  }

  #setState(state: SlotState): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#state === state) return;
    this.#state = state;
    this.#owner.stateChanged();
  }
}
