/** What of a picture of a server is another now: so that who watches is told no more than that. */

/** Fields of one thing, by their names in the API. */
export type Fields = Readonly<Record<string, unknown>>;

/** A whole picture. */
export interface Picture {
  readonly ts: string;
  /** Counts of the whole server. */
  readonly status: Fields;
  /** Each with at least `cluster` and `id`, which name it, and `n`, by which rows do. */
  readonly hosts: readonly Fields[];
  /** Hosts that left and are not back. */
  readonly away: readonly Fields[];
}

/**
 * Figures of a host: its `n`, its `requests`, and for each of its connections, in their order,
 * `in_flight`, `rtt_ms`, `received_bytes` and `sent_bytes`.
 */
export type Row = readonly number[];

/** What makes the next picture of the one before. */
export interface Changes {
  readonly ts: string;
  /** Fields that are others now. */
  readonly status: Fields;
  /** Of each host that changed its name and what is another now; a new one is there as a whole. */
  readonly changed: readonly Fields[];
  /** Hosts that are gone, by their names. */
  readonly gone: readonly Fields[];
  /** All of it, if anything of it is another now. */
  readonly away?: readonly Fields[];
  /** Of hosts whose figures are others now. */
  readonly rows?: readonly Row[];
  /** Time since rows were told of all hosts before: rates are over it. */
  readonly seconds?: number;
}

/** Where the first connection's figures begin in a row, and how many each has. */
const FIRST_CONNECTION = 2;
const CONNECTION_FIGURES = 4;

/** What happens on a host in a second, by names in the API and by what is counted for it. */
const RATES: readonly (readonly [rate: string, count: string])[] = [
  ["requests_per_second", "requests"],
  ["received_bytes_per_second", "received_bytes"],
  ["sent_bytes_per_second", "sent_bytes"],
];

/** Fields of a host that its row says. @param connections as they were told last */
export function figuresOf(connections: readonly Fields[], row: Row): Fields {
  let inFlight = 0;
  let receivedBytes = 0;
  let sentBytes = 0;
  let rttMs = Infinity;
  const now = connections.map((connection, index) => {
    const at = FIRST_CONNECTION + index * CONNECTION_FIGURES;
    const figures = {
      "in_flight": row[at] ?? 0,
      "rtt_ms": row[at + 1] ?? 0,
      "received_bytes": row[at + 2] ?? 0,
      "sent_bytes": row[at + 3] ?? 0,
    };
    inFlight += figures.in_flight;
    receivedBytes += figures.received_bytes;
    sentBytes += figures.sent_bytes;
    if (figures.rtt_ms > 0 && figures.rtt_ms < rttMs) rttMs = figures.rtt_ms;
    return { ...connection, ...figures };
  });
  return {
    "in_flight": inFlight,
    requests: row[1] ?? 0,
    "received_bytes": receivedBytes,
    "sent_bytes": sentBytes,
    "rtt_ms": rttMs === Infinity ? null : rttMs,
    connections: now,
  };
}

/** What happened in a second, to one digit behind the point. */
export function ratesOf(before: Fields, now: Fields, seconds: number): Fields {
  const rates: Record<string, number> = {};
  for (const [rate, count] of RATES) {
    const more = Number(now[count]) - Number(before[count]);
    rates[rate] = more > 0 && seconds > 0 ? Math.round(more / seconds * 10) / 10 : 0;
  }
  return rates;
}

/** The picture that `changes` makes of the one before; new hosts are the last ones. */
export function withChanges(before: Picture, changes: Changes): Picture {
  const hosts = new Map(before.hosts.map((host) => [keyOf(host), host]));
  for (const fields of changes.changed) {
    const key = keyOf(fields);
    hosts.set(key, { ...hosts.get(key), ...fields });
  }
  for (const fields of changes.gone) hosts.delete(keyOf(fields));
  const { rows, seconds } = changes;
  const all = [...hosts.values()];
  return {
    ts: changes.ts,
    status: { ...before.status, ...changes.status },
    hosts: rows === undefined && seconds === undefined ? all : withRows(all, rows ?? [], seconds),
    away: changes.away ?? before.away,
  };
}

/** Hosts that are the same as before stay the same objects. */
function withRows(hosts: Fields[], rows: readonly Row[], seconds: number | undefined): Fields[] {
  const byHost = new Map<unknown, Row>();
  for (const row of rows) if (Array.isArray(row)) byHost.set(row[0], row);
  return hosts.map((host) => {
    const row = byHost.get(host["n"]);
    const connections = host["connections"];
    if (row !== undefined && Array.isArray(connections)) {
      const now = figuresOf(connections, row);
      return { ...host, ...now, ...(seconds !== undefined && ratesOf(host, now, seconds)) };
    }
    const isAtRest = seconds === undefined || RATES.every(([rate]) => !host[rate]);
    return isAtRest ? host : { ...host, ...ratesOf(host, host, seconds) };
  });
}

/** Fields that are others now; undefined if none is. */
export function changedFields(before: Fields, now: Fields): Fields | undefined {
  let changed: Record<string, unknown> | undefined;
  for (const name in now) {
    if (isSame(before[name], now[name])) continue;
    changed ??= {};
    changed[name] = now[name];
  }
  return changed;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** No name has a slash; an id may. */
function keyOf(host: Fields): string {
  return `${host["cluster"]}/${host["id"]}`;
}
