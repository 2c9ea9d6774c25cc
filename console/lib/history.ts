/** What was seen since this page was opened, for its charts: the server keeps none of it. */
import type { Host } from "./hosts.ts";

/** One column of a chart. */
export type Column = (number | null)[];

/** Pictures that are kept: ten minutes, one a second. */
const SIZE = 600;
/** Hosts with a history of their own; of more, only the sums are drawn. */
const MAX_HOSTS = 1000;

/** What is drawn over time. */
export const MEASURES = ["requests", "received", "sent", "inFlight", "rtt", "worstRtt"] as const;
export type Measure = (typeof MEASURES)[number];
type Values = Readonly<Record<Measure, number | null>>;

/** Sums, and each host's own, over the same moments. */
export class History {
  readonly #times: number[] = [];
  readonly #sums = new Ring();
  readonly #hosts = new Map<string, Ring>();
  /** Moments that were ever added: the next one's place is its remainder. */
  #count = 0;

  /** Adds a moment. */
  add(timeMs: number, hosts: readonly Host[]): void {
    const place = this.#begin(timeMs);
    this.#sums.set(place, sumsOf(hosts));
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

  /** Nothing is known from here on: lines do not lead over it. */
  addGap(timeMs: number): void {
    this.#begin(timeMs);
  }

  /** Seconds since 1970 of the moments, oldest first. */
  times(): number[] {
    return this.#times;
  }

  /** A measure at those moments, of one host or of all. */
  column(measure: Measure, hostKey?: string): Column {
    const ring = hostKey === undefined ? this.#sums : this.#hosts.get(hostKey);
    const first = this.#count - this.#times.length;
    return this.#times.map((_, i) => ring?.get((first + i) % SIZE, measure) ?? null);
  }

  #begin(timeMs: number): number {
    const place = this.#count % SIZE;
    this.#count += 1;
    this.#times.push(timeMs / 1000);
    if (this.#times.length > SIZE) this.#times.shift();
    for (const [key, ring] of this.#hosts) {
      ring.clear(place);
      if (ring.isEmpty) this.#hosts.delete(key);
    }
    this.#sums.clear(place);
    return place;
  }
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
