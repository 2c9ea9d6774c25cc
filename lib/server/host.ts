/** One agent as the balancer sees it: a host of a cluster with its tunnel connections. */
import { permitsTarget } from "../auth/permit.ts";
import type { Permit } from "../auth/permit.ts";
import { effectiveWeight } from "../codec/message.ts";
import type { TargetHello, TunnelMode } from "../codec/message.ts";
import { NAME_PATTERN } from "../name.ts";
import type { Upstream, UpstreamRequest } from "../upstream.ts";
import type { HostOverride } from "./host_overrides.ts";

/** A tunnel connection as its host sees it. */
export interface HostConnection {
  readonly id: number;
  readonly mode: TunnelMode;
  readonly remoteAddress: string;
  /** Streams or exchanges under way. */
  readonly inFlight: number;
  /** It can take new work now. */
  readonly isAvailable: boolean;
  /** The agent was asked for life on it and has said nothing since. */
  readonly isInDoubt: boolean;
  readonly rttMs: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** It can reach a target of that name, "" for the default one. */
  serves(target: string): boolean;
  /** A stream to a target, pooled or new. Only while `isAvailable` and for what it `serves()`. */
  open(request: UpstreamRequest): Upstream;
  /** Asks the agent for a replacement of this connection, which takes work until `goAway()`. */
  askReplacement(reason: string): void;
  /** Takes no new work and tells the agent so; work in flight goes on. */
  goAway(): void;
  /** There is reason to think that the agent has left it: asks for life, closes it if none shows. */
  doubt(): void;
  /** Lets go of what rests in its pool, so that an agent that drains sees no work. */
  closeIdle(): void;
  close(error?: Error): void;
}

/** How passive health works. */
export interface HealthOptions {
  /** Failed opens in a row that eject a host. */
  failuresToEject: number;
  /** First ejection in ms; doubled each time in a row. */
  ejectBaseMs: number;
  ejectMaxMs: number;
}

export const DEFAULT_HEALTH: HealthOptions = {
  failuresToEject: 3,
  ejectBaseMs: 1000,
  ejectMaxMs: 30_000,
};

/** Unwell targets that are kept for one host. */
const MAX_UNHEALTHY = 1000;
const NONE: ReadonlySet<string> = new Set();

/** Smallest share that a host has while it starts slowly. */
const SLOW_START_MIN = 0.1;

/** An agent's place in a cluster. */
export class Host {
  readonly id: string;
  readonly cluster: string;
  readonly hostName: string;
  /** What the agent called itself; "" for MOSN agents, which go by their address. */
  readonly givenName: string;
  /** What its credential allows; follows changes of that. */
  permit: Permit;
  readonly connections: HostConnection[] = [];
  readonly joinedMs: number;
  /** For the balancer alone: smooth weighted round robin's running credit. */
  turnCredit = 0;
  /** Requests and connections given to it so far. */
  requests = 0;
  /** What its agent says of its targets, by name. */
  targets: Readonly<Record<string, TargetHello>>;
  /** Names of targets that its agent finds unwell. */
  #unhealthy: ReadonlySet<string> = NONE;
  #override: HostOverride = {};
  #isDraining = false;
  #weight: number;
  /** What the agent said last in a handshake. */
  #declaredWeight: number;
  #failures = 0;
  #ejections = 0;
  #ejectedUntilMs = 0;
  #slowStartFromMs: number;
  #slowStartMs: number;

  constructor(init: {
    id: string;
    cluster: string;
    hostName: string;
    givenName: string;
    permit: Permit;
    weight: number;
    nowMs: number;
    slowStartMs: number;
    targets?: Readonly<Record<string, TargetHello>> | undefined;
  }) {
    this.id = init.id;
    this.cluster = init.cluster;
    this.hostName = init.hostName;
    this.givenName = init.givenName;
    this.permit = init.permit;
    this.targets = init.targets ?? {};
    this.joinedMs = init.nowMs;
    this.#declaredWeight = effectiveWeight(init.weight);
    this.#weight = Math.min(this.#declaredWeight, init.permit.maxWeight);
    this.#slowStartFromMs = init.nowMs;
    this.#slowStartMs = init.slowStartMs;
  }

  /** Proven by its credential; "" where none was asked for. */
  get identity(): string {
    return this.permit.identity;
  }

  /** Clients may reach this target through it. */
  mayServe(target: string): boolean {
    return permitsTarget(this.permit, target);
  }

  /** Targets that are to get no work, by its agent's checks. */
  get unhealthyTargets(): ReadonlySet<string> {
    return this.#unhealthy;
  }

