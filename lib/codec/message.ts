/** What MOSN frames say, as typed values; the only place that knows their JSON keys. */
import { DecodeError } from "../errors.ts";
import { encodeFrame, FRAME_FLAG, FRAME_HEADER_BYTES, FRAME_KIND, isKnownFlag } from "./frame.ts";
import type { Frame, FrameFlag, FrameKind } from "./frame.ts";
import { decodeJsonObject, FieldReader, payloadError } from "./json_object.ts";
import type { JsonObject } from "./json_object.ts";
import type { JsonOrigin } from "./json_parser.ts";

/** Answers to a ConnectionInitInfo, by MOSN's numbers. */
export const CONNECT_STATUS = {
  unknownFailure: 0,
  success: 1,
  authFailed: 2,
  validatorNotFound: 3,
  clusterNotExist: 4,
} as const;
export type ConnectStatus = typeof CONNECT_STATUS[keyof typeof CONNECT_STATUS];

/** A status in words, for people. */
export function describeStatus(status: number): string {
  switch (status) {
    case CONNECT_STATUS.unknownFailure:
      return "unknown failure";
    case CONNECT_STATUS.success:
      return "success";
    case CONNECT_STATUS.authFailed:
      return "authentication failed";
    case CONNECT_STATUS.validatorNotFound:
      return "no such credential policy";
    case CONNECT_STATUS.clusterNotExist:
      return "no such cluster";
    default:
      return `status ${status}`;
  }
}

export type TunnelMode = "mux" | "raw";

/** What a revtun agent tells of itself, in `extra.revtun` of ConnectionInitInfo. */
export interface AgentHello {
  version: number;
  /** Modes that it can speak, the best first. */
  modes: TunnelMode[];
  /** A UUID of the agent's process. */
  agentId: string;
  /** Distinguishes the agent's connections to one server. */
  connectionId: number;
  /** "revtun/0.1.0". */
  software?: string;
  /** "probe": registers nothing. */
  purpose?: string;
  /** It makes spans of what it is told to be traced; only then it is told. */
  isTracing?: boolean;
  /** Targets by name, "" for the default one. */
  targets?: Record<string, TargetHello>;
}

/** What a server must know of a target. */
export interface TargetHello {
  /** The target wants a PROXY header: streams to it are never shared between clients. */
  proxyProtocol?: "v1" | "v2";
  /** Host that HTTP requests to it are to name, whatever the client asked for. */
  hostHeader?: string;
  /** What it is spoken to in, where that is not HTTP/1 or bytes as they come. */
  protocol?: "h2c";
}

/** What a revtun server tells of itself, in `extra.revtun` of ConnectionInitResponse. */
export interface ServerHello {
  version: number;
  mode?: TunnelMode;
  serverId?: string;
  /** Servers that an agent should hold connections to. */
  serverCount?: number;
  software?: string;
  /** Why it refuses. */
  reason?: string;
  /** How long the agent should wait before it tries again, in ms. */
  retryAfterMs?: number;
  /** What the agent shows will never do again: no use in trying. */
  isFinal?: boolean;
  /** The server's clock as it answers, ms since 1970. */
  timeMs?: number;
}

export interface InitInfo {
  type: "initInfo";
  clusterName: string;
  weight: number;
  hostName: string;
  credentialPolicy: string;
  credential: string;
  /** Absent for MOSN agents. */
  hello?: AgentHello;
}

export interface InitResponse {
  type: "initResponse";
  status: number;
  /** Absent for MOSN servers. */
  hello?: ServerHello;
}

export interface GracefulClose {
  type: "gracefulClose";
  /** The agent's local addresses, "ip:port". */
  addresses: string[];
  clusterName: string;
}

export interface AdjustWeight {
  type: "adjustWeight";
  clusterName: string;
  hostName: string;
  weight: number;
}

export interface Drain {
  type: "drain";
  state: "draining" | "active";
  reason?: string;
}

export interface RetryAfter {
  type: "retryAfter";
  retryAfterMs: number;
  reason?: string;
}

export interface TargetHealth {
  type: "targetHealth";
  /** False: the target should get no new work. */
  targets: Record<string, boolean>;
}

/** An agent asks for frontends of its own: these, and none besides that it asked for before. */
export interface Expose {
  type: "expose";
  frontends: readonly ExposeRequest[];
}

/** One frontend that an agent asks for. */
export interface ExposeRequest {
  /** `tcp://[HOST]:PORT` or `http://HOST`. */
  url: string;
  /** Target that it leads to; "" for the default one. */
  target: string;
}

