/** What MOSN frames say, as typed values. Their JSON is written and read beside this file. */

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

/** Weight that a host gets: missing, 0 or negative counts as 1, above 10,000 as 10,000. */
export function effectiveWeight(weight: number): number {
  return Math.min(Math.max(weight, 1), 10_000);
}
