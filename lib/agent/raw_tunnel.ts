/**
 * A tunnel connection without a session: HTTP/1 to the default target, one exchange at a time, as
 * MOSN's are. It has no way to say that something failed but HTTP's own.
 */
import type { Address } from "../address.ts";
import type { SharedBuffer } from "../buffer.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { ClosedError, DeadlineError } from "../errors.ts";
import type { Timer } from "../timer.ts";
import type { Connection } from "../transport/connection.ts";
import { RawExchanges } from "./raw_exchanges.ts";
import type { StreamServices } from "./serve_stream.ts";
import type { AgentConfig } from "./config.ts";
import type { EdgeVisit } from "./edge_policy.ts";
import type { ServerIdentity, TunnelConnection, TunnelEvents } from "./tunnel_connection.ts";

/** What a raw connection needs of its agent. */
export interface RawServices extends StreamServices {
  readonly config: AgentConfig;
}

/**
 * How long a connection must have been idle before a drain closes it: the time that the farewell,
 * which is not answered, may take, and a request that crosses it.
 */
const DRAIN_QUIET_MS = 500;
/** How long a server has to end its side after our last answer. */
const LINGER_MS = 5000;

/** A registered connection in mode raw. */
export class RawTunnel implements TunnelConnection, Sink {
  readonly mode = "raw";
  readonly rttMs = 0;
  readonly server: ServerIdentity;
  readonly local: Address;
  readonly remote: Address;
  readonly #socket: Connection;
  readonly #services: RawServices;
  readonly #events: TunnelEvents;
  readonly #exchanges: RawExchanges;
  #target: Duplex | undefined;
  /** What waits for the target's connection; undefined while none is being made. */
  #held: Uint8Array[] | undefined;
  #abort: AbortController | undefined;
  readonly #idleTimer: Timer;
  #isIdleTimerSet = false;
  /** Pieces of data that came from either side, now and when the timer was set. */
  #pieces = 0;
  #piecesBefore = 0;
  #quietTimer: Timer | undefined;
  #deadline: Timer | undefined;
  #isDraining = false;
  /** The connection can serve no further request: it ends with what is under way. */
  #isEnding = false;
  #isClosed = false;

  constructor(
    socket: Connection,
    server: ServerIdentity,
    services: RawServices,
    events: TunnelEvents,
  ) {
    this.server = server;
    this.local = socket.local;
    this.remote = socket.remote;
    this.#socket = socket;
    this.#services = services;
    this.#events = events;
    const { pool, timers } = services.runtime;
    this.#exchanges = new RawExchanges(pool);
    this.#idleTimer = timers.after(services.idleTimeoutMs, () => this.#checkIdle());
    this.#idleTimer.cancel();
    socket.attach(this);
  }

