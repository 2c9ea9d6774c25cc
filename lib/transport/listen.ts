/** Incoming connections. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import { SocketDuplex } from "./socket.ts";
import type { SocketOptions } from "./socket.ts";
import { isClientGone, isOutOfFiles, translateListenError } from "./socket_error.ts";
import { restrictSocket } from "./socket_path.ts";

/** Connections that may wait to be accepted; the kernel's own limit may be lower. */
export const BACKLOG = 4096;
/** Rest after an accept that failed for want of a file descriptor, or for a reason unknown. */
const FAILED_PAUSE_MS = 100;
/** The same trouble is logged again after this. */
const LOG_AGAIN_MS = 60_000;

/**
 * Who else may listen on the same port (Linux, TCP):
 * - `none`: nobody;
 * - `later`: nobody now, a process of a later start that joins;
 * - `join`: whoever listens there now, if it lets others join.
 */
export type PortSharing = "none" | "later" | "join";

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
  /** Stops accepting; connections made so far stay. Resolves when the accept loop has ended. */
  close(): Promise<void>;
}

/**
 * Listens on `address`; host "" means all addresses, IPv6 and IPv4. A Unix socket is this user's
 * alone, and the runtime removes it at the close; see {@link clearSocketPath} for one that was left behind.
 *
 * @throws {ListenError} the address is in use, not of this machine, or not permitted.
 */
export function listen(address: Address, runtime: Runtime, options: ListenOptions): Listener {
  const listener = open(address, options.sharing ?? "none");
  let isClosed = false;
  const accepting = acceptLoop();
  return {
    address: actualAddress(address, listener),
    close: () => {
      if (!isClosed) {
        isClosed = true;
        listener.close();
      }
      return accepting;
    },
  };

  async function acceptLoop(): Promise<void> {
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

function open(address: Address, sharing: PortSharing): Deno.Listener {
  const name = formatAddress(address);
  try {
    if (address.kind === "unix") {
      const listener = Deno.listen({ transport: "unix", path: address.path });
      restrictSocket(address.path);
      return listener;
    }
    if (sharing === "later") checkAlone(address);
    return listenTcp(address, sharing !== "none");
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

function actualAddress(asked: Address, listener: Deno.Listener): Address {
  if (asked.kind === "unix") return asked;
  return { kind: "tcp", host: asked.host, port: (listener.addr as Deno.NetAddr).port };
}
