/** Outgoing connections. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { BufferPool } from "../buffer.ts";
import { DialError } from "../errors.ts";
import type { TimerWheel } from "../timer.ts";
import { SocketDuplex } from "./socket.ts";
import type { SocketOptions } from "./socket.ts";
import type { Connection } from "./connection.ts";
import { translateDialError } from "./socket_error.ts";
import { connectNodeTls, isPlainTls, startTls } from "./tls_client.ts";
import type { TlsClientOptions } from "./tls_client.ts";

/**
 * How long a connection attempt that was given up goes on by itself; what it brings is closed. The
 * runtime can lose a connection whose dial is aborted just as it is there (Deno 2.9.6), an open
 * file for ever: an attempt is aborted only where nothing has answered for so long.
 */
const ABORT_GRACE_MS = 2_000;

/** A connection to a proxy, for what has to be said there before it leads on. */
export type ProxyConn = Pick<Deno.Conn, "read" | "write">;

/** Another program's way to an address: it is dialled in its place, and asked to lead there. */
export interface DialProxy {
  readonly address: Address;
  /**
   * Asks for the way to `target` and reads the answer, not a byte more: what comes behind it is the
   * target's. `conn` is closed where the dial's time is over.
   *
   * @throws {DialError} about `target`: the proxy refuses, or is none.
   */
  open(conn: ProxyConn, target: Address): Promise<void>;
}

/** How to dial. */
export interface DialOptions extends SocketOptions {
  /** From the call to the connection, name resolution and TLS included. */
  timeoutMs: number;
  /** Gives the dial up. */
  signal?: AbortSignal;
  /** TLS on the connection; in the clear if undefined. */
  tls?: TlsClientOptions | undefined;
  /** Whom to go by, and leave names to; a Unix socket is dialled straight in any case. */
  proxy?: DialProxy | undefined;
  /**
   * Called when `signal` gave the dial up and its attempt to connect goes on in the background, for
   * 2 s at most; `rest` resolves when that has ended. Never rejects.
   */
  onGivenUp?: (rest: Promise<void>) => void;
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
  const proxy = address.kind === "unix" ? undefined : options.proxy;
  let isGivenUp = false;
  let isLate = false;
  let pending: { abort(): void } | undefined;
  const way = proxy === undefined ? "" : ` through proxy ${formatAddress(proxy.address)}`;
  const refusal = () =>
    isLate
      ? new DialError(name, "timeout", `no answer${way} within ${options.timeoutMs} ms`)
      : new DialError(name, "unreachable", "given up");
  const giving = Promise.withResolvers<never>();
  giving.promise.catch(() => {});
  const giveUp = () => {
    isGivenUp = true;
    pending?.abort();
    giving.reject(refusal());
  };
  const abort = new AbortController();
  const deadline = runtime.timers.after(options.timeoutMs, () => {
    isGivenUp = isLate = true;
    pending?.abort();
    abort.abort();
  });
  signal?.addEventListener("abort", giveUp);
  try {
    if (signal?.aborted) throw refusal();
    const isNodeTls = tls !== undefined && (address.kind === "unix" || !isPlainTls(tls));
    if (isNodeTls && proxy === undefined) {
      const handshake = pending = connectNodeTls(address, tls);
      return await handshake.connection;
    }
    const first = proxy?.address ?? address;
    const conn = await connect(first, abort, giving.promise, runtime, options);
    if (isGivenUp) {
      conn.close();
      throw refusal();
    }
    if (proxy !== undefined) {
      pending = { abort: () => closeQuietly(conn) };
      await proxy.open(conn, address).catch((error) => {
        closeQuietly(conn);
        throw error;
      });
      if (isGivenUp) throw refusal();
    }
    const ends = proxy === undefined ? options : { ...options, remote: address };
    if (tls === undefined) return new SocketDuplex(conn, runtime.pool, ends);
    (conn as Deno.TcpConn).setNoDelay(true);
    const handshake = pending = isNodeTls
      ? connectNodeTls(address, tls, new SocketDuplex(conn, runtime.pool, ends))
      : startTls(address, conn as Deno.TcpConn, tls, runtime.pool, ends);
    return await handshake.connection;
  } catch (error) {
    if (isGivenUp) throw refusal();
    if (error instanceof DialError) throw error;
    const failed = translateDialError(error, name);
    if (proxy === undefined) throw failed;
    // Whatever fails on the way through it says so itself.
    const detail = `proxy ${formatAddress(proxy.address)}: ${failed.detail}`;
    throw new DialError(name, failed.failure, detail, { cause: error });
  } finally {
    deadline.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed when its dial was given up.
  }
}

/** Connects, or rejects as soon as `givenUp` does: what comes after that is closed. */
async function connect(
  address: Address,
  abort: AbortController,
  givenUp: Promise<never>,
  { timers }: DialRuntime,
  { onGivenUp }: DialOptions,
): Promise<Deno.Conn> {
  const attempt: Promise<Deno.Conn> = address.kind === "unix"
    ? Deno.connect({ transport: "unix", path: address.path })
    : Deno.connect({ hostname: address.host, port: address.port, signal: abort.signal });
  try {
    return await Promise.race([attempt, givenUp]);
  } catch (error) {
    // Nothing is left of an attempt that has failed; any other one goes on.
    const grace = timers.after(ABORT_GRACE_MS, () => abort.abort());
    const rest = attempt.then((conn) => conn.close(), () => {}).finally(() => grace.cancel());
    onGivenUp?.(rest);
    throw error;
  }
}