/** What came of it, in the order of the requests. */
export interface Exposed {
  type: "exposed";
  frontends: readonly ExposeResult[];
}

/** What came of one request: an address, or the reason why there is none. */
export interface ExposeResult {
  url: string;
  /** Where clients come in. */
  address?: string;
  reason?: string;
}

/** The next request on a stream that is there already is traced. */
export interface Trace {
  type: "trace";
  streamId: number;
  /** As W3C's field of that name. */
  traceparent: string;
}

/** A control message of a newer version: ignore it. */
export interface UnknownMessage {
  type: "unknown";
  flag: number;
  payload: Uint8Array;
}

/** The messages that this version knows. */
export type KnownMessage =
  | InitInfo
  | InitResponse
  | GracefulClose
  | AdjustWeight
  | Drain
  | RetryAfter
  | TargetHealth
  | Expose
  | Exposed
  | Trace;

export type Message = KnownMessage | UnknownMessage;

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

/**
 * Reads what a frame says; unknown keys are ignored, so that neighbouring versions get along.
 *
 * @param offset bytes in front of the frame, for errors.
 * @throws {DecodeError} `reason: "type"`, `"payload"` or `"limit"`.
 */
export function decodeMessage(frame: Frame, offset = 0): Message {
  const { flag, kind, payload } = frame;
  if (!isKnownFlag(flag)) return { type: "unknown", flag, payload };
  const format = FORMATS[flag];
  if ((kind === FRAME_KIND.response) !== (flag === FRAME_FLAG.initResponse)) {
    const detail = `${format} came as a ${kind === FRAME_KIND.response ? "response" : "request"}`;
    throw new DecodeError({ format, reason: "type", offset: offset + 4, detail });
  }
  const origin = { format, offset: offset + FRAME_HEADER_BYTES };
  return DECODERS[flag](new FieldReader(decodeJsonObject(payload, origin), origin), origin);
}

/** What a frame with this flag is called. */
export const FORMATS: Readonly<Record<FrameFlag, string>> = {
  [FRAME_FLAG.initInfo]: "ConnectionInitInfo",
  [FRAME_FLAG.initResponse]: "ConnectionInitResponse",
  [FRAME_FLAG.gracefulClose]: "GracefulCloseOnewayRequest",
  [FRAME_FLAG.adjustWeight]: "AdjustWeight",
  [FRAME_FLAG.drain]: "Drain",
  [FRAME_FLAG.retryAfter]: "RetryAfter",
  [FRAME_FLAG.targetHealth]: "TargetHealth",
  [FRAME_FLAG.expose]: "Expose",
  [FRAME_FLAG.exposed]: "Exposed",
  [FRAME_FLAG.trace]: "Trace",
};

