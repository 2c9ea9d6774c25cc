/** Clients that keep their connections and ask at a steady rate, whatever happens. */

/** What they got. */
export interface LoadReport {
  answered: number;
  /** Requests without a whole answer of status 200; why. */
  readonly failed: string[];
  /** Longest time from when a request was due to its answer, ms. */
  slowestMs: number;
  /** Times that an answer said `Connection: close`. */
  closed: number;
}

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: edge-a\r\n\r\n");
const CLIENTS = 64;

/** A load on one port of loopback; `stop()` ends it. */
export class SteadyLoad {
  readonly report: LoadReport = { answered: 0, failed: [], slowestMs: 0, closed: 0 };
  readonly #port: number;
  readonly #intervalMs: number;
  readonly #startMs = performance.now();
  readonly #clients: Promise<unknown>;
  #isStopped = false;

  /** @param perSecond requests of all clients together. */
  constructor(port: number, perSecond: number) {
    this.#port = port;
    this.#intervalMs = CLIENTS / perSecond * 1000;
    this.#clients = Promise.all(
      Array.from({ length: CLIENTS }, (_, index) => this.#ask(index / perSecond * 1000)),
    );
  }

  /** Requests a second so far. */
  get rate(): number {
    return this.report.answered / (performance.now() - this.#startMs) * 1000;
  }

  /** Resolves when the last request has been answered. */
  async stop(): Promise<LoadReport> {
    this.#isStopped = true;
    await this.#clients;
    return this.report;
  }

  async #ask(afterMs: number): Promise<void> {
    const buffer = new Uint8Array(4096);
    const decoder = new TextDecoder();
    let conn: Deno.Conn | undefined;
    for (let dueMs = this.#startMs + afterMs; !this.#isStopped; dueMs += this.#intervalMs) {
      const restMs = dueMs - performance.now();
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
      try {
        conn ??= await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
        await conn.write(REQUEST);
        // The answer is small: head and body come together.
        const count = await conn.read(buffer);
        const text = decoder.decode(buffer.subarray(0, count ?? 0));
        if (!/^HTTP\/1\.1 200 [^]*\r\n\r\nok$/.test(text)) {
          throw new Error(text.split("\r\n", 1)[0] || "the connection ended");
        }
        this.report.answered += 1;
        this.report.slowestMs = Math.max(this.report.slowestMs, performance.now() - dueMs);
        if (!/^connection: close\r$/im.test(text)) continue;
        this.report.closed += 1;
      } catch (error) {
        this.report.failed.push((error as Error).message);
      }
      conn?.close();
      conn = undefined;
    }
    conn?.close();
  }
}
