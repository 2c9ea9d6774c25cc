/** Takes agents' connections: handshake, admission, then a host's connection. */
import type { Duplex } from "../duplex.ts";
import { Tally } from "./limits.ts";
import type { LimitName } from "./limits.ts";
import { PendingConnection } from "./pending_connection.ts";
import type { AcceptorHost, PendingKeeper } from "./pending_connection.ts";
import { ipOf } from "./raw_farewells.ts";
import type { TunnelDuplex } from "./tunnel_entry.ts";

/** A peer that is done with has this long to read the last word. */
const LINGER_MS = 1000;
/** What an overloaded server asks revtun agents to wait, before their own jitter. */
export const OVERLOAD_RETRY_MS = 2000;

/** Takes connections until each is hosted, refused or gone. */
export class TunnelAcceptor implements PendingKeeper {
  readonly #host: AcceptorHost;
  readonly #pending = new Set<PendingConnection>();
  readonly #pendingByIp = new Tally();
  readonly #asideByIp = new Map<string, Set<PendingConnection>>();
  /** Refused ones that may read why. */
  readonly #lingering = new Set<Duplex>();
  readonly #loggedIps = new Set<string>();

  constructor(host: AcceptorHost) {
    this.#host = host;
  }

  /** Connections that are in their handshake. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** MOSN agents' control connections. */
  get asideCount(): number {
    let count = 0;
    for (const asides of this.#asideByIp.values()) count += asides.size;
    return count;
  }

  /** Takes a new connection. */
  accept(duplex: TunnelDuplex): void {
    const ip = ipOf(duplex.remote);
    const limit = this.#limitFor(ip);
    if (limit !== undefined) {
      // Unanswered: the handshake is unread, and a MOSN agent tries again only after a bare close.
      this.#host.stats.refused("overload");
      this.#host.limits.reached(limit, "Closed a connection at the tunnel port unread", {
        remote: ip,
      });
      duplex.close();
      return;
    }
    this.#pendingByIp.add(ip);
    const pending = new PendingConnection(duplex, ip, this.#host, this);
    this.#pending.add(pending);
    duplex.attach(pending);
  }

  /** The limit that keeps one more connection of `ip` out. */
  #limitFor(ip: string): LimitName | undefined {
    const { maxHandshakes, maxHandshakesPerAddress, addresses, runtime } = this.#host;
    if (this.#pending.size >= maxHandshakes) return "handshakes";
    if (this.#pendingByIp.of(ip) >= maxHandshakesPerAddress) return "handshakesPerAddress";
    return addresses.dialled(ip, runtime.nowMs()) ? undefined : "handshakeRate";
  }

  /** A host of a MOSN agent at `ip` has left: silent connections beyond those that stay go too. */
  rawHostLeft(ip: string): void {
    const asides = this.#asideByIp.get(ip);
    if (asides === undefined) return;
    let surplus = asides.size - this.#host.rawHostsAt(ip);
    for (const aside of asides) {
      if (surplus-- <= 0) return;
      aside.close();
    }
  }

  /** Closes all that are not hosted. */
  close(): void {
    for (const pending of this.#pending) pending.close();
    for (const duplex of this.#lingering) duplex.close();
    for (const asides of this.#asideByIp.values()) {
      for (const aside of asides) aside.close();
    }
  }

  /** Ends our side and closes once the peer has ended its own, or does not within a moment. */
  linger(duplex: Duplex): void {
    const deadline = this.#host.runtime.timers.after(LINGER_MS, () => duplex.close());
    this.#lingering.add(duplex);
    duplex.attach({
      onData() {},
      onDrain() {},
      onEnd: () => duplex.close(),
      onClose: () => {
        deadline.cancel();
        this.#lingering.delete(duplex);
      },
    });
    duplex.end();
    duplex.resume();
  }

  /** A connection's handshake is over, one way or another. */
  settled(pending: PendingConnection): void {
    if (!this.#pending.delete(pending)) return;
    this.#pendingByIp.remove(pending.ip);
  }

  /** True if a connection that said nothing may stay: see docs/protocol.md on aside connections. */
  keepAside(pending: PendingConnection): boolean {
    let asides = this.#asideByIp.get(pending.ip);
    if ((asides?.size ?? 0) >= this.#host.rawHostsAt(pending.ip)) return false;
    if (asides === undefined) this.#asideByIp.set(pending.ip, asides = new Set());
    asides.add(pending);
    this.settled(pending);
    return true;
  }

  asideEnded(pending: PendingConnection): void {
    const asides = this.#asideByIp.get(pending.ip);
    asides?.delete(pending);
    if (asides?.size === 0) this.#asideByIp.delete(pending.ip);
  }

  /** Logs garbage from an address once, so that a scanner does not fill the log. */
  logGarbage(ip: string, error: Error): void {
    if (this.#loggedIps.has(ip)) return;
    if (this.#loggedIps.size >= 1000) this.#loggedIps.clear();
    this.#loggedIps.add(ip);
    this.#host.runtime.log.warn(
      "tunnel.garbage",
      `Closed a connection that speaks no tunnel protocol (logged once per address): ${error.message}`,
      { remote: ip },
    );
  }
}
