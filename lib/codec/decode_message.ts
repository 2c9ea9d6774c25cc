/** Reads messages from frames: each field of the type that it must have. */
import { DecodeError } from "../errors.ts";
import { FRAME_FLAG, FRAME_HEADER_BYTES, FRAME_KIND, isKnownFlag } from "./frame.ts";
import type { Frame, FrameFlag } from "./frame.ts";
import { decodeJsonObject, FieldReader, payloadError } from "./json_object.ts";
import type { JsonObject } from "./json_object.ts";
import type { JsonOrigin } from "./json_parser.ts";
import type {
  AgentHello,
  InitInfo,
  InitResponse,
  KnownMessage,
  Message,
  ServerHello,
  TargetHello,
} from "./message.ts";

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
