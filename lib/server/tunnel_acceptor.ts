/** Takes agents' connections: handshake, admission, then a host's connection. */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import type { Permit } from "../auth/permit.ts";
import type { SharedBuffer } from "../buffer.ts";
import { CONNECT_STATUS, describeStatus } from "../codec/message.ts";
import { encodeMessage } from "../codec/encode_message.ts";
import type { GracefulClose, InitInfo, ServerHello, TunnelMode } from "../codec/message.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { DecodeError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { TlsFacts } from "../transport/connection.ts";
import { admit, objectTo } from "./admission.ts";
import type { AddressGate } from "./address_gate.ts";
import type { AdmissionRules, Admittance, Refusal } from "./admission.ts";
import { ServerHandshake } from "./handshake.ts";
import { Tally } from "./limits.ts";
import type { LimitName, Limits } from "./limits.ts";
import { ipOf } from "./raw_farewells.ts";
import type { ServerStats } from "./stats.ts";

/** A connection of an agent, as its listener accepted it. */
export interface TunnelDuplex extends Duplex {
  readonly remote: Address;
  /** What TLS agreed on, the agent's certificate with it; undefined in the clear. */
  readonly tls?: TlsFacts | undefined;
  setMinReadBytes?(bytes: number): void;
}

/** What an accepted connection becomes. */
export interface TunnelEntry {
  duplex: TunnelDuplex;
  info: InitInfo;
  permit: Permit;
  mode: TunnelMode;
  /** Bytes that came behind the handshake. */
  rest: Uint8Array;
  buffer: SharedBuffer;
}

/** What the acceptor needs of its server. */
export interface AcceptorHost {
  readonly runtime: Runtime;
  readonly stats: ServerStats;
  readonly rules: AdmissionRules;
  readonly initTimeoutMs: number;
  readonly limits: Limits;
  readonly addresses: AddressGate;
  readonly maxHandshakes: number;
  readonly maxHandshakesPerAddress: number;
  hello(): ServerHello;
  /** An agent was let in: its answer is on its way. */
  accepted(entry: TunnelEntry): void;
  /** A MOSN agent at `ip` says that it stops. */
  gracefulClose(message: GracefulClose, ip: string): void;
  /** Hosts of MOSN agents at `ip` now: each may have a silent connection. */
  rawHostsAt(ip: string): number;
}

/** A peer that is done with has this long to read the last word. */
const LINGER_MS = 1000;
/** Characters of a reason: it may name what the agent said, and has to fit a frame and a line. */
const MAX_REASON = 600;
/** What an overloaded server asks revtun agents to wait, before their own jitter. */
export const OVERLOAD_RETRY_MS = 2000;

/** Takes connections until each is hosted, refused or gone. */
export class TunnelAcceptor {
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

/** One connection on its way through the handshake. */
class PendingConnection implements Sink {
  readonly ip: string;
  readonly #duplex: TunnelDuplex;
  readonly #host: AcceptorHost;
  readonly #acceptor: TunnelAcceptor;
  readonly #handshake = new ServerHandshake();
  #deadline: Timer;
  #isDeciding = false;
  /** Its refusal is held back. */
  #isHeld = false;
  #isOver = false;

