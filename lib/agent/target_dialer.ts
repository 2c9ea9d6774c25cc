/** Connections to what an agent forwards to, and the last word on what may be reached. */
import { formatAddress, parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { Duplex } from "../duplex.ts";
import { DialError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { dial } from "../transport/dial.ts";
import { dialDatagrams } from "../transport/datagram_socket.ts";
import { resolve } from "../transport/resolve.ts";
import { dialTls } from "../transport/tls_dial.ts";
import { isAllowed } from "./allow.ts";
import type { AgentConfig } from "./config.ts";
import { DialGate } from "./dial_gate.ts";
import { formatTarget } from "./target.ts";
import type { Target } from "./target.ts";

/** What the cloud side asks for: a declared target, or a destination that it names itself. */
export interface TargetRequest {
  /** Name of a declared target; "" or undefined for the default one. */
  readonly target?: string | undefined;
  /** `host:port`, only as `--allow` says. */
  readonly destination?: string | undefined;
  /** "udp" where the stream carries datagrams; bytes unless given. */
  readonly network?: string | undefined;
}

/** Settings that decide what is dialled. */
export type TargetSettings = Pick<
  AgentConfig,
  "targets" | "allow" | "dialTimeoutMs" | "maxPendingDials"
>;

/** What a {@link TargetDialer} needs of others. */
export interface TargetDialerDeps {
  readonly runtime: Runtime;
  /** Makes a connection to the agent's own page, which stands in for a default target. */
  openPage(): Duplex;
}

/** Opens connections to targets, a bounded number at once. */
export class TargetDialer {
  /** What counts for dials from now on. */
  settings: TargetSettings;
  readonly #deps: TargetDialerDeps;
  readonly #gate: DialGate;
  #datagramsDropped = 0;
  /** Targets whose last dial failed: it is logged once. */
  readonly #failing = new Set<string>();

  constructor(settings: TargetSettings, deps: TargetDialerDeps) {
    this.settings = settings;
    this.#deps = deps;
    this.#gate = new DialGate(settings.maxPendingDials, deps.runtime.timers);
  }

  /** Datagrams that no queue had room for, or that could not be sent. */
  get datagramsDropped(): number {
    return this.#datagramsDropped;
  }

  /** Dials under way. */
  get pendingDials(): number {
    return this.#gate.openCount;
  }

  /** Resolves when no dial is under way. */
  async settled(): Promise<void> {
    await this.#gate.atRest();
  }

  /** Finds the declared target that `request` means; undefined for the page or a destination. */
  targetOf(request: TargetRequest): Target | undefined {
    return request.destination === undefined
      ? this.settings.targets.get(request.target ?? "")
      : undefined;
  }

  /**
   * Connects to what `request` asks for; `signal` gives it up.
   *
   * @throws {DialError} no such target, not allowed, too many dials, or what the dial met.
   */
  async open(request: TargetRequest, signal: AbortSignal): Promise<Duplex> {
    const isUdp = request.network === "udp";
    if (request.destination !== undefined) {
      if (isUdp) throw new DialError(request.destination, "notAllowed", "udp goes to targets only");
      return await this.#openDestination(request.destination, signal);
    }
    const name = request.target ?? "";
    const target = this.settings.targets.get(name);
    if (target === undefined) {
      if (name === "" && !isUdp) return this.#deps.openPage();
      throw new DialError(name, "noTarget", "this agent has no target of that name");
    }
    if (isUdp !== (target.protocol === "udp")) {
      const detail = isUdp
        ? "the target takes no datagrams, declare it as udp://"
        : "the target takes datagrams, which a udp:// frontend sends";
      throw new DialError(formatTarget(target), "noTarget", detail);
    }
    try {
      const connection = await this.#dialTarget(target, signal);
      if (this.#failing.size > 0) this.#recovered(target);
      return connection;
    } catch (error) {
      if (!signal.aborted) this.#failed(target, error as DialError);
      throw error;
    }
  }

  #dropped(): void {
    this.#datagramsDropped += 1;
  }

  #failed(target: Target, error: DialError): void {
    if (this.#failing.has(target.name)) return;
    this.#failing.add(target.name);
    this.#deps.runtime.log.warn("target.failed", error.message, { target: nameOf(target) });
  }

  #recovered(target: Target): void {
    if (!this.#failing.delete(target.name)) return;
    this.#deps.runtime.log.info("target.recovered", "The target takes connections again", {
      target: nameOf(target),
    });
  }

  async #openDestination(destination: string, signal: AbortSignal): Promise<Duplex> {
    const { runtime } = this.#deps;
    const { allow, dialTimeoutMs } = this.settings;
    const address = parseDestination(destination);
    // Not even a name lookup for the cloud side where nothing is allowed.
    if (!allow.some((rule) => rule.ports.some((range) => inRange(range, address.port)))) {
      throw notAllowed(destination);
    }
    const startMs = runtime.nowMs();
    const ips = await this.#gate.pass(
      { name: destination, waitMs: dialTimeoutMs, signal },
      () => resolve(address.host, runtime.timers, dialTimeoutMs),
    );
    // The address is dialled, not the name: a second lookup might give another answer.
    const allowed = ips.filter((ip) => isAllowed(allow, ip, address.port));
    if (allowed.length === 0) throw notAllowed(destination);
    let failure: unknown;
    for (const host of allowed) {
      const leftMs = dialTimeoutMs - (runtime.nowMs() - startMs);
      if (leftMs <= 0 || signal.aborted) break;
      try {
        return await this.#dial({ ...address, host }, leftMs, signal);
      } catch (error) {
        failure = error;
      }
    }
    throw failure ?? new DialError(destination, "timeout", `no answer within ${dialTimeoutMs} ms`);
  }

  async #dialTarget(target: Target, signal: AbortSignal): Promise<Duplex> {
    const { address, tls } = target;
    const timeoutMs = this.settings.dialTimeoutMs;
    if (target.protocol === "udp" && address.kind === "tcp") {
      return await this.#gate.pass(
        { name: formatTarget(target), waitMs: timeoutMs, signal },
        () =>
          dialDatagrams(address, this.#deps.runtime, {
            timeoutMs,
            onDropped: () => this.#dropped(),
          }),
      );
    }
    if (tls === undefined) return await this.#dial(address, timeoutMs, signal);
    return await this.#gate.pass(
      { name: formatTarget(target), waitMs: timeoutMs, signal },
      (onGivenUp) =>
        dialTls({ address, server: address }, tls, this.#deps.runtime, {
          timeoutMs,
          signal,
          onGivenUp,
        }),
    );
  }

  #dial(address: Address, timeoutMs: number, signal: AbortSignal): Promise<Duplex> {
    return this.#gate.pass(
      { name: formatAddress(address), waitMs: timeoutMs, signal },
      (onGivenUp) => dial(address, this.#deps.runtime, { timeoutMs, signal, onGivenUp }),
    );
  }
}

function parseDestination(text: string): Address & { kind: "tcp" } {
  try {
    const address = parseAddress(text);
    if (address.kind === "tcp" && address.port !== 0 && address.host !== "") return address;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new DialError(text, "notAllowed", "not a host:port that can be dialled");
}

function nameOf(target: Target): string {
  return target.name === "" ? "default" : target.name;
}

function notAllowed(destination: string): DialError {
  return new DialError(destination, "notAllowed", "no --allow rule of this agent lists it");
}

function inRange(range: { first: number; last: number }, port: number): boolean {
  return port >= range.first && port <= range.last;
}
