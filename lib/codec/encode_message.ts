/** Writes messages as frames: the keys of the wire, in MOSN's order. */
import { encodeFrame, FRAME_FLAG, FRAME_KIND } from "./frame.ts";
import type { FrameKind } from "./frame.ts";
import type { JsonObject } from "./json_object.ts";
import type { AgentHello, KnownMessage, Message, ServerHello } from "./message.ts";

const utf8 = new TextEncoder();

/**
 * Writes a message as a frame. Without a `hello` the keys, their order and the bytes are those of
 * MOSN, except that Go escapes `<`, `>` and `&`.
 *
 * @throws {RangeError} when it does not fit a frame.
 */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  if (message.type === "unknown") {
    const { flag, payload } = message;
    return encodeFrame({ flag, kind: FRAME_KIND.request, payload });
  }
  const payload = utf8.encode(JSON.stringify(toJson(message)));
  return encodeFrame({ flag: FRAME_FLAG[message.type], kind: kindOf(message.type), payload });
}

function kindOf(type: KnownMessage["type"]): FrameKind {
  return type === "initResponse" ? FRAME_KIND.response : FRAME_KIND.request;
}

/** A message with the keys of the wire, in MOSN's order. */
function toJson(message: KnownMessage): JsonObject {
  switch (message.type) {
    case "initInfo":
      return {
        "cluster_name": message.clusterName,
        "weight": message.weight,
        "host_name": message.hostName,
        "credential_policy": message.credentialPolicy,
        "credential": message.credential,
        "extra": message.hello === undefined ? null : { revtun: agentHelloToJson(message.hello) },
      };
    case "initResponse":
      return message.hello === undefined
        ? { status: message.status }
        : { status: message.status, extra: { revtun: serverHelloToJson(message.hello) } };
    case "gracefulClose":
      return { addresses: message.addresses, "cluster_name": message.clusterName };
    case "adjustWeight":
      return {
        "cluster_name": message.clusterName,
        "host_name": message.hostName,
        weight: message.weight,
      };
    case "drain":
      return { state: message.state, reason: message.reason };
    case "retryAfter":
      return { "retry_after_ms": message.retryAfterMs, reason: message.reason };
    case "targetHealth":
      return { targets: message.targets };
    case "expose":
      return { frontends: message.frontends.map(({ url, target }) => ({ url, target })) };
    case "exposed":
      return {
        frontends: message.frontends.map(({ url, address, reason }) => ({ url, address, reason })),
      };
    case "trace":
      return { stream: message.streamId, traceparent: message.traceparent };
  }
}

function agentHelloToJson(hello: AgentHello): JsonObject {
  const targets = hello.targets === undefined ? undefined : Object.fromEntries(
    Object.entries(hello.targets).map(([name, { proxyProtocol, hostHeader, protocol }]) => [
      name,
      { "proxy_protocol": proxyProtocol, "host_header": hostHeader, protocol },
    ]),
  );
  return {
    version: hello.version,
    modes: hello.modes,
    "agent_id": hello.agentId,
    "connection_id": hello.connectionId,
    software: hello.software,
    purpose: hello.purpose,
    traces: hello.isTracing === true ? true : undefined,
    targets,
  };
}

function serverHelloToJson(hello: ServerHello): JsonObject {
  return {
    version: hello.version,
    mode: hello.mode,
    "server_id": hello.serverId,
    "server_count": hello.serverCount,
    software: hello.software,
    reason: hello.reason,
    "retry_after_ms": hello.retryAfterMs,
    final: hello.isFinal,
    "time_ms": hello.timeMs,
  };
}
