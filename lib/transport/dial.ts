/** Outgoing connections. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { BufferPool } from "../buffer.ts";
import { DialError } from "../errors.ts";
import type { Timer, TimerWheel } from "../timer.ts";
import { SocketDuplex } from "./socket.ts";
import type { SocketOptions } from "./socket.ts";
import { translateDialError } from "./socket_error.ts";

/**
 * How long a dial that was given up may still bring its connection, to be closed. The runtime loses
 * a connection whose dial is aborted just as it is there (Deno 2.9.6): an open file for ever.
 */
const ABORT_GRACE_MS = 50;

/** How to dial. */
export interface DialOptions extends SocketOptions {
  /** From the call to the connection, name resolution included. */
  timeoutMs: number;
  /** Gives the dial up. */
  signal?: AbortSignal;
}

/** What dialling needs of a runtime. */
export interface DialRuntime {
  readonly pool: BufferPool;
  readonly timers: TimerWheel;
}

/**
 * Connects to `address`.
 *
 * @throws {DialError} refused, unreachable, or past its deadline; also when `signal` gave it up.
 */
export async function dial(
  address: Address,
  runtime: DialRuntime,
  options: DialOptions,
): Promise<SocketDuplex> {
  const name = formatAddress(address);
  const { signal } = options;
  const abort = new AbortController();
  let isLate = false;
  let grace: Timer | undefined;
  const giveUp = () => {
    grace ??= runtime.timers.after(ABORT_GRACE_MS, () => abort.abort());
  };
  const deadline = runtime.timers.after(options.timeoutMs, () => {
    isLate = true;
    giveUp();
  });
  const refusal = () =>
    isLate
      ? new DialError(name, "timeout", `no answer within ${options.timeoutMs} ms`)
      : new DialError(name, "unreachable", "given up");
  signal?.addEventListener("abort", giveUp);
  try {
    if (signal?.aborted) throw refusal();
    const conn = address.kind === "unix"
      ? await Deno.connect({ transport: "unix", path: address.path })
      : await Deno.connect({ hostname: address.host, port: address.port, signal: abort.signal });
    if (grace === undefined) return new SocketDuplex(conn, runtime.pool, options);
    conn.close();
    throw refusal();
  } catch (error) {
    if (error instanceof DialError) throw error;
    throw grace === undefined ? translateDialError(error, name) : refusal();
  } finally {
    deadline.cancel();
    grace?.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}
