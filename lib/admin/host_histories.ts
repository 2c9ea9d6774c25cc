/** What passed through each host in the last minutes, in longer steps than the sums of all. */
import type { Host } from "../server/host.ts";
import { keyOfHost } from "./host_list.ts";
import { HistoryRing } from "./history_ring.ts";
import { historyView } from "./history_view.ts";

/** How long each moment is, and how many of them there are: ten minutes. */
const STEP_MS = 5000;
const MOMENTS = 120;
/** Hosts that have a history; of more, those that were there first. */
const MAX_HOSTS = 250;

/** What each moment has, by names in the API, with digits behind the point. */
const FIGURES = [
  ["requests_per_second", 1],
  ["received_bytes_per_second", 1],
  ["sent_bytes_per_second", 1],
  ["in_flight", 0],
  ["rtt_ms", 3],
] as const;

/** What a host did since it was looked at before, and how it is now. */
export interface Passed {
  readonly requests: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly inFlight: number;
  /** NaN where none was measured. */
  readonly rttMs: number;
}

interface Kept {
  readonly ring: HistoryRing;
  /** Since the last step. */
  requests: number;
  receivedBytes: number;
  sentBytes: number;
  /** As they were seen last. */
  inFlight: number;
  rttMs: number;
  /** It was seen since the last step. */
  isHere: boolean;
  lastMs: number;
}

/** Rings of 120 moments of 5 figures, 3.4 kB each, 0.8 MB at most; one of a host that left stays. */
export class HostHistories {
  readonly #kept = new Map<string, Kept>();
  #stepMs = 0;

  /** What was counted before is of no step. */
  begin(nowMs: number): void {
    this.#stepMs = nowMs;
    for (const kept of this.#kept.values()) reset(kept);
  }

  count(host: Host, passed: Passed): void {
    const key = keyOfHost(host);
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      if (this.#kept.size >= MAX_HOSTS) return;
      this.#kept.set(key, kept = keep());
    }
    kept.requests += passed.requests;
    kept.receivedBytes += passed.receivedBytes;
    kept.sentBytes += passed.sentBytes;
    kept.inFlight = passed.inFlight;
    kept.rttMs = passed.rttMs;
    kept.isHere = true;
  }

  /** All hosts were counted; ends a step when it is time. */
  counted(nowMs: number): void {
    const spentMs = nowMs - this.#stepMs;
    if (spentMs < STEP_MS) return;
    this.#stepMs = nowMs;
    const isFull = this.#kept.size >= MAX_HOSTS;
    for (const [key, kept] of this.#kept) {
      if (kept.isHere) {
        const perSecond = (count: number) => count * 1000 / spentMs;
        kept.ring.add(nowMs, [
          perSecond(kept.requests),
          perSecond(kept.receivedBytes),
          perSecond(kept.sentBytes),
          kept.inFlight,
          kept.rttMs,
        ]);
        kept.lastMs = nowMs;
        reset(kept);
      } else if (isFull || kept.lastMs < nowMs - MOMENTS * STEP_MS) {
        this.#kept.delete(key);
      }
    }
  }

  /** Of one host, as the API tells it; without moments where it has no history. */
  view(host: Host, nowMs: number): Record<string, unknown> {
    const ring = this.#kept.get(keyOfHost(host))?.ring ?? new HistoryRing(0, FIGURES.length);
    return {
      cluster: host.cluster,
      name: host.hostName,
      id: host.id,
      ...historyView(ring, FIGURES, { nowMs, forMs: MOMENTS * STEP_MS }),
    };
  }
}

function keep(): Kept {
  return {
    ring: new HistoryRing(MOMENTS, FIGURES.length),
    ...{ requests: 0, receivedBytes: 0, sentBytes: 0, inFlight: 0, rttMs: NaN },
    ...{ isHere: true, lastMs: 0 },
  };
}

function reset(kept: Kept): void {
  kept.requests = kept.receivedBytes = kept.sentBytes = 0;
  kept.isHere = false;
}
