/** What the admin API's answers have to have for the commands that show them. */
import * as v from "valibot";

/** Times and counts. */
const count = v.number();
const names = { cluster: v.string(), name: v.string() };

/** A host, as `/api/v1/hosts` and the changes of one give it. */
const host = v.looseObject({
  ...names,
  id: v.string(),
  state: v.string(),
  weight: count,
  weight_by_operator: v.nullable(count),
  drained_by_operator: v.boolean(),
  in_flight: count,
  requests: count,
  received_bytes: count,
  sent_bytes: count,
  rtt_ms: v.nullable(count),
  connections: v.array(v.unknown()),
});

const away = v.looseObject({
  ...names,
  last_seen: v.pipe(v.string(), v.isoTimestamp()),
  reason: v.string(),
  times_left: count,
  drained_by_operator: v.optional(v.boolean(), false),
});

const serverStatus = v.looseObject({
  software: v.string(),
  uptime_ms: count,
  draining: v.boolean(),
  clusters: count,
  hosts: count,
  away: count,
  connections: count,
  clients: count,
  requests: count,
});

const agentStatus = v.looseObject({
  software: v.string(),
  agent_id: v.string(),
  cluster: v.string(),
  host: v.string(),
  weight: count,
  uptime_ms: count,
  connections: count,
  in_flight: count,
});

const peer = v.looseObject({
  server: v.string(),
  last_error: v.nullable(v.string()),
  connections: v.array(v.looseObject({ mode: v.string(), in_flight: count, rtt_ms: count })),
});

const event = v.looseObject({
  id: count,
  ts: v.pipe(v.string(), v.isoTimestamp()),
  level: v.picklist(["debug", "info", "warn", "error"]),
  event: v.string(),
  message: v.string(),
  fields: v.record(v.string(), v.any()),
});

/** What operators have set, as one server tells the next. */
const overrides = v.array(v.object({
  cluster: v.string(),
  host: v.string(),
  weight: v.exactOptional(count),
  isDrained: v.exactOptional(v.boolean()),
}));

/** A list that may go on: `next` names the page behind it. */
function page<T extends v.GenericSchema>(item: T) {
  return v.looseObject({ items: v.array(item), next: v.optional(v.nullable(v.string())) });
}

/** Answers, by what is asked for. */
export const ANSWERS = {
  anything: v.looseObject({}),
  status: v.union([agentStatus, serverStatus]),
  hosts: page(host),
  /** One name's hosts; none of one that is away. */
  namedHosts: v.looseObject({ items: v.array(host) }),
  away: page(away),
  peers: page(peer),
  events: page(event),
  event,
  closed: v.looseObject({ closed_connections: count }),
  level: v.looseObject({ level: v.string() }),
  explanation: v.looseObject({
    frontend: v.string(),
    route: v.string(),
    answer: v.nullable(v.looseObject({ status: count, error: v.string(), detail: v.string() })),
    cluster: v.nullable(v.string()),
    target: v.nullable(v.string()),
    host: v.nullable(v.string()),
    hosts: v.array(v.looseObject({
      name: v.string(),
      weight: count,
      in_flight: count,
      verdict: v.string(),
      share: count,
    })),
  }),
  estate: v.looseObject({
    hosts: v.array(v.string()),
    exposures: v.array(v.object({ frontend: v.string(), identities: v.array(v.string()) })),
    overrides,
  }),
  overrides: v.looseObject({ overrides }),
  /** The first message of `/api/v1/live`. */
  picture: v.looseObject({
    ts: v.pipe(v.string(), v.isoTimestamp()),
    status: v.looseObject({ uptime_ms: count, hosts: count, away: count, clients: count }),
    hosts: v.array(host),
    away: v.array(away),
  }),
  /** Those that follow. */
  change: v.looseObject({
    ts: v.pipe(v.string(), v.isoTimestamp()),
    status: v.looseObject({}),
    changed: v.array(v.looseObject({ cluster: v.string(), id: v.string() })),
    gone: v.array(v.looseObject({ cluster: v.string(), id: v.string() })),
    away: v.exactOptional(v.array(away)),
  }),
} as const;

export type AgentStatus = v.InferOutput<typeof agentStatus>;
export type ServerStatus = v.InferOutput<typeof serverStatus>;
export type AwayAnswer = v.InferOutput<typeof away>;
export type HostAnswer = v.InferOutput<typeof host>;
export type PeerAnswer = v.InferOutput<typeof peer>;

/** Is it the status of an agent, not of a server? */
export function isAgentStatus(status: AgentStatus | ServerStatus): status is AgentStatus {
  return v.is(agentStatus, status);
}

export type Answer<T extends v.GenericSchema> = v.InferOutput<T>;
