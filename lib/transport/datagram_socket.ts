/** UDP sockets: the only file that opens them. */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { DeadlineError, DialError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { DatagramFlow } from "./datagram_flow.ts";
import type { Listener } from "./listen.ts";
import type { PortSharing } from "./port_sharing.ts";
import { resolve } from "./resolve.ts";
import { translateDialError, translateListenError } from "./socket_error.ts";

/** No datagram is larger. */
const MAX_DATAGRAM_BYTES = 65_535;
/** Clients at once, whose addresses nobody has proven. */
const MAX_FLOWS = 4096;
/** A flow that failed takes nothing for this long, so that each datagram does not open a new one. */
const FAILED_PAUSE_MS = 1000;
/** Rest after a read that failed. */
const READ_PAUSE_MS = 50;

/** How to listen for datagrams. */
export interface DatagramListenOptions {
  /** Takes each new client; must not throw. */
  onConnection(flow: DatagramFlow): void;
  /** A datagram was dropped. */
  onDropped(): void;
  /** Nobody by default; else the process that joined last gets the datagrams. */
  readonly sharing?: PortSharing;
  /** Clients at once; datagrams of others are dropped. 4,096 by default. */
  readonly maxFlows?: number;
}

type UdpAddress = Deno.NetAddr;

/**
 * Listens for datagrams on `address`; host "" means all addresses, IPv6 and IPv4. Its close ends
 * its clients too: they have no connection of their own.
 *
 * @throws {ListenError} the address is in use, not of this machine, or not permitted.
 */
export function listenDatagrams(
  address: Address,
  runtime: Runtime,
  options: DatagramListenOptions,
): Listener {
  const socket = open(address, options.sharing ?? "none");
  const { maxFlows = MAX_FLOWS } = options;
  const local: Address = {
    kind: "tcp",
    host: address.kind === "tcp" ? address.host : "",
    port: (socket.addr as UdpAddress).port,
  };
  const flows = new Map<string, DatagramFlow>();
  let isClosed = false;
  const receiving = receiveAll(socket, runtime, () => isClosed, (datagram, from) => {
    const key = `${from.hostname} ${from.port}`;
    let flow = flows.get(key);
    if (flow === undefined) {
      if (flows.size >= maxFlows) return options.onDropped();
      flow = flowFrom(from, key);
      flows.set(key, flow);
      options.onConnection(flow);
    }
    if (flow.isClosed) options.onDropped();
    else flow.receive(datagram);
  });
  return {
    address: local,
    close: () => {
      if (!isClosed) {
        isClosed = true;
        for (const flow of flows.values()) flow.close();
        socket.close();
      }
      return receiving;
    },
  };

  function flowFrom(from: UdpAddress, key: string): DatagramFlow {
    return new DatagramFlow({
      local,
      remote: addressOf(from),
      send: (bytes) => socket.send(bytes, from),
      dropped: () => options.onDropped(),
      closed: (error) => {
        const hasFailed = error !== undefined && !(error instanceof DeadlineError);
        if (!hasFailed || isClosed) flows.delete(key);
        else runtime.timers.after(FAILED_PAUSE_MS, () => flows.delete(key));
      },
    });
  }
}

/**
 * Makes a socket that exchanges datagrams with `address` alone. Nobody answers: whether there is
 * something at the far end cannot be known.
 *
 * @throws {DialError} its name cannot be resolved, or there is no socket to be had.
 */
export async function dialDatagrams(
  address: Address & { kind: "tcp" },
  runtime: Runtime,
  options: { timeoutMs: number; onDropped(): void },
): Promise<DatagramFlow> {
  const [ip] = await resolve(address.host, runtime.timers, options.timeoutMs);
  const name = formatAddress(address);
  if (ip === undefined) throw new DialError(name, "unreachable", "the name cannot be resolved");
  const remote: UdpAddress = { transport: "udp", hostname: ip, port: address.port };
  let socket: Deno.DatagramConn;
  try {
    const hostname = ip.includes(":") ? "::" : "0.0.0.0";
    socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  } catch (error) {
    throw translateDialError(error, name);
  }
  const flow: DatagramFlow = new DatagramFlow({
    local: addressOf(socket.addr as UdpAddress),
    remote: addressOf(remote),
    send: (bytes) => socket.send(bytes, remote),
    dropped: () => options.onDropped(),
    closed: () => socket.close(),
  });
  void receiveAll(socket, runtime, () => flow.isClosed, (datagram, from) => {
    // Anybody can send to a socket that is open; the target alone is listened to.
    if (from.port === remote.port && from.hostname === ip) flow.receive(datagram);
  });
  return flow;
}

function open(address: Address, sharing: PortSharing): Deno.DatagramConn {
  const name = formatAddress(address);
  try {
    if (address.kind === "unix") throw new TypeError("udp:// needs host:port");
    // Two that share a port are not told of each other: the first one has to see that it is alone.
    if (sharing === "later" && address.port !== 0) bind(address, false).close();
    return bind(address, sharing !== "none");
  } catch (error) {
    throw translateListenError(error, name);
  }
}

function bind({ host, port }: Address & { kind: "tcp" }, reuseAddress: boolean): Deno.DatagramConn {
  const options = { transport: "udp", port, reuseAddress } as const;
  if (host !== "") return Deno.listenDatagram({ hostname: host, ...options });
  try {
    return Deno.listenDatagram({ hostname: "::", ...options });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw error;
    // No IPv6 on this machine.
    return Deno.listenDatagram({ hostname: "0.0.0.0", ...options });
  }
}

/** Gives each datagram to `take`, which must use it at once; ends when the socket is closed. */
async function receiveAll(
  socket: Deno.DatagramConn,
  runtime: Runtime,
  isClosed: () => boolean,
  take: (datagram: Uint8Array, from: UdpAddress) => void,
): Promise<void> {
  const buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
  while (!isClosed()) {
    try {
      const [datagram, from] = await socket.receive(buffer);
      if (!isClosed()) take(datagram, from as UdpAddress);
    } catch (error) {
      if (isClosed() || error instanceof Deno.errors.BadResource) return;
      runtime.log.debug("datagrams.receive_failed", String(error));
      await new Promise<void>((resolve) => runtime.timers.after(READ_PAUSE_MS, resolve));
    }
  }
}

function addressOf({ hostname, port }: UdpAddress): Address {
  // A dual-stack socket names its IPv4 peers ::ffff:a.b.c.d.
  return { kind: "tcp", host: hostname.replace(/^::ffff:(?=\d+\.)/i, ""), port };
}
