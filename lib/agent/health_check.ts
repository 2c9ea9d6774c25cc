/** One look at a target's health: does it take a connection, does it answer a request well? */
import type { SharedBuffer } from "../buffer.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import { ResponseHead } from "../codec/http1/response_head.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { parseDuration } from "../duration.ts";
import type { Runtime } from "../runtime.ts";

/** How a target's health is looked at. */
export interface HealthCheck {
  /** Asked for by GET, well answered with 200 to 399; undefined: a connection is enough. */
  readonly path: string | undefined;
  /** From one look to the next while all is well, ms. */
  readonly intervalMs: number;
}

export const DEFAULT_HEALTH_INTERVAL_MS = 10_000;

/**
 * Reads `health=tcp` or `health=/path`, and `health_interval=TIME`; undefined without `health`.
 *
 * @throws {RangeError} saying what is wrong with them, fit to be shown behind the setting's name.
 */
export function parseHealthCheck(
  health: string | undefined,
  interval: string | undefined,
): HealthCheck | undefined {
  if (health === undefined) {
    if (interval === undefined) return undefined;
    throw new RangeError("health_interval= stands without health=");
  }
  const isPath = /^\/[\x21-\x22\x24-\x7e]*$/.test(health);
  if (health !== "tcp" && !isPath) {
    throw new RangeError(`"${health}" is no health check, expected health=tcp or health=/path`);
  }
  const intervalMs = interval === undefined ? DEFAULT_HEALTH_INTERVAL_MS : parseDuration(interval);
  if (intervalMs < 100) throw new RangeError("health_interval= is below 100ms");
  return { path: isPath ? health : undefined, intervalMs };
}

/**
 * Asks for `path` on a fresh connection and closes it.
 *
 * @returns undefined if it is well, else what is wrong, for people.
 */
export function askForHealth(
  target: Duplex,
  { path, host }: { path: string; host: string },
  runtime: Runtime,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const question = new HealthQuestion(target, runtime, timeoutMs, resolve);
    target.attach(question);
    const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: revtun-health\r\n` +
      "Accept: */*\r\nConnection: close\r\n\r\n";
    target.write(new TextEncoder().encode(head));
  });
}

class HealthQuestion implements Sink {
  readonly #target: Duplex;
  readonly #head = new ResponseHead();
  readonly #held: HeldBytes;
  readonly #resolve: (problem: string | undefined) => void;
  readonly #deadline: { cancel(): void };
  #isSettled = false;

  constructor(
    target: Duplex,
    runtime: Runtime,
    timeoutMs: number,
    resolve: (problem: string | undefined) => void,
  ) {
    this.#target = target;
    this.#held = new HeldBytes(runtime.pool);
    this.#resolve = resolve;
    this.#deadline = runtime.timers.after(
      timeoutMs,
      () => this.#settle(`no answer within ${timeoutMs} ms`),
    );
  }

  onData(bytes: Uint8Array, _buffer: SharedBuffer): void {
    if (this.#isSettled) return;
    this.#held.append(bytes);
    if (!this.#held.isHeadLikely()) return;
    try {
      const { start, end } = this.#held;
      if (this.#head.parse(this.#held.buffer!.bytes, start, end) === INCOMPLETE) return;
      const { status } = this.#head;
      this.#settle(status >= 200 && status < 400 ? undefined : `it answers ${status}`);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#settle(`its answer is no HTTP: ${error.detail}`);
    }
  }

  onEnd(): void {
    this.#settle("it closed the connection without an answer");
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#settle(error?.message ?? "it closed the connection without an answer");
    this.#held.clear();
  }

  #settle(problem: string | undefined): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#deadline.cancel();
    this.#target.close();
    this.#resolve(problem);
  }
}
