/** One address of a tunnel server, and the connections that an agent keeps up to it. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { KnownMessage } from "../codec/message.ts";
import { Backoff } from "../backoff.ts";
import { HandshakeError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../runtime.ts";
import type { AgentConfig } from "./config.ts";
import { ConnectionSlot } from "./connection_slot.ts";
import type { SlotOwner } from "./connection_slot.ts";
import type { ServerTally } from "./server_tally.ts";
import type {
  DrainScope,
  LeaveRequest,
  TunnelConnection,
  TunnelEvents,
} from "./tunnel_connection.ts";

/** A silent connection of MOSN's kind, which announces the end. */
export interface Aside {
  /** Tells the server that the connections with these local addresses are to get no more work. */
  sendGracefulClose(addresses: readonly Address[]): Promise<void>;
  /** Stops dialling and closes; resolves when nothing is left. */
  close(): Promise<void>;
}

/** What a peer needs of its agent. */
export interface PeerDeps {
  readonly config: AgentConfig;
  readonly runtime: Runtime;
  readonly tally: ServerTally;
  /**
   * Dials `address`, one of those of `server`, and shakes hands.
   *
   * @throws {DialError | HandshakeError}
   */
  openTunnel(
    address: Address,
    server: Address,
    events: TunnelEvents,
    signal: AbortSignal,
  ): Promise<TunnelConnection>;
  /** Starts to keep an aside connection up. */
  openAside(address: Address, server: Address): Aside;
  /** Something changed that may end the agent, or its waiting. */
  peerChanged(): void;
}

/**
 * Refusals for good in a row after which a peer counts as refused, if it was ever accepted and the
 * server does not say that the refusal is final: a slip in its settings may be mended meanwhile.
 */
const REFUSALS_AFTER_ACCEPTANCE = 5;

/** Connections to one address. */
export class AgentPeer implements SlotOwner {
  readonly address: Address;
  readonly runtime: Runtime;
  readonly tally: ServerTally;
  readonly connectRetryTimes: number;
  /** The server as its user wrote it: the address is one of those that its name resolves to. */
  /** As it was written: a name, where `address` is one of its addresses. */
  readonly server: Address;
  readonly #deps: PeerDeps;
  readonly #log: Log;
  readonly #slots: ConnectionSlot[] = [];
  /** Registered ones, those that were asked to leave too. */
  readonly #connections = new Set<TunnelConnection>();
  #aside: Aside | undefined;
  readonly #closingAsides = new Set<Promise<void>>();
  #wasAccepted = false;
  /** It was said that this server cannot be asked for frontends. */
  #isExposeMissed = false;
  #isStopping = false;
  #stopped: Promise<void> | undefined;
  #onLastGone: (() => void) | undefined;
  /** The last failure that was logged, so that one that lasts is logged once. */
  #loggedFailure: string | undefined;

  constructor(address: Address, server: Address, deps: PeerDeps) {
    this.address = address;
    this.server = server;
    this.runtime = deps.runtime;
    this.tally = deps.tally;
    this.connectRetryTimes = deps.config.connectRetryTimes;
    this.#deps = deps;
    this.#log = deps.runtime.log.child({ server: formatAddress(address) });
  }

  /** Connections that take work or still have some. */
  get connections(): ReadonlySet<TunnelConnection> {
    return this.#connections;
  }

  /** The server refuses this agent for good, as far as can be known. */
  get isRefused(): boolean {
    const limit = this.#wasAccepted ? REFUSALS_AFTER_ACCEPTANCE : 1;
    return this.#connections.size === 0 && this.#slots.length > 0 &&
      this.#slots.every((slot) => slot.isSearching || slot.refusals >= limit);
  }

  /** Nothing is tried any more. */
  get isGivenUp(): boolean {
    return this.#connections.size === 0 && this.#slots.length > 0 &&
      this.#slots.every((slot) => slot.isSearching || slot.state === "givenUp");
  }

  /** Why there is no connection. */
  get lastError(): Error | undefined {
    return this.#slots.find((slot) => slot.lastError !== undefined)?.lastError;
  }

