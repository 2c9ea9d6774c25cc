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
/** Moments farther apart have others between them, if the server has seen them. */
const HOLE_S = 1.5;
/** Lines do not lead over more: nothing is known of what was between. */
const BREAK_S = 3;

/** What is drawn over time. */
export const MEASURES = ["requests", "received", "sent", "inFlight", "rtt", "worstRtt"] as const;
export type Measure = (typeof MEASURES)[number];
type Values = Readonly<Record<Measure, number | null>>;

/** Sums at a time, in seconds since 1970. */
export interface Moment {
  readonly time: number;
  readonly values: Values;
}

/** Where the server's history has them. */
const COLUMNS: Readonly<Record<Measure, string>> = {
  requests: "requests_per_second",
  received: "received_bytes_per_second",
  sent: "sent_bytes_per_second",
  inFlight: "in_flight",
  rtt: "median_rtt_ms",
  worstRtt: "worst_rtt_ms",
};

/** Sums, as far back as this page or the server knows; each host's own, since it is looked at. */
export class History {
  /** In the order of time. */
  #sums: Moment[] = [];
  /** Seconds since 1970 of what the hosts' rings have. */
  #times: number[] = [];
  readonly #hosts = new Map<string, Ring>();
  /** Moments that hosts ever had: the next one's place is its remainder. */
  #count = 0;

  /** Adds a moment. */
  add(timeMs: number, hosts: readonly Host[]): void {
    const time = timeMs / 1000;
    // The server's clock was set back: what is drawn over time goes one way only.
    if (time <= (this.#sums.at(-1)?.time ?? -Infinity)) this.#forget();
    const place = this.#begin(time);
    this.#sums.push({ time, values: sumsOf(hosts) });
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

  /** Takes in what the server saw while this page did not look. */
  fill(moments: readonly Moment[]): void {
    const sums: Moment[] = [];
    let at = 0;
    this.#sums.forEach((own, i) => {
      const before = this.#sums[i - 1]?.time ?? -Infinity;
      while (at < moments.length && moments[at]!.time <= before) at += 1;
      const isHole = own.time - before > HOLE_S;
      let last: Moment | undefined;
      for (; isHole && at < moments.length && moments[at]!.time < own.time; at++) {
        sums.push(last = moments[at]!);
      }
      // Rates that a page is told first may begin at 0: the server has seen that second.
      if (last === undefined || own.time - last.time > HOLE_S) sums.push(own);
    });
    this.#sums = sums;
  }

  /** Times in seconds since 1970, oldest first, and measures at them, of one host or of all. */
  lines(measures: readonly Measure[], hostKey?: string): [times: number[], ...columns: Column[]] {
    const times = hostKey === undefined ? this.#sums.map(({ time }) => time) : this.#times;
    return withBreaks(
      times,
      measures.map((measure) =>
        hostKey === undefined
          ? this.#sums.map(({ values }) => values[measure])
          : this.#hostColumn(measure, hostKey)
      ),
    );
  }

  #hostColumn(measure: Measure, hostKey: string): Column {
    const ring = this.#hosts.get(hostKey);
    const first = this.#count - this.#times.length;
    return this.#times.map((_, i) => ring?.get((first + i) % SIZE, measure) ?? null);
  }

  #begin(time: number): number {
    const place = this.#count % SIZE;
    this.#count += 1;
    this.#times.push(time);
    if (this.#times.length > SIZE) this.#times.shift();
    for (const [key, ring] of this.#hosts) {
      ring.clear(place);
      if (ring.isEmpty) this.#hosts.delete(key);
    }
    return place;
  }

  #forget(): void {
    this.#sums = [];
    this.#times = [];
    this.#hosts.clear();
  }
}

/** The server's history, as its API tells it, oldest first. */
export function readHistory(json: Json): Moment[] {
  const nowMs = timeOf(json["ts"]);
  const ages = json["age_ms"];
  if (nowMs === null || !Array.isArray(ages)) return [];
  const moments: Moment[] = [];
  for (let i = Math.max(0, ages.length - SIZE); i < ages.length; i++) {
    const ageMs = numberOrNull(ages[i]);
    if (ageMs === null) continue;
    const values = MEASURES.map((measure) => {
      const column = json[COLUMNS[measure]];
      return [measure, Array.isArray(column) ? numberOrNull(column[i]) : null];
    });
    moments.push({ time: (nowMs - ageMs) / 1000, values: Object.fromEntries(values) });
  }
  return moments.sort((a, b) => a.time - b.time);
}

/** Empty moments where nothing is known for a while. */
function withBreaks(
  times: readonly number[],
  columns: readonly Column[],
): [times: number[], ...columns: Column[]] {
  const all: number[] = [];
  const broken = columns.map((): Column => []);
  times.forEach((time, i) => {
    const before = times[i - 1];
    if (before !== undefined && time - before > BREAK_S) {
      all.push((before + time) / 2);
      for (const column of broken) column.push(null);
    }
    all.push(time);
    broken.forEach((column, nth) => column.push(columns[nth]![i]!));
  });
  return [all, ...broken];
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

  get(place: number, measure: Measure): number | null {
    const value = this.#values[place * MEASURES.length + MEASURES.indexOf(measure)]!;
    return Number.isNaN(value) ? null : value;
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
