/** The agent's side of the handshake: what it says, and what the answer means. No IO, no clock. */
import { FrameDecoder } from "../codec/frame.ts";
import { CONNECT_STATUS, describeStatus } from "../codec/message.ts";
import { decodeMessage } from "../codec/decode_message.ts";
import { encodeMessage } from "../codec/encode_message.ts";
import type { AgentHello, InitInfo, InitResponse, TargetHello } from "../codec/message.ts";
import { HandshakeError } from "../errors.ts";
import type { AgentConfig } from "./config.ts";
import type { Target } from "./target.ts";
import type { ServerIdentity } from "./tunnel_connection.ts";

/** Highest version of `extra.revtun` that we speak. */
export const HELLO_VERSION = 1;

/** Settings that are told in the handshake. */
export type HandshakeSettings = Pick<
  AgentConfig,
  "cluster" | "hostName" | "weight" | "credentialPolicy" | "credential" | "mode" | "targets"
>;

/** What tells one connection from the others. */
export interface ConnectionIdentity {
  /** A UUID of the agent's process. */
  readonly agentId: string;
  readonly connectionId: number;
  /** "revtun/0.1.0". */
  readonly software: string;
  /** "probe" asks the server to register nothing. */
  readonly purpose?: "probe";
  /** It makes spans of what its servers trace. */
  readonly isTracing?: boolean;
}

/** A handshake that led somewhere. */
export interface HandshakeResult {
  readonly mode: "mux" | "raw";
  readonly server: ServerIdentity;
  /** Bytes behind the answer, which belong to what the connection carries; lies in what was given. */
  readonly rest: Uint8Array;
}

/** Makes the message that opens a tunnel connection. */
export function initInfo(settings: HandshakeSettings, identity: ConnectionIdentity): InitInfo {
  return {
    type: "initInfo",
    clusterName: settings.cluster,
    // 0 would count as 1 in the handshake; "no new work" is said on the control stream.
    weight: Math.max(1, settings.weight),
    hostName: settings.hostName,
    credentialPolicy: settings.credentialPolicy,
    credential: settings.credential?.reveal() ?? "",
    hello: agentHello(settings, identity),
  };
}

/** One handshake: send `request`, then give it what arrives. */
export class AgentHandshake {
  /** The first bytes of the connection. */
  readonly request: Uint8Array;
  readonly #mode: AgentConfig["mode"];
  readonly #onResponse: ((response: InitResponse) => void) | undefined;
  readonly #decoder = new FrameDecoder();

  /** @param onResponse told of the answer, before `receive()` says what it means. */
  constructor(
    settings: HandshakeSettings,
    identity: ConnectionIdentity,
    onResponse?: (response: InitResponse) => void,
  ) {
    this.#mode = settings.mode;
    this.#onResponse = onResponse;
    this.request = encodeMessage(initInfo(settings, identity));
  }

  /**
   * Takes the next bytes; gives the result once the answer is whole.
   *
   * @throws {HandshakeError} the server refused, or cannot do what `mode` demands.
   * @throws {DecodeError} what answers is no tunnel server.
   */
  receive(bytes: Uint8Array): HandshakeResult | undefined {
    const decoded = this.#decoder.push(bytes);
    if (decoded === undefined) return undefined;
    const message = decodeMessage(decoded.frame);
    if (message.type !== "initResponse") {
      throw new HandshakeError(
        `The server answered the handshake with a message of type ${message.type}`,
        CONNECT_STATUS.unknownFailure,
        true,
      );
    }
    this.#onResponse?.(message);
    if (message.status !== CONNECT_STATUS.success) throw refusal(message);
    return { ...this.#agree(message), rest: decoded.rest };
  }

  #agree(response: InitResponse): Omit<HandshakeResult, "rest"> {
    const { hello } = response;
    const mode = hello?.mode ?? "raw";
    if (this.#mode !== "auto" && this.#mode !== mode) {
      const name = hello === undefined ? "The server, which is MOSN," : "The server";
      throw new HandshakeError(
        `${name} does not do mode ${this.#mode}, which this agent demands`,
        CONNECT_STATUS.unknownFailure,
        false,
      );
    }
    return {
      mode,
      server: {
        kind: hello === undefined ? "mosn" : "revtun",
        serverId: hello?.serverId,
        serverCount: hello?.serverCount ?? 1,
        software: hello?.software,
      },
    };
  }
}

function agentHello(settings: HandshakeSettings, identity: ConnectionIdentity): AgentHello {
  const { agentId, connectionId, software, purpose, isTracing = false } = identity;
  return {
    version: HELLO_VERSION,
    modes: settings.mode === "auto" ? ["mux", "raw"] : [settings.mode],
    agentId,
    connectionId,
    software,
    ...(purpose !== undefined && { purpose }),
    ...(isTracing && { isTracing }),
    ...(settings.targets.size > 0 && { targets: targetHellos(settings.targets) }),
  };
}

function targetHellos(targets: ReadonlyMap<string, Target>): Record<string, TargetHello> {
  return Object.fromEntries(
    [...targets.values()].map(({ name, proxyProtocol, hostHeader, protocol }) => [
      name,
      {
        ...(proxyProtocol !== undefined && { proxyProtocol }),
        ...(hostHeader !== undefined && { hostHeader }),
        ...(protocol === "h2c" && { protocol }),
      },
    ]),
  );
}

/** MOSN's three statuses of refusal are about the settings of both sides: waiting changes nothing. */
function refusal(response: InitResponse): HandshakeError {
  const { status, hello } = response;
  const isForGood = status === CONNECT_STATUS.authFailed ||
    status === CONNECT_STATUS.validatorNotFound || status === CONNECT_STATUS.clusterNotExist;
  const retryAfterMs = hello?.retryAfterMs ?? 0;
  const reason = hello?.reason === undefined ? "" : ` (${hello.reason})`;
  return new HandshakeError(
    `The server refused this agent: ${describeStatus(status)}${reason}`,
    status,
    // A server that says when to come again means it.
    !isForGood || retryAfterMs > 0,
    { retryAfterMs, isFinal: isForGood && hello?.isFinal === true },
  );
}
