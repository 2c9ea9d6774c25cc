/** An agent's connection on its way through the handshake: decided on, then hosted or refused. */
import { formatAddress } from "../address.ts";
import type { SharedBuffer } from "../buffer.ts";
import { encodeMessage } from "../codec/encode_message.ts";
import { CONNECT_STATUS, describeStatus } from "../codec/message.ts";
import type { GracefulClose, InitInfo, ServerHello, TunnelMode } from "../codec/message.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { DecodeError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { AddressGate } from "./address_gate.ts";
import { admit, objectTo } from "./admission.ts";
import type { AdmissionRules, Admittance, Refusal } from "./admission.ts";
import { ServerHandshake } from "./handshake.ts";
import type { Limits } from "./limits.ts";
import type { ServerStats } from "./stats.ts";
import type { TunnelDuplex, TunnelEntry } from "./tunnel_entry.ts";

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

/** Who keeps the connections that are not hosted. */
export interface PendingKeeper {
  /** A connection's handshake is over, one way or another. */
  settled(pending: PendingConnection): void;
  /** True if a connection that said nothing may stay: see docs/protocol.md on aside connections. */
  keepAside(pending: PendingConnection): boolean;
  /** One that stayed is gone, if it did. */
  asideEnded(pending: PendingConnection): void;
  /** Lets a peer that was refused read why, and closes. */
  linger(duplex: Duplex): void;
  /** A peer at `ip` speaks no tunnel protocol. */
  logGarbage(ip: string, error: Error): void;
}

/** Farewells that one connection may say: a MOSN agent has one, and all hosts are looked through. */
const MAX_FAREWELLS = 16;
/** Characters of a reason: it may name what the agent said, and has to fit a frame and a line. */
const MAX_REASON = 600;

/** One connection on its way through the handshake. */
export class PendingConnection implements Sink {
  readonly ip: string;
  readonly #duplex: TunnelDuplex;
  readonly #host: AcceptorHost;
  readonly #keeper: PendingKeeper;
  readonly #handshake = new ServerHandshake();
  #deadline: Timer;
  #isDeciding = false;
  #farewells = 0;
  /** Its refusal is held back. */
  #isHeld = false;
  #isOver = false;

  constructor(duplex: TunnelDuplex, ip: string, host: AcceptorHost, keeper: PendingKeeper) {
    this.ip = ip;
    this.#duplex = duplex;
    this.#host = host;
    this.#keeper = keeper;
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
          if (++this.#farewells > MAX_FAREWELLS) throw tooManyFarewells();
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
    this.#keeper.linger(this.#duplex);
  }

  #late(): void {
    if (!this.#handshake.hasBegun && this.#keeper.keepAside(this)) return;
    this.#host.stats.refused("timeout");
    this.#duplex.close();
  }

  #fail(error: Error): void {
    if (!(error instanceof DecodeError)) throw error;
    this.#host.stats.refused("garbage");
    this.#keeper.logGarbage(this.ip, error);
    this.#duplex.close();
  }

  #settle(): void {
    this.#isOver = true;
    this.#deadline.cancel();
    this.#release();
    this.#keeper.settled(this);
    this.#keeper.asideEnded(this);
  }
}

function tooManyFarewells(): DecodeError {
  const detail = `more than ${MAX_FAREWELLS} farewells on one connection`;
  return new DecodeError({ format: "handshake", reason: "limit", offset: 0, detail });
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
