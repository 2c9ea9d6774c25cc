/** Incoming connections. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import type { PortSharing } from "./port_sharing.ts";
import { SocketDuplex } from "./socket.ts";
import type { SocketOptions } from "./socket.ts";
import { isClientGone, isOutOfFiles, translateListenError } from "./socket_error.ts";
import { listenUnix } from "./unix_socket.ts";
import type { UnixSocket } from "./unix_socket.ts";

/** Connections that may wait to be accepted; the kernel's own limit may be lower. */
const BACKLOG = 4096;
/** Rest after an accept that failed for want of a file descriptor, or for a reason unknown. */
const FAILED_PAUSE_MS = 100;
/** The same trouble is logged again after this. */
const LOG_AGAIN_MS = 60_000;
/** Turns of the event loop without a new connection after which none waits to be accepted. */
const QUIET_TURNS = 3;
/** Longest time for taking what waits: where clients come without end it would have none. */
const DRAIN_QUEUE_MS = 250;

/** How to listen. */
export interface ListenOptions extends SocketOptions {
  /** Takes each new connection; one that it throws at is closed. */
  onConnection(connection: SocketDuplex): void;
  /** Nobody by default. */
  sharing?: PortSharing;
}

/** An open listening socket. */
export interface Listener {
  /** Where it listens: with the actual port where 0 was asked for. */
  readonly address: Address;
  /**
   * Takes the connections that the system has completed and that wait to be accepted: it would reset
   * them at the close. Resolves with their number when none waits any more.
   */
  drainQueue?(): Promise<number>;
  /** Listens at its Unix path again if another process took that. @throws {ListenError} */
  reclaim?(): void;
  /** Stops accepting; connections made so far stay. Resolves when the accept loop has ended. */
  close(): Promise<void>;
}

/** Resolves with what `count` has grown by once it has stopped to grow. */
export async function untilQuiet(count: () => number): Promise<number> {
  const start = count();
  const endMs = performance.now() + DRAIN_QUEUE_MS;
  let last = start;
  for (let quiet = 0; quiet < QUIET_TURNS && performance.now() < endMs;) {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    quiet = count() === last ? quiet + 1 : 0;
    last = count();
  }
  return last - start;
}

/**
 * Listens on `address`; host "" means all addresses, IPv6 and IPv4. A Unix socket is this user's
 * alone, takes its path from whoever has it (see `clearSocketPath`), and is removed at the close.
 *
 * @throws {ListenError} the address is in use, not of this machine, or not permitted.
 */
export function listen(address: Address, runtime: Runtime, options: ListenOptions): Listener {
  let socket = open(address, options.sharing ?? "none");
  let isClosed = false;
  let acceptedCount = 0;
  let accepting = acceptLoop(socket.listener);
  const { addr } = socket.listener;
  return {
    address: address.kind === "unix"
      ? address
      : { kind: "tcp", host: address.host, port: (addr as Deno.NetAddr).port },
    drainQueue: () => untilQuiet(() => acceptedCount),
    reclaim() {
      if (isClosed || socket.isAtPath()) return;
      const before = socket;
      socket = open(address, "join");
      before.close();
      accepting = Promise.all([accepting, acceptLoop(socket.listener)]).then(() => {});
    },
    close: () => {
      if (!isClosed) {
        isClosed = true;
        socket.close();
      }
      return accepting;
    },
  };

  async function acceptLoop(listener: Deno.Listener): Promise<void> {
    /** What was in the way last, and when it was logged: it may come and go many times a second. */
    let trouble = "";
    let loggedMs = 0;
    while (!isClosed) {
      let conn: Deno.Conn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (isClosed || error instanceof Deno.errors.BadResource) return;
        // A client that gave up before it was accepted fails the accept: that is its own affair.
        if (isClientGone(error)) continue;
        const reason = String(error);
        if (reason !== trouble || runtime.nowMs() - loggedMs > LOG_AGAIN_MS) {
          trouble = reason;
          loggedMs = runtime.nowMs();
          logTrouble(error);
        }
        await new Promise<void>((resolve) => runtime.timers.after(FAILED_PAUSE_MS, resolve));
        continue;
      }
      acceptedCount += 1;
      handOver(conn);
    }
  }

  function logTrouble(error: unknown): void {
    const fields = { listen: formatAddress(address) };
    if (isOutOfFiles(error)) {
      runtime.log.error(
        "listener.exhausted",
        "No file descriptor left for new connections; raise ulimit -n or lower the limits",
        fields,
      );
    } else {
      runtime.log.error("listener.accept_failed", `Cannot accept: ${error}`, fields);
    }
  }

  function handOver(conn: Deno.Conn): void {
    try {
      options.onConnection(new SocketDuplex(conn, runtime.pool, options));
    } catch (error) {
      runtime.log.error("listener.connection_failed", `Closed a new connection: ${error}`, {
        listen: formatAddress(address),
      });
      try {
        conn.close();
      } catch {
        // Whoever threw may have closed it before.
      }
    }
  }
}

function open(address: Address, sharing: PortSharing): UnixSocket {
  const name = formatAddress(address);
  try {
    if (address.kind === "unix") return listenUnix(address.path);
    if (sharing === "later") checkAlone(address);
    const listener = listenTcp(address, sharing !== "none");
    return { listener, isAtPath: () => true, close: () => listener.close() };
  } catch (error) {
    throw translateListenError(error, name);
  }
}

/**
 * Two that share a port are not told of each other: the first one has to see that it is alone.
 *
 * @throws {Error} as the runtime says it.
 */
export function checkAlone(address: Address & { kind: "tcp" }): void {
  if (address.port !== 0) listenTcp(address, false).close();
}

function listenTcp({ host, port }: Address & { kind: "tcp" }, reusePort: boolean): Deno.Listener {
  const options = { port, reusePort, tcpBacklog: BACKLOG };
  if (host !== "") return Deno.listen({ hostname: host, ...options });
  try {
    return Deno.listen({ hostname: "::", ...options });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw error;
    // No IPv6 on this machine.
    return Deno.listen({ hostname: "0.0.0.0", ...options });
  }
}
