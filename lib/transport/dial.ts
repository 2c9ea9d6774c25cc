/** Outgoing connections. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { BufferPool } from "../buffer.ts";
import { DialError } from "../errors.ts";
import type { Timer, TimerWheel } from "../timer.ts";
import { SocketDuplex } from "./socket.ts";
import type { SocketOptions } from "./socket.ts";
import type { Connection } from "./connection.ts";
import { translateDialError } from "./socket_error.ts";
import { connectNodeTls, isPlainTls, startTls } from "./tls_client.ts";
import type { TlsClientOptions, TlsHandshake } from "./tls_client.ts";

/**
 * How long a dial that was given up may still bring its connection, to be closed. The runtime loses
 * a connection whose dial is aborted just as it is there (Deno 2.9.6): an open file for ever.
 */
const ABORT_GRACE_MS = 50;

/** How to dial. */
export interface DialOptions extends SocketOptions {
  /** From the call to the connection, name resolution and TLS included. */
  timeoutMs: number;
  /** Gives the dial up. */
  signal?: AbortSignal;
  /** TLS on the connection; in the clear if undefined. */
  tls?: TlsClientOptions | undefined;
}

/** What dialling needs of a runtime. */
export interface DialRuntime {
  readonly pool: BufferPool;
  readonly timers: TimerWheel;
}

/**
 * Connects to `address`.
 *
 * @throws {DialError} refused, unreachable, not to be trusted, or past its deadline; also when
 * `signal` gave it up.
 */
export async function dial(
  address: Address,
  runtime: DialRuntime,
  options: DialOptions,
): Promise<Connection> {
  const name = formatAddress(address);
  const { signal, tls } = options;
  const abort = new AbortController();
  let isLate = false;
  let grace: Timer | undefined;
  let handshake: TlsHandshake | undefined;
  const giveUp = () => {
    handshake?.abort();
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
    if (tls !== undefined && (address.kind === "unix" || !isPlainTls(tls))) {
      handshake = connectNodeTls(address, tls);
      return await handshake.connection;
    }
    const conn = address.kind === "unix"
      ? await Deno.connect({ transport: "unix", path: address.path })
      : await Deno.connect({ hostname: address.host, port: address.port, signal: abort.signal });
    if (grace !== undefined) {
      conn.close();
      throw refusal();
    }
    if (tls === undefined) return new SocketDuplex(conn, runtime.pool, options);
    (conn as Deno.TcpConn).setNoDelay(true);
    handshake = startTls(address, conn as Deno.TcpConn, tls, runtime.pool, options);
    return await handshake.connection;
  } catch (error) {
    if (grace !== undefined) throw refusal();
    throw error instanceof DialError ? error : translateDialError(error, name);
  } finally {
    deadline.cancel();
    grace?.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}
