/** Looks after the health of an agent's targets, so that servers send elsewhere what would fail. */
import { formatAddress } from "../address.ts";
import type { Duplex } from "../duplex.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { askForHealth } from "./health_check.ts";
import type { HealthCheck } from "./health_check.ts";
import type { Target } from "./target.ts";

/** Looks in a row that must fail before a target counts as unhealthy; one that is well is enough. */
const FAILURES_TO_FALL = 3;
/** While something is wrong it looks sooner. */
const WORRIED_MS = 1000;
/** Longest look. */
const MAX_TIMEOUT_MS = 5000;

/** What it needs of its agent. */
export interface TargetHealthDeps {
  readonly runtime: Runtime;
  /** Connects to a target, ready for its protocol. @throws {DialError} */
  dial(target: Target, signal: AbortSignal): Promise<Duplex>;
  /** A target's health has changed. */
  onChange(): void;
}

/** The targets that say how to look at them; the others are taken to be well. */
export class TargetHealth {
  readonly #watches: TargetWatch[] = [];

  constructor(targets: Iterable<Target>, deps: TargetHealthDeps) {
    for (const target of targets) {
      if (target.health !== undefined) {
        this.#watches.push(new TargetWatch(target, target.health, deps));
      }
    }
  }

  /** By name: false for those that are to get no work. Empty where nothing is looked at. */
  get states(): Record<string, boolean> {
    return Object.fromEntries(
      this.#watches.map(({ target, isHealthy }) => [target.name, isHealthy]),
    );
  }

  /** Something has to be told to a server that knows nothing yet. */
  get isAnyUnhealthy(): boolean {
    return this.#watches.some(({ isHealthy }) => !isHealthy);
  }

  /** Looks no more; resolves when the last look is over. */
  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
  }
}

/** One target. */
class TargetWatch {
  readonly target: Target;
  isHealthy = true;
  readonly #check: HealthCheck;
  readonly #deps: TargetHealthDeps;
  readonly #abort = new AbortController();
  readonly #timer: Timer;
  #look: Promise<void> | undefined;
  #failures = 0;

  constructor(target: Target, check: HealthCheck, deps: TargetHealthDeps) {
    this.target = target;
    this.#check = check;
    this.#deps = deps;
    // The first look comes at once, within a second of the others that start now.
    const firstMs = Math.min(check.intervalMs, WORRIED_MS) * deps.runtime.random();
    this.#timer = deps.runtime.timers.after(firstMs, () => {
      this.#look = this.#lookOnce();
    });
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#timer.cancel();
    await this.#look;
  }

  async #lookOnce(): Promise<void> {
    const problem = await this.#problem();
    this.#look = undefined;
    if (this.#abort.signal.aborted) return;
    if (problem === undefined) this.#well();
    else this.#failed(problem);
    const { intervalMs } = this.#check;
    this.#timer.restart(this.#failures > 0 ? Math.min(intervalMs, WORRIED_MS) : intervalMs);
  }

  async #problem(): Promise<string | undefined> {
    const { path, intervalMs } = this.#check;
    const { runtime } = this.#deps;
    const timeoutMs = Math.max(Math.min(intervalMs, MAX_TIMEOUT_MS), WORRIED_MS);
    try {
      const connection = await this.#deps.dial(this.target, this.#abort.signal);
      if (path === undefined) {
        connection.close();
        return undefined;
      }
      const host = this.target.hostHeader ?? hostOf(this.target);
      return await askForHealth(connection, { path, host }, runtime, timeoutMs);
    } catch (error) {
      return (error as Error).message;
    }
  }

  #well(): void {
    this.#failures = 0;
    if (this.isHealthy) return;
    this.isHealthy = true;
    this.#log("info", "target.healthy", "The target is well again");
    this.#deps.onChange();
  }

  #failed(problem: string): void {
    this.#failures += 1;
    if (!this.isHealthy || this.#failures < FAILURES_TO_FALL) return;
    this.isHealthy = false;
    this.#log("warn", "target.unhealthy", `No more work for this target: ${problem}`);
    this.#deps.onChange();
  }

  #log(level: "info" | "warn", event: string, message: string): void {
    const { name } = this.target;
    this.#deps.runtime.log[level](event, message, { target: name === "" ? "default" : name });
  }
}

function hostOf({ address }: Target): string {
  return address.kind === "unix" ? "localhost" : formatAddress(address);
}
