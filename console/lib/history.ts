/** What is drawn over time: what this page has seen, and what the server saw before and meanwhile. */
import type { Host } from "./hosts.ts";
import { numberOrNull, timeOf } from "./read.ts";
import type { Json } from "./read.ts";

/** One column of a chart. */
export type Column = (number | null)[];

/** What is kept: ten minutes, a moment a second. */
const SIZE = 600;
/** Hosts with a history of their own; of more, only the sums are drawn. */
const MAX_HOSTS = 1000;
/** Moments farther apart have others between them, if the server has seen them: of all, of a host. */
const HOLE_S = 1.5;
const HOST_HOLE_S = 7.5;
/** Lines do not lead over more: nothing is known of what was between. */
const BREAK_S = 3;
/** The server keeps a moment of a host each 5 s. */
const HOST_BREAK_S = 12;

/** What is drawn over time. */
export const MEASURES = ["requests", "received", "sent", "inFlight", "rtt", "worstRtt"] as const;
export type Measure = (typeof MEASURES)[number];
type Values = Readonly<Record<Measure, number | null>>;

/** Sums at a time, in seconds since 1970. */
export interface Moment {
  readonly time: number;
  readonly values: Values;
  /** What was just before it was not seen: rates may begin at 0. */
  readonly isAfterHole?: boolean;
}

/** Where the server's history has them, of all hosts. */
const COLUMNS: Readonly<Record<Measure, string>> = {
  requests: "requests_per_second",
  received: "received_bytes_per_second",
  sent: "sent_bytes_per_second",
  inFlight: "in_flight",
  rtt: "median_rtt_ms",
  worstRtt: "worst_rtt_ms",
};
/** Of one host. */
const HOST_COLUMNS = { ...COLUMNS, rtt: "rtt_ms" };

/** Sums of all hosts and each host's own, as far back as this page or the server knows. */
export class History {
  /** In the order of time. */
  #sums: Moment[] = [];
  /** Seconds since 1970 of what the hosts' rings have. */
  #times: number[] = [];
  /** Of those, the ones after a hole. */
  readonly #afterHoles = new Set<number>();
  readonly #hosts = new Map<string, Ring>();
  /** What the server saw of the host that is looked at. */
  #told: { readonly hostKey: string; readonly moments: readonly Moment[] } | undefined;
  /** Moments that hosts ever had: the next one's place is its remainder. */
  #count = 0;

  /** Adds a moment; `isAfterHole` if the page has not seen what came just before. */
  add(timeMs: number, hosts: readonly Host[], isAfterHole = false): void {
    const time = timeMs / 1000;
    // The server's clock was set back: what is drawn over time goes one way only.
    if (time <= (this.#sums.at(-1)?.time ?? -Infinity)) this.#forget();
    if (isAfterHole) this.#afterHoles.add(time);
    const place = this.#begin(time);
    this.#sums.push({ time, values: sumsOf(hosts), isAfterHole });
    while (this.#sums[0]!.time < time - SIZE || this.#sums.length > 2 * SIZE) this.#sums.shift();
    for (const host of hosts) {
      let ring = this.#hosts.get(host.key);
      if (ring === undefined) {
        if (this.#hosts.size >= MAX_HOSTS) continue;
        this.#hosts.set(host.key, ring = new Ring());
      }
      ring.set(place, {
        requests: host.requestRate,
        received: host.receivedRate,
        sent: host.sentRate,
        inFlight: host.inFlight,
        rtt: host.rttMs,
        worstRtt: null,
      });
    }
  }

  /** Takes in what the server saw of all hosts while this page did not look. */
  fill(moments: readonly Moment[]): void {
    this.#sums = filled(this.#sums, moments, HOLE_S);
  }

  /** The same of one host; of the one before it is forgotten. */
  fillHost(hostKey: string, moments: readonly Moment[]): void {
    this.#told = { hostKey, moments };
  }

  /** Times in seconds since 1970, oldest first, and measures at them, of one host or of all. */
  lines(measures: readonly Measure[], hostKey?: string): [times: number[], ...columns: Column[]] {
    const moments = hostKey === undefined ? this.#sums : this.#momentsOf(hostKey);
    const breakS = hostKey === undefined ? BREAK_S : HOST_BREAK_S;
    const times: number[] = [];
    const columns = measures.map((): Column => []);
    moments.forEach(({ time, values }, i) => {
      const before = moments[i - 1]?.time ?? time;
      if (time - before > breakS) {
        times.push((before + time) / 2);
        for (const column of columns) column.push(null);
      }
      times.push(time);
      columns.forEach((column, nth) => column.push(values[measures[nth]!]));
    });
    return [times, ...columns];
  }

  #momentsOf(hostKey: string): readonly Moment[] {
    const ring = this.#hosts.get(hostKey);
    const first = this.#count - this.#times.length;
    const own = this.#times.flatMap((time, i): Moment[] => {
      const values = ring?.get((first + i) % SIZE);
      const isAfterHole = this.#afterHoles.has(time);
      return values === undefined ? [] : [{ time, values, isAfterHole }];
    });
    return this.#told?.hostKey === hostKey ? filled(own, this.#told.moments, HOST_HOLE_S) : own;
  }

  #begin(time: number): number {
    const place = this.#count % SIZE;
    this.#count += 1;
    this.#times.push(time);
    if (this.#times.length > SIZE) this.#afterHoles.delete(this.#times.shift()!);
    for (const [key, ring] of this.#hosts) {
      ring.clear(place);
      if (ring.isEmpty) this.#hosts.delete(key);
    }
    return place;
  }

  #forget(): void {
    this.#sums = [];
    this.#times = [];
    this.#afterHoles.clear();
    this.#hosts.clear();
    this.#told = undefined;
  }
}

