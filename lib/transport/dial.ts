/** Outgoing connections. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { BufferPool } from "../buffer.ts";
import { DialError } from "../errors.ts";
import type { TimerWheel } from "../timer.ts";
import { SocketDuplex } from "./socket.ts";
import type { SocketOptions } from "./socket.ts";
import { translateDialError } from "./socket_error.ts";

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
  const deadline = runtime.timers.after(options.timeoutMs, () => {
    isLate = true;
    abort.abort();
  });
  const giveUp = () => abort.abort();
  signal?.addEventListener("abort", giveUp);
  try {
    if (signal?.aborted) abort.abort();
    const conn = address.kind === "unix"
      ? await Deno.connect({ transport: "unix", path: address.path })
      : await Deno.connect({ hostname: address.host, port: address.port, signal: abort.signal });
    return new SocketDuplex(conn, runtime.pool, options);
  } catch (error) {
    if (isLate) {
      throw new DialError(name, "timeout", `no answer within ${options.timeoutMs} ms`);
    }
    if (abort.signal.aborted) throw new DialError(name, "unreachable", "given up");
    throw translateDialError(error, name);
  } finally {
    deadline.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}