  get workCount(): number {
    return this.#exchanges.isIdle ? 0 : 1;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes bytes that came behind the handshake's answer. */
  receive(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.onData(bytes, buffer);
  }

  // MOSN's protocol has no words for it.
  sendWeight(): void {}

  // A raw connection carries nothing but the target's bytes.
  tell(): void {}

  drain(): void {
    if (this.#isDraining || this.#isClosed) return;
    this.#isDraining = true;
    const { runtime, config } = this.#services;
    this.#deadline = runtime.timers.after(config.drainTimeoutMs, () => this.close());
    this.#quietTimer = runtime.timers.after(DRAIN_QUIET_MS, () => this.#closeIfDone());
  }

  close(error?: Error): void {
    this.#socket.close(error);
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (this.#isEnding && this.#target === undefined) return;
    this.#exchanges.request(bytes);
    this.#touch();
    if (this.#target !== undefined) {
      if (!this.#target.write(bytes, buffer)) this.#socket.pause();
    } else if (this.#held !== undefined) {
      this.#held.push(bytes.slice());
    } else {
      this.#held = [bytes.slice()];
      this.#socket.pause();
      void this.#open();
    }
  }

  onEnd(): void {
    // The server has left: what it still waits for, it waits for on this side of the connection.
    this.#isEnding = true;
    if (this.#target === undefined || this.#exchanges.isIdle) this.#socket.end();
    else this.#target.end();
  }

  onDrain(): void {
    this.#target?.resume();
  }

  onClose(error?: Error): void {
    this.#isClosed = true;
    this.#idleTimer.cancel();
    this.#quietTimer?.cancel();
    this.#deadline?.cancel();
    this.#abort?.abort();
    this.#held = undefined;
    const target = this.#target;
    this.#target = undefined;
    target?.close();
    this.#exchanges.close();
    this.#events.onClose(error);
  }

  /** Never rejects. */
  async #open(): Promise<void> {
    const abort = this.#abort = new AbortController();
    const { dialer, policy } = this.#services;
    let target: Duplex;
    let visit: EdgeVisit | undefined;
    try {
      visit = policy?.admit("");
      target = await dialer.open({}, abort.signal);
    } catch (error) {
      visit?.end();
      if (!this.#isClosed) this.#answerFailure(error as Error);
      return;
    }
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) {
      target.close();
      visit?.end();
      return;
    }
    target = visit?.guard(target) ?? target;
    this.#target = target;
    target.attach(new TargetSink(target, this));
    let hasRoom = true;
    for (const bytes of held) hasRoom = target.write(bytes) && hasRoom;
    if (hasRoom) this.#socket.resume();
  }

  /** Called by the target's sink. */
  targetSent(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.#exchanges.response(bytes);
    this.#touch();
    if (!this.#socket.write(bytes, buffer)) this.#target?.pause();
    if (this.#exchanges.isIdle && (this.#isDraining || this.#isEnding)) this.#closeWhenQuiet();
  }

  targetDrained(): void {
    this.#socket.resume();
  }

  /** The target sends no more. */
  targetEnded(target: Duplex): void {
    if (target !== this.#target) return;
    // A server that ends an idle keep-alive connection harms nobody: the next request dials anew.
    if (this.#exchanges.isIdle && this.#exchanges.isReusable && !this.#isEnding) {
      this.#target = undefined;
      target.close();
      this.#socket.resume();
      return;
    }
    this.#finish();
  }

  targetClosed(target: Duplex, error: Error | undefined): void {
    if (target !== this.#target) return;
    this.#target = undefined;
    if (this.#exchanges.isIdle && this.#exchanges.isReusable && !this.#isEnding) {
      this.#socket.resume();
    } else if (error !== undefined) {
      // Not an end: a body that lasts until the end would look whole.
      this.#socket.close(new ClosedError("us", "The target broke off", { cause: error }));
    } else {
      this.#finish();
    }
  }

  /** Ends our side after what was sent; the agent dials a new connection. */
  #finish(): void {
    this.#isEnding = true;
    this.#socket.end();
    // Of another protocol the other direction may go on: the idle timeout watches it.
    if (!this.#exchanges.isHttp && this.#target !== undefined) return;
    this.#deadline?.cancel();
    this.#deadline = this.#services.runtime.timers.after(LINGER_MS, () => this.close());
    this.#socket.resume();
  }

  #answerFailure(error: Error): void {
    this.#held = undefined;
    const { isHttp, isHead, isRequestWhole, isReusable } = this.#exchanges;
    if (!isHttp) {
      this.#socket.close(error);
      return;
    }
    const isKept = isRequestWhole && isReusable && !this.#isEnding;
    this.#socket.write(badGateway(error.message, { isHead, isKept }));
    if (isKept) {
      this.#exchanges.answered();
      this.#socket.resume();
      if (this.#isDraining) this.#closeWhenQuiet();
    } else {
      this.#finish();
    }
  }

  // Looks at a count once a period instead of moving a timer with each piece of data.
  #checkIdle(): void {
    this.#isIdleTimerSet = false;
    if (this.#exchanges.isIdle) return;
    if (this.#pieces !== this.#piecesBefore) return this.#setIdleTimer();
    this.close(new DeadlineError(`Nothing passed for ${this.#services.idleTimeoutMs} ms`));
  }

  #setIdleTimer(): void {
    const { idleTimeoutMs } = this.#services;
    if (idleTimeoutMs === 0) return;
    this.#isIdleTimerSet = true;
    this.#piecesBefore = this.#pieces;
    this.#idleTimer.restart(idleTimeoutMs);
  }

  #touch(): void {
    this.#pieces += 1;
    if (!this.#isIdleTimerSet && !this.#exchanges.isIdle) this.#setIdleTimer();
  }

  #closeWhenQuiet(): void {
    if (this.#isEnding) this.#finish();
    else this.#quietTimer?.restart(DRAIN_QUIET_MS);
  }

  #closeIfDone(): void {
    if (this.#exchanges.isIdle) this.#finish();
  }
}

/** Receives what the target sends. */
class TargetSink implements Sink {
  readonly #target: Duplex;
  readonly #tunnel: RawTunnel;

  constructor(target: Duplex, tunnel: RawTunnel) {
    this.#target = target;
    this.#tunnel = tunnel;
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.#tunnel.targetSent(bytes, buffer);
  }

  onEnd(): void {
    this.#tunnel.targetEnded(this.#target);
  }

  onDrain(): void {
    this.#tunnel.targetDrained();
  }

  onClose(error?: Error): void {
    this.#tunnel.targetClosed(this.#target, error);
  }
}

/** What a client is told whose request found no target. */
function badGateway(reason: string, options: { isHead: boolean; isKept: boolean }): Uint8Array {
  const body = `${reason}\n`;
  const utf8 = new TextEncoder();
  return utf8.encode(
    "HTTP/1.1 502 Bad Gateway\r\n" +
      "Content-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: ${utf8.encode(body).length}\r\n` +
      (options.isKept ? "" : "Connection: close\r\n") +
      `\r\n${options.isHead ? "" : body}`,
  );
}