  /** Dials all connections side by side. */
  start(): void {
    if (this.#isStopping || this.#slots.length > 0) return;
    for (let i = 0; i < this.#deps.config.connectionNum; i++) this.#addSlot(false);
    for (const slot of [...this.#slots]) slot.start();
  }

  /**
   * Asks for no new work, lets what is in flight end, closes; at the latest after `timeoutMs`.
   * Resolves when the last connection is gone.
   *
   * @param scope "connection" where other addresses may lead to the same server and stay.
   */
  stop(timeoutMs: number, scope: DrainScope): Promise<void> {
    this.#stopped ??= this.#stop(timeoutMs, scope);
    return this.#stopped;
  }

  /** Closes everything at once; ends a `stop()` that is under way too. */
  close(error?: Error): void {
    this.#isStopping = true;
    for (const slot of this.#slots) slot.close();
    this.#closeAside();
    for (const connection of [...this.#connections]) connection.close(error);
  }

  /** Tells the server something of this host. */
  tell(message: KnownMessage): void {
    for (const connection of this.#connections) connection.tell(message);
  }

  /** Tells the server of a new weight. */
  sendWeight(weight: number): void {
    for (const connection of this.#connections) connection.sendWeight(weight);
  }

  async open(events: TunnelEvents, signal: AbortSignal): Promise<TunnelConnection> {
    return await this.#deps.openTunnel(this.address, this.server, events, signal);
  }

  connected(connection: TunnelConnection): void {
    this.#connections.add(connection);
    this.#wasAccepted = true;
    this.#loggedFailure = undefined;
    this.#log.info("tunnel.connected", "Registered with the server", {
      mode: connection.mode,
      server_id: connection.server.serverId,
      software: connection.server.software ?? connection.server.kind,
      connections: this.#connections.size,
    });
    const { expose } = this.#deps.config;
    if (connection.mode === "raw" && expose.length > 0 && !this.#isExposeMissed) {
      this.#isExposeMissed = true;
      this.#log.warn("frontend.impossible", "A raw connection cannot ask for frontends", {
        frontends: expose.map(({ url }) => url).join(","),
      });
    }
    for (const slot of this.#slots) slot.hurry();
    // A revtun server hears it otherwise; behind NAT it would take the farewell for others' too.
    if (connection.server.kind === "mosn") {
      this.#aside ??= this.#deps.openAside(this.address, this.server);
    }
    this.#deps.peerChanged();
  }

  lost(connection: TunnelConnection, error: Error | undefined, waitMs: number): void {
    if (!this.#connections.delete(connection)) return;
    // An end that was asked for is no news.
    if (waitMs >= 0) {
      this.#log.warn("tunnel.lost", "Connection to the server ended; dialling again", {
        reason: error?.message ?? "closed by the server",
        retry_in_ms: Math.round(waitMs),
        connections: this.#connections.size,
      });
    }
    if (this.#connections.size === 0) {
      if (!this.#isStopping) this.#closeAside();
      this.#onLastGone?.();
    }
    this.#deps.peerChanged();
  }

  leaving(connection: TunnelConnection, request: LeaveRequest, waitMs: number): void {
    this.#log.info("tunnel.replaced", "The server asks for a new connection in place of one", {
      reason: request.reason,
      in_flight: connection.workCount,
      retry_in_ms: Math.round(waitMs),
    });
  }

  failed(error: Error, waitMs: number): void {
    const fields = waitMs < 0 ? { gives_up: true } : { retry_in_ms: Math.round(waitMs) };
    const news = waitMs < 0 ? `given up: ${error.message}` : error.message;
    const isNews = this.#loggedFailure !== news;
    this.#loggedFailure = news;
    if (!isNews) {
      this.#log.debug("tunnel.failed", error.message, fields);
    } else if (error instanceof HandshakeError && !error.isRetriable) {
      this.#log.error("tunnel.refused", error.message, fields);
    } else {
      this.#log.warn("tunnel.failed", error.message, fields);
    }
    this.#deps.peerChanged();
  }

  stateChanged(): void {
    if (this.#isStopping) return;
    const searching = this.#slots.filter((slot) => slot.isSearching && slot.state !== "connected");
    const isAtRest = this.#slots.every((slot) =>
      slot.state === "connected" || slot.state === "spare"
    );
    if (isAtRest && searching.length === 0 && this.tally.isSearchWorthwhile) {
      // Not from within another slot's change.
      const slot = this.#addSlot(true);
      queueMicrotask(() => slot.start());
    }
    for (const slot of searching.slice(1)) this.#removeSlot(slot);
  }

  #addSlot(isSearching: boolean): ConnectionSlot {
    const { config, runtime } = this.#deps;
    const backoff = new Backoff({
      baseMs: config.reconnectBaseMs,
      maxMs: config.reconnectMaxMs,
      random: () => runtime.random(),
    });
    const slot = new ConnectionSlot(this, { backoff, isSearching });
    this.#slots.push(slot);
    return slot;
  }

  #removeSlot(slot: ConnectionSlot): void {
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    slot.close();
  }

  async #stop(timeoutMs: number, scope: DrainScope): Promise<void> {
    this.#isStopping = true;
    for (const slot of this.#slots) slot.close();
    if (this.#connections.size > 0) await this.#drain(timeoutMs, scope);
    this.#closeAside();
    await Promise.all(this.#closingAsides);
    for (const slot of this.#slots) await slot.settled();
  }

  #closeAside(): void {
    const closing = this.#aside?.close();
    this.#aside = undefined;
    if (closing === undefined) return;
    this.#closingAsides.add(closing);
    void closing.then(() => this.#closingAsides.delete(closing));
  }

  async #drain(timeoutMs: number, scope: DrainScope): Promise<void> {
    const lastGone = new Promise<void>((resolve) => this.#onLastGone = resolve);
    const deadline = this.runtime.timers.after(timeoutMs, () => {
      this.#log.warn("tunnel.cut", "Work in flight did not end in time and is cut off", {
        in_flight: [...this.#connections].reduce((sum, { workCount }) => sum + workCount, 0),
      });
      this.close();
    });
    const mosn = [...this.#connections].filter(({ server }) => server.kind === "mosn");
    if (mosn.length > 0) {
      await this.#aside?.sendGracefulClose(mosn.map(({ local }) => local));
    }
    const reason = scope === "host" ? "the agent stops" : "the server left the agent's list";
    for (const connection of [...this.#connections]) connection.drain(scope, reason);
    await lastGone;
    deadline.cancel();
  }
}
