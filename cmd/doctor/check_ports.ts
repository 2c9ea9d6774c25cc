/** Ports that a server is to listen on: free, or whose? */
import { formatAddress } from "../../lib/address.ts";
import type { Address } from "../../lib/address.ts";
import { ListenError } from "../../lib/errors.ts";
import { lookCloser, lookInTheClear } from "../../lib/agent/probe/second_look.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Step } from "../../lib/step.ts";
import type { DatagramFlow } from "../../lib/transport/datagram_flow.ts";
import { listenDatagrams } from "../../lib/transport/datagram_socket.ts";
import { dial } from "../../lib/transport/dial.ts";
import { listen } from "../../lib/transport/listen.ts";
import { findPortOwner } from "../../lib/transport/port_owner.ts";
import { stepOf } from "./examination.ts";

/** Longest wait for whoever listens on a Unix socket. */
const DIAL_MS = 1000;

/** A port, and what for. */
export interface NamedPort {
  readonly address: Address;
  readonly isUdp: boolean;
  /** "frontend http", "tunnel", "admin". */
  readonly purpose: string;
}

/** Tries to listen on each, for a moment; `isRunning`: these settings are in use by a revtun here. */
export async function* checkPorts(
  ports: readonly NamedPort[],
  isRunning: boolean,
  runtime: Runtime,
): AsyncGenerator<Step> {
  for (const port of ports) yield await check(port, isRunning, runtime);
}

async function check(
  { address, isUdp, purpose }: NamedPort,
  isRunning: boolean,
  runtime: Runtime,
): Promise<Step> {
  const subject = `${isUdp ? "udp://" : ""}${formatAddress(address)}`;
  const forWhat = `for ${purpose}`;
  try {
    if (isUdp && address.kind === "tcp") await tryDatagrams(address, runtime);
    else await tryConnections(address, runtime);
    return stepOf("port", subject, { verdict: "ok", detail: `free, ${forWhat}` });
  } catch (error) {
    const reason = (error as Error).message.replace(/^Cannot listen on .*?: /, "");
    const isInUse = /in use/.test(reason);
    const who = isInUse && !isRunning && !isUdp ? await describeOwner(address, runtime) : "";
    if (isInUse && isRunning) {
      return stepOf("port", subject, {
        verdict: "ok",
        detail: `in use, ${forWhat}: a revtun runs with these settings`,
      });
    }
    return stepOf("port", subject, {
      verdict: "fail",
      detail: `${isInUse ? `in use${who}` : reason}, ${forWhat}`,
      advice: isInUse
        ? "stop that program, or take another port"
        : /permission/.test(reason)
        ? "ports below 1024 need CAP_NET_BIND_SERVICE: see deploy/, or take another port"
        : "use an address of this machine, or :PORT for all of them",
    });
  }
}

/** Says who has a port, as far as that can be seen from here. */
async function describeOwner(address: Address, runtime: Runtime): Promise<string> {
  if (address.kind === "unix") return "";
  const owner = await findPortOwner(address.port);
  if (owner !== undefined) return ` by ${owner.name}, process ${owner.pid}`;
  const host = ["", "::", "0.0.0.0"].includes(address.host) ? "localhost" : address.host;
  const { signal } = new AbortController();
  const place = { ...address, host };
  const found = await lookInTheClear(place, runtime, DIAL_MS, signal) ??
    await lookCloser(place, runtime, DIAL_MS, signal);
  return found === undefined ? "" : `: ${found.what} answers there`;
}

async function tryConnections(address: Address, runtime: Runtime): Promise<void> {
  if (address.kind === "unix" && await isThere(address.path)) {
    // What nobody listens on is removed by the server when it starts.
    const connection = await dial(address, runtime, { timeoutMs: DIAL_MS }).catch(() => undefined);
    connection?.close();
    if (connection === undefined) return;
    throw new ListenError(formatAddress(address), "in use by another program");
  }
  await listen(address, runtime, { onConnection: (connection) => connection.close() }).close();
}

async function tryDatagrams(address: Address, runtime: Runtime): Promise<void> {
  const options = { onConnection: (flow: DatagramFlow) => flow.close(), onDropped: () => {} };
  await listenDatagrams(address, runtime, options).close();
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
