/**
 * A MOSN tunnel agent as its code behaves (mosn pkg/filter/network/tunnel at 707d635b), for
 * machines without MOSN: connections dialled one after another, each tried again only if it was
 * closed without an answer; any answer counts as accepted; an aside connection that stays silent
 * until the stop; bytes that come in one read with the answer are lost.
 */
import { HttpReadBuffer } from "./http_exchange.ts";
import type { HttpMessage } from "./http_exchange.ts";
import { encodeFrame, FLAG, MosnReadBuffer, STATUS } from "./mosn_frame.ts";
import { addressOf } from "./stand_in_server.ts";

/** The agent's `tunnel_agent` settings, and what its hosting listener answers. */
export interface StandInAgentOptions {
  port: number;
  cluster?: string;
  connectionNum?: number;
  credentialPolicy?: string;
  credential?: string;
  /** MOSN's default is 3,000; it doubles with no end. */
  reconnectBaseMs?: number;
  /** -1, MOSN's default, for ever. */
  connectRetryTimes?: number;
  /** MOSN's default is 15,000, always waited in full. */
  gracefulCloseMaxWaitMs?: number;
  /** The whole response to a request; a short 200 by default. */
  answer?(request: HttpMessage, connection: string): string | Promise<string>;
}

/** The agent; ends with the block that made it, without a graceful close. */
export class StandInAgent implements AsyncDisposable {
  /** Statuses that it was answered with. */
  readonly statuses: number[] = [];
  /** Local addresses of the connections that it believes in. */
  readonly connections = new Map<string, Deno.TcpConn>();
  /** Dials made, the aside connection's too. */
  dialCount = 0;
  /** True once the aside connection is there: the boot is over. */
  isBooted = false;
  readonly #options: StandInAgentOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #open = new Set<Deno.TcpConn>();
  readonly #stop = new AbortController();
  #aside: Deno.TcpConn | undefined;
  #isPreparingClose = false;

  constructor(options: StandInAgentOptions) {
    this.#options = options;
    this.#track(this.#boot());
  }

  /** SIGTERM: one GracefulClose over the aside connection, then the whole wait, then the end. */
  async stop(): Promise<void> {
    this.#isPreparingClose = true;
    if (this.#aside === undefined) this.#aside = await this.#dial();
    await this.#aside.write(encodeFrame(FLAG.gracefulClose, {
      "addresses": [...this.connections.keys()],
      "cluster_name": this.#options.cluster ?? "edge-a",
    }));
    close(this.#aside);
    await delay(this.#options.gracefulCloseMaxWaitMs ?? 15_000, this.#stop.signal);
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const conn of this.#open) close(conn);
    await Promise.all(this.#running);
  }

  async #boot(): Promise<void> {
    for (let i = 0; i < (this.#options.connectionNum ?? 1); i++) await this.#connect();
    this.#aside = await this.#dial().catch(() => undefined);
    this.isBooted = true;
  }

  async #connect(): Promise<void> {
    let waitMs = this.#options.reconnectBaseMs ?? 3000;
    const tries = this.#options.connectRetryTimes ?? -1;
    for (let i = 0; (i < tries || tries === -1) && !this.#stop.signal.aborted; i++) {
      try {
        const conn = await this.#dial();
        if (await this.#initiate(conn)) this.#track(this.#serve(conn));
        return;
      } catch {
        await delay(waitMs, this.#stop.signal);
        waitMs *= 2;
      }
    }
  }

  async #dial(): Promise<Deno.TcpConn> {
    this.dialCount += 1;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: this.#options.port });
    if (this.#stop.signal.aborted) {
      close(conn);
      throw new Error("stopped");
    }
    this.#open.add(conn);
    return conn;
  }

  /** True if accepted; throws where MOSN tries again, which it does not after a refusal. */
  async #initiate(conn: Deno.TcpConn): Promise<boolean> {
    await conn.write(encodeFrame(FLAG.initInfo, {
      "cluster_name": this.#options.cluster ?? "edge-a",
      "weight": 10,
      "host_name": "",
      "credential_policy": this.#options.credentialPolicy ?? "",
      "credential": this.#options.credential ?? "",
      "extra": null,
    }));
    const buffer = new MosnReadBuffer();
    const chunk = new Uint8Array(1024);
    for (;;) {
      const size = await conn.read(chunk);
      if (size === null) {
        close(conn);
        throw new Error("EOF");
      }
      const frame = buffer.push(chunk.slice(0, size));
      if (frame === undefined) continue;
      this.statuses.push(frame.payload.status);
      if (frame.payload.status === STATUS.success) return true;
      close(conn);
      return false;
    }
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    const name = addressOf(conn.localAddr);
    this.connections.set(name, conn);
    const reader = new HttpReadBuffer();
    const chunk = new Uint8Array(65_536);
    for (;;) {
      const size = await conn.read(chunk).catch(() => null);
      if (size === null) break;
      for (const request of reader.push(chunk.subarray(0, size))) {
        const answer = await (this.#options.answer?.(request, name) ?? respond(request.startLine));
        await conn.write(new TextEncoder().encode(answer)).catch(() => {});
      }
    }
    this.connections.delete(name);
    this.#open.delete(conn);
    close(conn);
    if (!this.#stop.signal.aborted && !this.#isPreparingClose) await this.#connect();
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(() => {}).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}

/** A keep-alive answer with `body`. */
export function respond(body: string, status = "200 OK"): string {
  const length = new TextEncoder().encode(body).length;
  return `HTTP/1.1 ${status}\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