/** What a page has seen itself, and what the server has told of the holes in it. */
function filled(seen: readonly Moment[], told: readonly Moment[], holeS: number): Moment[] {
  const all: Moment[] = [];
  let at = 0;
  seen.forEach((own, i) => {
    const before = seen[i - 1]?.time ?? -Infinity;
    while (at < told.length && told[at]!.time <= before) at += 1;
    const isHole = own.isAfterHole === true || own.time - before > holeS;
    let last: Moment | undefined;
    for (; isHole && at < told.length && told[at]!.time < own.time; at++) {
      all.push(last = told[at]!);
    }
    const isTold = last !== undefined && own.time - last.time <= holeS;
    if (!own.isAfterHole || !isTold) all.push(own);
  });
  return all;
}

/** The server's history, as its API tells it, oldest first; `isOfHost` where it is one host's. */
export function readHistory(json: Json, isOfHost = false): Moment[] {
  const nowMs = timeOf(json["ts"]);
  const ages = json["age_ms"];
  if (nowMs === null || !Array.isArray(ages)) return [];
  const names = isOfHost ? HOST_COLUMNS : COLUMNS;
  const moments: Moment[] = [];
  for (let i = Math.max(0, ages.length - SIZE); i < ages.length; i++) {
    const ageMs = numberOrNull(ages[i]);
    if (ageMs === null) continue;
    const values = MEASURES.map((measure) => {
      const column = json[names[measure]];
      return [measure, Array.isArray(column) ? numberOrNull(column[i]) : null];
    });
    moments.push({ time: (nowMs - ageMs) / 1000, values: Object.fromEntries(values) });
  }
  return moments.sort((a, b) => a.time - b.time);
}

class Ring {
  readonly #values = new Float32Array(SIZE * MEASURES.length).fill(NaN);
  #filled = 0;

  get isEmpty(): boolean {
    return this.#filled === 0;
  }

  set(place: number, values: Values): void {
    this.#filled += 1;
    MEASURES.forEach((measure, i) => {
      this.#values[place * MEASURES.length + i] = values[measure] ?? NaN;
    });
    // inFlight is always a number: it tells a filled place from an empty one.
  }

  clear(place: number): void {
    const begin = place * MEASURES.length;
    if (Number.isNaN(this.#values[begin + MEASURES.indexOf("inFlight")]!)) return;
    this.#filled -= 1;
    this.#values.fill(NaN, begin, begin + MEASURES.length);
  }

  get(place: number): Values | undefined {
    const begin = place * MEASURES.length;
    if (Number.isNaN(this.#values[begin + MEASURES.indexOf("inFlight")]!)) return undefined;
    // Made by the thousand a second: not of entries.
    const at = (i: number) => {
      const value = this.#values[begin + i]!;
      return Number.isNaN(value) ? null : value;
    };
    const [requests, received, sent] = [at(0), at(1), at(2)];
    return { requests, received, sent, inFlight: at(3), rtt: at(4), worstRtt: at(5) };
  }
}

function sumsOf(hosts: readonly Host[]): Values {
  const rtts = hosts.flatMap(({ rttMs }) => rttMs === null ? [] : [rttMs]).sort((a, b) => a - b);
  return {
    requests: sum(hosts, "requestRate"),
    received: sum(hosts, "receivedRate"),
    sent: sum(hosts, "sentRate"),
    inFlight: sum(hosts, "inFlight") ?? 0,
    rtt: rtts[Math.floor((rtts.length - 1) / 2)] ?? null,
    worstRtt: rtts.at(-1) ?? null,
  };
}

/** Sum of what is known; null while nothing is. Without any host it is 0. */
export function sum(
  hosts: readonly Host[],
  field: "requestRate" | "receivedRate" | "sentRate" | "inFlight",
): number | null {
  let total = 0;
  let isKnown = hosts.length === 0;
  for (const host of hosts) {
    const value = host[field];
    if (value === null) continue;
    isKnown = true;
    total += value;
  }
  return isKnown ? total : null;
}
