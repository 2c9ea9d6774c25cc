/**
 * Latency at a fixed rate, counted from when a request was due, not from when it could be sent: a
 * stall delays all who would have come in the meantime, as wrk2 counts it ("coordinated omission").
 */
import type { Endpoint } from "../wait_for_answer.ts";
import { contentLength, headEnd, statusOf } from "./http_text.ts";

/** What to send. */
export interface RateOptions {
  readonly perSecond: number;
  readonly connections: number;
  readonly seconds: number;
}

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
/** Requests due at the start are not counted: connections and compilers warm up. */
const WARM_UP_MS = 500;
/** How long answers are waited for beyond the end. */
const GRACE_MS = 10_000;
const TICK_MS = 1;

/**
 * Sends requests, each on a connection that is free, else on the first that becomes free; resolves
 * with all latencies in ms, ascending.
 *
 * @throws {Error} a connection failed, an answer was not 200, or answers stayed out.
 */
export async function runFixedRate(
  endpoint: Endpoint,
  { perSecond, connections, seconds }: RateOptions,
): Promise<Float64Array> {
  const total = Math.round(perSecond * (seconds + WARM_UP_MS / 1000));
  const warmUp = Math.round(perSecond * WARM_UP_MS / 1000);
  const latencies = new Float64Array(total - warmUp);
  const free: RateConnection[] = [];
  const all: RateConnection[] = [];
  let answered = 0;
  let sent = 0;
  let due = 0;
  let startMs = 0;
  const done = Promise.withResolvers<void>();
  const dueMs = (index: number) => startMs + index * 1000 / perSecond;
  const onAnswer = (connection: RateConnection, index: number) => {
    if (index >= warmUp) latencies[index - warmUp] = performance.now() - dueMs(index);
    answered += 1;
    if (answered === total) return done.resolve();
    if (sent < due) connection.send(sent++);
    else free.push(connection);
  };
  try {
    for (let count = 0; count < connections; count++) {
      const conn = await Deno.connect(endpoint);
      const connection = new RateConnection(conn, onAnswer);
      all.push(connection);
      free.push(connection);
      connection.read().catch(done.reject);
    }
    startMs = performance.now();
    const tick = () => {
      due = Math.min(total, Math.floor((performance.now() - startMs) * perSecond / 1000) + 1);
      while (sent < due && free.length > 0) free.shift()!.send(sent++);
      if (due < total) timer = setTimeout(tick, TICK_MS);
    };
    let timer = setTimeout(tick, 0);
    const limitMs = (seconds * 1000) + WARM_UP_MS + GRACE_MS;
    const limit = setTimeout(
      () => done.reject(new Error(`${total - answered} of ${total} answers stayed out`)),
      limitMs,
    );
    await done.promise.finally(() => {
      clearTimeout(timer);
      clearTimeout(limit);
    });
  } finally {
    for (const connection of all) connection.close();
  }
  return latencies.sort();
}

class RateConnection {
  readonly #conn: Deno.TcpConn;
  readonly #onAnswer: (connection: RateConnection, index: number) => void;
  #index = -1;
  #isClosed = false;

  constructor(
    conn: Deno.TcpConn,
    onAnswer: (connection: RateConnection, index: number) => void,
  ) {
    conn.setNoDelay(true);
    this.#conn = conn;
    this.#onAnswer = onAnswer;
  }

  send(index: number): void {
    this.#index = index;
    // Too small to be written in part; a failure is told by the read as well.
    this.#conn.write(REQUEST).catch(() => {});
  }

  /** Reads answers until the end; rejects when it comes from the other side. */
  async read(): Promise<void> {
    const buffer = new Uint8Array(4096);
    let filled = 0;
    while (!this.#isClosed) {
      const count = await this.#conn.read(buffer.subarray(filled)).catch((error) => {
        if (this.#isClosed) return null;
        throw error;
      });
      if (this.#isClosed) return;
      if (count === null) throw new Error("A connection ended under load");
      filled += count;
      const end = headEnd(buffer.subarray(0, filled));
      if (end === -1 || filled < end + contentLength(buffer.subarray(0, end))) continue;
      const status = statusOf(buffer);
      if (status !== 200) throw new Error(`The answer was ${status}, not 200`);
      filled = 0;
      this.#onAnswer(this, this.#index);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }
}