  /**
   * Takes over what the agent found; targets that are not named are as they were. What is no
   * target's name leads nowhere, and is not kept.
   */
  setHealth(targets: Readonly<Record<string, boolean>>): void {
    const unhealthy = new Set(this.#unhealthy);
    for (const [name, isHealthy] of Object.entries(targets)) {
      if (isHealthy) unhealthy.delete(name);
      else if (unhealthy.size < MAX_UNHEALTHY && isTargetName(name)) unhealthy.add(name);
    }
    this.#unhealthy = unhealthy;
  }

  /** Takes over a permit that has changed. */
  follow(permit: Permit): void {
    this.permit = permit;
    this.#weight = Math.min(this.#weight, permit.maxWeight);
  }

  /** True while it is given no new work, by its own wish or an operator's. */
  get isDraining(): boolean {
    return this.#isDraining || this.#override.isDrained === true;
  }

  /** The agent's own wish. */
  set isDraining(isDraining: boolean) {
    this.#isDraining = isDraining;
    this.#closeIdleIfDraining();
  }

  /** What counts, 0 to 10,000: an operator's word before the agent's. */
  get weight(): number {
    return this.#override.weight ?? this.#weight;
  }

  /** Changes the agent's share at run time; unlike in a handshake, 0 means no new work. */
  set weight(weight: number) {
    this.#weight = Math.min(Math.max(Math.trunc(weight), 0), 10_000);
  }

  /**
   * The agent has said a weight in a handshake again. One that it said before counts no more if it
   * was changed since: each connection says it anew.
   */
  declared(weight: number): void {
    const declared = effectiveWeight(weight);
    if (declared === this.#declaredWeight) return;
    this.#weight = this.#declaredWeight = declared;
  }

  /** What an operator has set for this host. */
  get override(): HostOverride {
    return this.#override;
  }

  set override(override: HostOverride) {
    this.#override = override;
    this.#closeIdleIfDraining();
  }

  /** The share that counts now: less than `weight` while it starts slowly. */
  weightAt(nowMs: number): number {
    if (this.#slowStartMs === 0) return this.weight;
    const part = (nowMs - this.#slowStartFromMs) / this.#slowStartMs;
    if (part >= 1) {
      this.#slowStartMs = 0;
      return this.weight;
    }
    return this.weight * Math.max(part, SLOW_START_MIN);
  }

  get inFlight(): number {
    let sum = 0;
    for (const connection of this.connections) sum += connection.inFlight;
    return sum;
  }

  /** New work may be given to it, ejected or not. */
  get isUsable(): boolean {
    return this.#wantsWork && this.connections.some((connection) => connection.isAvailable);
  }

  /** New work for a target of that name may be given to it: that is allowed, there, and well. */
  canServe(target: string): boolean {
    return this.#wantsWork && this.mayServe(target) && !this.unhealthyTargets.has(target) &&
      this.connectionFor(target) !== undefined;
  }

  isEjected(nowMs: number): boolean {
    return this.#ejectedUntilMs > nowMs;
  }

  /** Work may well be lost on it: it is ejected, or silent on all connections when asked for life. */
  isDoubtful(nowMs: number): boolean {
    return this.isEjected(nowMs) || this.connections.every((connection) => connection.isInDoubt);
  }

  /** Its connection with the least under way that can take more; one in doubt as a last resort. */
  connectionFor(target: string): HostConnection | undefined {
    let best: HostConnection | undefined;
    for (const connection of this.connections) {
      if (!connection.isAvailable || !connection.serves(target)) continue;
      if (best === undefined || isBetter(connection, best)) best = connection;
    }
    return best;
  }

  /** An open worked. */
  succeeded(): void {
    this.#failures = 0;
    this.#ejections = 0;
  }

  /** An open failed; true if that ejects the host. */
  failed(nowMs: number, health: HealthOptions, slowStartMs: number): boolean {
    this.#failures += 1;
    if (this.#failures < health.failuresToEject || this.isEjected(nowMs)) return false;
    this.#failures = 0;
    const forMs = Math.min(health.ejectBaseMs * 2 ** this.#ejections, health.ejectMaxMs);
    this.#ejections += 1;
    this.#ejectedUntilMs = this.#slowStartFromMs = nowMs + forMs;
    this.#slowStartMs = slowStartMs;
    return true;
  }

  get #wantsWork(): boolean {
    return !this.isDraining && this.weight > 0;
  }

  #closeIdleIfDraining(): void {
    if (!this.isDraining) return;
    for (const connection of this.connections) connection.closeIdle();
  }
}

function isTargetName(name: string): boolean {
  return name === "" || NAME_PATTERN.test(name);
}

function isBetter(one: HostConnection, other: HostConnection): boolean {
  if (one.isInDoubt !== other.isInDoubt) return other.isInDoubt;
  return one.inFlight < other.inFlight;
}
