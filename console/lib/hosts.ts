/** Hosts as the API tells them, with what happens on them a second. */
import { listOf, numberOf, numberOrNull, textOf, timeOf } from "./read.ts";
import type { Json } from "./read.ts";

export type HostState = "active" | "busy" | "draining" | "ejected";

export interface Connection {
  readonly id: number;
  readonly mode: string;
  readonly remote: string;
  readonly inFlight: number;
  readonly rttMs: number | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface Host {
  /** No other host of this server has it. */
  readonly key: string;
  readonly cluster: string;
  readonly name: string;
  readonly id: string;
  /** What its credential says it is; "" without one. */
  readonly identity: string;
  /** A {@link HostState}, or what a later version says. */
  readonly state: string;
  readonly weight: number;
  /** What counts now: less while it starts slowly. */
  readonly effectiveWeight: number;
  readonly operatorWeight: number | null;
  readonly isDrainedByOperator: boolean;
  readonly inFlight: number;
  readonly requests: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly rttMs: number | null;
  readonly sinceMs: number | null;
  readonly timesLeft: number;
  /** Bytes and requests a second; null where the server does not tell them. */
  readonly requestRate: number | null;
  readonly receivedRate: number | null;
  readonly sentRate: number | null;
  readonly connections: readonly Connection[];
}

/** A host that left and is not back. */
export interface Departure {
  readonly key: string;
  readonly cluster: string;
  readonly name: string;
  readonly remote: string;
  readonly lastSeenMs: number | null;
  readonly reason: string;
  readonly timesLeft: number;
}

export function readHost(json: Json): Host {
  const cluster = textOf(json["cluster"]);
  const name = textOf(json["name"]);
  const id = textOf(json["id"]) || name;
  return {
    key: `${cluster}/${id}`,
    cluster,
    name,
    id,
    identity: textOf(json["identity"]),
    state: textOf(json["state"]),
    weight: numberOf(json["weight"]),
    effectiveWeight: numberOf(json["effective_weight"]),
    operatorWeight: numberOrNull(json["weight_by_operator"]),
    isDrainedByOperator: json["drained_by_operator"] === true,
    inFlight: numberOf(json["in_flight"]),
    requests: numberOf(json["requests"]),
    receivedBytes: numberOf(json["received_bytes"]),
    sentBytes: numberOf(json["sent_bytes"]),
    rttMs: numberOrNull(json["rtt_ms"]),
    sinceMs: timeOf(json["since"]),
    timesLeft: numberOf(json["times_left"]),
    requestRate: numberOrNull(json["requests_per_second"]),
    receivedRate: numberOrNull(json["received_bytes_per_second"]),
    sentRate: numberOrNull(json["sent_bytes_per_second"]),
    connections: listOf(json["connections"]).map(readConnection),
  };
}

function readConnection(json: Json): Connection {
  return {
    id: numberOf(json["id"]),
    mode: textOf(json["mode"]),
    remote: textOf(json["remote"]),
    inFlight: numberOf(json["in_flight"]),
    rttMs: numberOrNull(json["rtt_ms"]) || null,
    receivedBytes: numberOf(json["received_bytes"]),
    sentBytes: numberOf(json["sent_bytes"]),
  };
}

export function readDeparture(json: Json): Departure {
  const cluster = textOf(json["cluster"]);
  const name = textOf(json["name"]);
  return {
    key: `${cluster}/${name}`,
    cluster,
    name,
    remote: textOf(json["remote"]),
    lastSeenMs: timeOf(json["last_seen"]),
    reason: textOf(json["reason"]),
    timesLeft: numberOf(json["times_left"]),
  };
}
