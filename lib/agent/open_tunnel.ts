/** Dial, handshake, and on to what was agreed: how a tunnel connection comes to be. */
import { formatAddress } from "../address.ts";
import type { SharedBuffer } from "../buffer.ts";
import type { InitResponse } from "../codec/message.ts";
import type { Sink } from "../duplex.ts";
import { ClosedError, DecodeError, DialError } from "../errors.ts";
import { dial } from "../transport/dial.ts";
import type { DialRuntime } from "../transport/dial.ts";
import type { TlsClientSettings } from "../transport/tls_client_files.ts";
import { dialTls } from "../transport/tls_dial.ts";
import type { TlsPlace } from "../transport/tls_dial.ts";
import type { Connection } from "../transport/connection.ts";
import { AgentHandshake } from "./handshake.ts";
import type { ConnectionIdentity, HandshakeResult, HandshakeSettings } from "./handshake.ts";
import { describePeer } from "./probe/describe_peer.ts";
import { MuxTunnel } from "./mux_tunnel.ts";
import type { MuxServices } from "./mux_tunnel.ts";
import { RawTunnel } from "./raw_tunnel.ts";
import type { TunnelConnection, TunnelEvents } from "./tunnel_connection.ts";

/** What opening a tunnel connection needs of its agent. */
export interface TunnelServices extends MuxServices {
  /** Names the connection that is about to be dialled. */
  nextIdentity(): ConnectionIdentity;
}

/** Protocol of the tunnel in ALPN, for whoever tells connections apart by it. */
export const TUNNEL_ALPN = ["revtun"] as const;

/**
 * Dials one of a server's addresses, inside TLS where the settings say so.
 *
 * @throws {DialError} no connection, or a server that is not to be trusted.
 */
export function dialServer(
  place: TlsPlace,
  tls: TlsClientSettings | undefined,
  runtime: DialRuntime,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Connection> {
  return tls === undefined
    ? dial(place.address, runtime, { ...options, proxy: place.proxy })
    : dialTls(place, tls, runtime, { ...options, alpn: TUNNEL_ALPN });
}

/**
 * Dials a server and registers; both together within `connectTimeoutMs`.
 *
 * @throws {DialError} no connection, no answer in time, or what answers is no tunnel server; also
 * when `signal` gave it up.
 * @throws {HandshakeError} the server refused.
 * @throws {ClosedError} the server ended the connection without an answer.
 * @throws {DecodeError} the server's answer is broken.
 */
export async function openTunnel(
  place: TlsPlace,
  services: TunnelServices,
  events: TunnelEvents,
  signal: AbortSignal,
): Promise<TunnelConnection> {
  const { config, runtime } = services;
  const startMs = runtime.nowMs();
  const timeoutMs = config.connectTimeoutMs;
  const socket = await dialServer(place, config.tls, runtime, { timeoutMs, signal });
  const leftMs = Math.max(0, timeoutMs - (runtime.nowMs() - startMs));
  let first: Uint8Array | undefined;
  const handshake = shakeHands(socket, {
    settings: config,
    identity: services.nextIdentity(),
    runtime,
    timeoutMs: leftMs,
    signal,
    onBytes: (bytes) => first ??= bytes.slice(0, 8),
    // Within the call that brings the answer: what follows it belongs to what is made here.
    onResult: (result, buffer) => {
      const Tunnel = result.mode === "mux" ? MuxTunnel : RawTunnel;
      const tunnel = new Tunnel(socket, result.server, services, events);
      if (result.rest.length > 0) tunnel.receive(result.rest, buffer);
      return tunnel;
    },
  });
  return await handshake.catch((error) => {
    // From its first byte on it is no frame: another program's port.
    if (first === undefined || !(error instanceof DecodeError) || error.offset > 0) throw error;
    const detail = `${describePeer(first)} answers there, no tunnel server: ` +
      "name the server's --tunnel port, with tls:// before it if that speaks TLS";
    throw new DialError(formatAddress(place.address), "failed", detail, { cause: error });
  });
}

/** How to shake hands. */
export interface ShakeHandsOptions<T> {
  readonly settings: HandshakeSettings;
  readonly identity: ConnectionIdentity;
  readonly runtime: Pick<TunnelServices["runtime"], "timers">;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of all bytes until the handshake is over: who looks closer at what answers. */
  onBytes?(bytes: Uint8Array): void;
  /** Told of the answer, whatever it says. */
  onResponse?(response: InitResponse): void;
  /** Attaches what the connection carries; `buffer` holds `result.rest`. */
  onResult(result: HandshakeResult, buffer: SharedBuffer): T;
}

/**
 * Does the agent's side of the handshake on `socket`, which is closed if that fails.
 *
 * @throws as {@link openTunnel}.
 */
export function shakeHands<T>(socket: Connection, options: ShakeHandsOptions<T>): Promise<T> {
  const { signal } = options;
  const name = formatAddress(socket.remote);
  return new Promise<T>((resolve, reject) => {
    let handshake: AgentHandshake;
    try {
      handshake = new AgentHandshake(
        options.settings,
        options.identity,
        (response) => options.onResponse?.(response),
      );
    } catch (error) {
      // More targets than a frame holds.
      socket.close();
      throw error;
    }
    const deadline = options.runtime.timers.after(options.timeoutMs, () => {
      fail(new DialError(name, "timeout", "connected, but the handshake was not answered in time"));
    });
    const giveUp = () => fail(new DialError(name, "unreachable", "given up"));
    signal.addEventListener("abort", giveUp);
    const sink: Sink = {
      onData: (bytes, buffer) => {
        try {
          options.onBytes?.(bytes);
          const result = handshake.receive(bytes);
          if (result === undefined) return;
          settle();
          resolve(options.onResult(result, buffer));
        } catch (error) {
          fail(error as Error);
        }
      },
      onEnd: () => fail(unanswered(name)),
      onDrain: () => {},
      onClose: (error) => fail(error ?? unanswered(name)),
    };
    socket.attach(sink);
    if (signal.aborted) giveUp();
    else socket.write(handshake.request);

    function settle(): void {
      deadline.cancel();
      signal.removeEventListener("abort", giveUp);
    }
    function fail(error: Error): void {
      settle();
      reject(error);
      socket.close();
    }
  });
}

function unanswered(name: string): ClosedError {
  return new ClosedError(
    "peer",
    `Server ${name} closed the connection without an answer; it may be overloaded or stopping`,
  );
}