/** Weight that a host gets: missing, 0 or negative counts as 1, above 10,000 as 10,000. */
export function effectiveWeight(weight: number): number {
  return Math.min(Math.max(weight, 1), 10_000);
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

type Decoder = (fields: FieldReader, origin: JsonOrigin) => KnownMessage;

const DECODERS: Readonly<Record<FrameFlag, Decoder>> = {
  [FRAME_FLAG.initInfo]: (fields, origin) => {
    const message: InitInfo = {
      type: "initInfo",
      clusterName: fields.string("cluster_name"),
      weight: fields.integer("weight"),
      hostName: fields.string("host_name"),
      credentialPolicy: fields.string("credential_policy"),
      credential: fields.string("credential"),
    };
    const hello = fields.object("extra")?.["revtun"] ?? undefined;
    if (hello !== undefined) message.hello = readAgentHello(hello, origin);
    return message;
  },
  [FRAME_FLAG.initResponse]: (fields, origin) => {
    const message: InitResponse = { type: "initResponse", status: fields.integer("status") };
    const hello = fields.object("extra")?.["revtun"] ?? undefined;
    if (hello !== undefined) message.hello = readServerHello(hello, origin);
    return message;
  },
  [FRAME_FLAG.gracefulClose]: (fields) => ({
    type: "gracefulClose",
    addresses: fields.strings("addresses"),
    clusterName: fields.string("cluster_name"),
  }),
  [FRAME_FLAG.adjustWeight]: (fields) => ({
    type: "adjustWeight",
    clusterName: fields.string("cluster_name"),
    hostName: fields.string("host_name"),
    weight: fields.integer("weight"),
  }),
  [FRAME_FLAG.drain]: (fields, origin) => {
    const state = fields.string("state");
    if (state !== "draining" && state !== "active") {
      const detail = `state is "${state}", expected "draining" or "active"`;
      throw payloadError(origin, detail);
    }
    return { type: "drain", state, ...optional("reason", fields.string("reason")) };
  },
  [FRAME_FLAG.retryAfter]: (fields) => ({
    type: "retryAfter",
    retryAfterMs: fields.integer("retry_after_ms"),
    ...optional("reason", fields.string("reason")),
  }),
  [FRAME_FLAG.targetHealth]: (fields, origin) => {
    const targets = Object.entries(fields.object("targets") ?? {});
    const wrong = targets.find(([, isHealthy]) => typeof isHealthy !== "boolean");
    if (wrong !== undefined) {
      const detail = `health of target "${wrong[0]}" is no boolean`;
      throw payloadError(origin, detail);
    }
    return {
      type: "targetHealth",
      targets: Object.fromEntries(targets) as Record<string, boolean>,
    };
  },
  [FRAME_FLAG.expose]: (fields, origin) => ({
    type: "expose",
    frontends: readFrontends(fields, origin).map((frontend) => ({
      url: frontend.string("url"),
      target: frontend.string("target"),
    })),
  }),
  [FRAME_FLAG.exposed]: (fields, origin) => ({
    type: "exposed",
    frontends: readFrontends(fields, origin).map((frontend) => ({
      url: frontend.string("url"),
      ...optional("address", frontend.string("address")),
      ...optional("reason", frontend.string("reason")),
    })),
  }),
  [FRAME_FLAG.trace]: (fields) => ({
    type: "trace",
    streamId: fields.integer("stream"),
    traceparent: fields.string("traceparent"),
  }),
};

/** The members of the list `frontends`, of which a message cannot have more than fit its frame. */
function readFrontends(fields: FieldReader, origin: JsonOrigin): FieldReader[] {
  return fields.objects("frontends").map((object) => new FieldReader(object, origin));
}

function readAgentHello(value: unknown, origin: JsonOrigin): AgentHello {
  const fields = nested(value, origin);
  const modes = fields.strings("modes").filter((mode) => mode === "mux" || mode === "raw");
  const targets = fields.object("targets");
  return {
    version: fields.integer("version", 1),
    modes,
    agentId: fields.string("agent_id"),
    connectionId: fields.integer("connection_id"),
    ...optional("software", fields.string("software")),
    ...optional("purpose", fields.string("purpose")),
    ...(fields.boolean("traces") && { isTracing: true }),
    ...(targets === undefined ? {} : { targets: readTargets(targets, origin) }),
  };
}

function readTargets(targets: JsonObject, origin: JsonOrigin): Record<string, TargetHello> {
  return Object.fromEntries(
    Object.entries(targets).map(([name, value]) => {
      const fields = nested(value, origin);
      const version = fields.string("proxy_protocol");
      const hostHeader = fields.string("host_header");
      return [name, {
        ...(version === "v1" || version === "v2" ? { proxyProtocol: version } : {}),
        // It goes into requests: nothing but a host may.
        ...(/^[\w.:[\]-]{1,255}$/.test(hostHeader) && { hostHeader }),
        // A protocol that we do not know is one that we cannot speak any better.
        ...(fields.string("protocol") === "h2c" && { protocol: "h2c" as const }),
      }];
    }),
  );
}

function readServerHello(value: unknown, origin: JsonOrigin): ServerHello {
  const fields = nested(value, origin);
  const mode = fields.string("mode");
  const serverCount = fields.integer("server_count");
  const retryAfterMs = fields.integer("retry_after_ms");
  const timeMs = fields.integer("time_ms");
  return {
    version: fields.integer("version", 1),
    ...(mode === "mux" || mode === "raw" ? { mode } : {}),
    ...optional("serverId", fields.string("server_id")),
    ...(serverCount > 0 ? { serverCount } : {}),
    ...optional("software", fields.string("software")),
    ...optional("reason", fields.string("reason")),
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
    ...(fields.boolean("final") && { isFinal: true }),
    ...(timeMs > 0 ? { timeMs } : {}),
  };
}

function nested(value: unknown, origin: JsonOrigin): FieldReader {
  const object = new FieldReader({ revtun: value }, origin).object("revtun") ?? {};
  return new FieldReader(object, origin);
}

/** An optional text property: absent where it is empty (`exactOptionalPropertyTypes`). */
function optional<K extends string>(key: K, value: string): { [P in K]?: string } {
  return value === "" ? {} : { [key]: value } as { [P in K]?: string };
}
