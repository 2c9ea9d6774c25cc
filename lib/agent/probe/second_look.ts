/** Finds out what answers where no tunnel server did. Nothing secret is sent on this way. */
import type { Address } from "../../address.ts";
import { HandshakeError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { dial } from "../../transport/dial.ts";
import type { DialProxy } from "../../transport/dial.ts";
import { TUNNEL_ALPN } from "../open_tunnel.ts";
import { describePeer } from "./describe_peer.ts";
import { Stranger } from "./stranger.ts";
import { Greeting } from "./greeting.ts";

/** What was found. */
export interface SecondLook {
  /** "a web server". */
  readonly what: string;
  readonly isTunnel: boolean;
}

/** Longest of these looks: they are not what was asked for. */
const MAX_MS = 2000;
const HTTP_QUESTION = "HEAD / HTTP/1.0\r\n\r\n";

/** Speaks to what did not speak TLS. Undefined if it says nothing. */
export async function lookInTheClear(
  address: Address,
  runtime: Runtime,
  timeoutMs: number,
  signal: AbortSignal,
  proxy?: DialProxy,
): Promise<SecondLook | undefined> {
  const options = { timeoutMs: Math.min(timeoutMs, MAX_MS), signal, proxy };
  const who = {
    cluster: undefined,
    hostName: "revtun-probe",
    credentialPolicy: "",
    credential: undefined,
    software: "",
    timeoutMs: options.timeoutMs,
  };
  let greeting: Greeting | undefined;
  try {
    greeting = new Greeting(await dial(address, runtime, options), who, runtime, signal);
    const { value } = await greeting.greet(`revtun-probe-${crypto.randomUUID()}`);
    value?.close();
    return { what: "a tunnel server", isTunnel: true };
  } catch (error) {
    if (error instanceof HandshakeError) return { what: "a tunnel server", isTunnel: true };
    const stranger = greeting?.stranger;
    return stranger === undefined ? undefined : { what: stranger, isTunnel: false };
  }
}

/** Speaks to what did not answer a handshake. Undefined if it says nothing to anything. */
export async function lookCloser(
  address: Address,
  runtime: Runtime,
  timeoutMs: number,
  signal: AbortSignal,
  proxy?: DialProxy,
): Promise<SecondLook | undefined> {
  const options = { timeoutMs: Math.min(timeoutMs, MAX_MS), signal, proxy };
  try {
    const tls = { isInsecure: true, alpn: TUNNEL_ALPN };
    const connection = await dial(address, runtime, { ...options, tls });
    const isTunnel = connection.tls?.alpn === TUNNEL_ALPN[0];
    connection.close();
    return {
      what: isTunnel ? "a tunnel server with TLS" : "a TLS server",
      isTunnel,
    };
  } catch {
    // It does not speak TLS.
  }
  try {
    using stranger = new Stranger(await dial(address, runtime, options), runtime.timers);
    const waitMs = options.timeoutMs;
    const bytes = await stranger.ask({ text: HTTP_QUESTION, waitMs, signal });
    return bytes.length === 0 ? undefined : { what: describePeer(bytes), isTunnel: false };
  } catch {
    return undefined;
  }
}