  constructor(duplex: TunnelDuplex, ip: string, host: AcceptorHost, acceptor: TunnelAcceptor) {
    this.ip = ip;
    this.#duplex = duplex;
    this.#host = host;
    this.#acceptor = acceptor;
    this.#deadline = host.runtime.timers.after(host.initTimeoutMs, () => this.#late());
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (this.#isOver) return;
    if (this.#isDeciding) {
      this.#fail(
        new DecodeError({
          format: "handshake",
          reason: "length",
          offset: 0,
          detail: "bytes behind ConnectionInitInfo before its answer",
        }),
      );
      return;
    }
    let rest = bytes;
    try {
      while (rest.length > 0 && !this.#isOver) {
        const step = this.#handshake.push(rest);
        if (step === undefined) return;
        rest = step.rest;
        if (step.message.type === "gracefulClose") {
          this.#host.gracefulClose(step.message, this.ip);
          continue;
        }
        // The decision may take its time; what comes meanwhile is for the session.
        this.#isDeciding = true;
        this.#duplex.pause();
        buffer.retain();
        void this.#decide(step.message, rest, buffer).finally(() => buffer.release());
        return;
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  onEnd(): void {
    this.#duplex.close();
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    if (!this.#isOver && !this.#isDeciding && error === undefined && this.#handshake.hasBegun) {
      this.#host.runtime.log.debug("tunnel.left", "A peer left in the middle of its handshake", {
        remote: this.ip,
      });
    }
    this.#settle();
  }

  close(): void {
    this.#duplex.close();
  }

  async #decide(info: InitInfo, rest: Uint8Array, buffer: SharedBuffer): Promise<void> {
    const { rules, stats, runtime, addresses } = this.#host;
    if (addresses.isShut(this.ip)) return this.#refuse(info, tooManyFailures(rules));
    const verdict = await this.#verdictOn(info);
    if (this.#isOver) return;
    if (!verdict.isAdmitted) return this.#refuseLater(info, verdict);
    const { permit } = verdict;
    const objection = objectTo(info, permit, rules);
    if (objection !== undefined) return this.#refuse(info, objection);
    const mode: TunnelMode = info.hello?.modes.includes("mux") ? "mux" : "raw";
    this.#settle();
    stats.handshakesAccepted += 1;
    const hello = info.hello === undefined ? {} : { hello: { ...this.#host.hello(), mode } };
    this.#duplex.write(
      encodeMessage({ type: "initResponse", status: CONNECT_STATUS.success, ...hello }),
    );
    this.#host.accepted({ duplex: this.#duplex, info, permit, mode, rest, buffer });
    this.#duplex.resume();
    runtime.log.debug("tunnel.accepted", "An agent's connection was accepted", {
      remote: formatAddress(this.#duplex.remote),
      cluster: info.clusterName,
      mode,
    });
  }

  /** Never rejects. */
  async #verdictOn(info: InitInfo): Promise<Admittance | Refusal> {
    const { rules, runtime } = this.#host;
    try {
      return await admit(info, rules, {
        remoteIp: this.ip,
        certificate: this.#duplex.tls?.peerCertificate,
      });
    } catch (error) {
      runtime.log.error("tunnel.undecided", `Cannot decide on an agent: ${error}`);
      return {
        isAdmitted: false,
        status: CONNECT_STATUS.unknownFailure,
        reason: "this server could not decide",
        counter: "overload",
        isTransient: true,
        retryAfterMs: rules.retryAfterMs,
      };
    }
  }

  /** Who guesses waits for each answer, longer and longer; whoever knows its credential does not. */
  #refuseLater(info: InitInfo, refusal: Refusal): void {
    const { addresses, runtime, limits } = this.#host;
    const isGuess = refusal.failure !== undefined && !refusal.isTransient;
    const delayMs = isGuess ? addresses.failed(this.ip, runtime.nowMs()) : 0;
    if (delayMs === 0) return this.#refuse(info, refusal);
    limits.reached("credentialFailures", "Answers to wrong credentials are held back", {
      remote: this.ip,
      delay_ms: delayMs,
    });
    this.#deadline.cancel();
    this.#isHeld = true;
    this.#deadline = runtime.timers.after(delayMs, () => {
      this.#release();
      this.#refuse(info, refusal);
    });
  }

  #release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#host.addresses.answered(this.ip);
  }

  #refuse(info: InitInfo, refusal: Refusal): void {
    const { stats, runtime } = this.#host;
    const reason = refusal.reason.slice(0, MAX_REASON);
    stats.refused(refusal.counter, refusal.failure);
    runtime.log.warn("tunnel.refused", `Refused an agent: ${reason}`, {
      remote: formatAddress(this.#duplex.remote),
      cluster: info.clusterName.slice(0, 253),
      host: info.hostName.slice(0, 253),
      status: describeStatus(refusal.status),
    });
    this.#settle();
    const isMosn = info.hello === undefined;
    if (isMosn && refusal.isTransient) {
      // Any answer would make a MOSN agent believe that it is connected: it tries again after none.
      this.#duplex.close();
      return;
    }
    const { retryAfterMs, isFinal = false } = refusal;
    const hello = isMosn ? {} : {
      hello: {
        ...this.#host.hello(),
        reason,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        ...(isFinal && { isFinal }),
      },
    };
    this.#duplex.write(encodeMessage({ type: "initResponse", status: refusal.status, ...hello }));
    this.#acceptor.linger(this.#duplex);
  }

  #late(): void {
    if (!this.#handshake.hasBegun && this.#acceptor.keepAside(this)) return;
    this.#host.stats.refused("timeout");
    this.#duplex.close();
  }

  #fail(error: Error): void {
    if (!(error instanceof DecodeError)) throw error;
    this.#host.stats.refused("garbage");
    this.#acceptor.logGarbage(this.ip, error);
    this.#duplex.close();
  }

  #settle(): void {
    this.#isOver = true;
    this.#deadline.cancel();
    this.#release();
    this.#acceptor.settled(this);
    this.#acceptor.asideEnded(this);
  }
}

/** The answer to a credential that nobody looks at. */
function tooManyFailures({ retryAfterMs }: AdmissionRules): Refusal {
  return {
    isAdmitted: false,
    status: CONNECT_STATUS.unknownFailure,
    reason: "too many wrong credentials came from this address",
    counter: "overload",
    isTransient: true,
    retryAfterMs,
  };
}
