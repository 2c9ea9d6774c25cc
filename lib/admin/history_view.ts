/** A history as the API tells it. */
import type { HistoryRing } from "./history_ring.ts";

/** What a ring's figures are, in its order: names in the API, and digits behind the point. */
export type Figures = readonly (readonly [name: string, digits: number])[];

/** The moments of the last `forMs`: a list for each figure, and their ages. */
export function historyView(
  ring: HistoryRing,
  figures: Figures,
  { nowMs, forMs }: { nowMs: number; forMs: number },
): Record<string, unknown> {
  const { timesMs, columns } = ring.since(nowMs - forMs);
  return {
    ts: new Date().toISOString(),
    // The wall clock may have been set meanwhile: ages are right in any case.
    "age_ms": timesMs.map((timeMs) => Math.round(nowMs - timeMs)),
    ...Object.fromEntries(
      figures.map(([name, digits], i) => [name, columns[i]!.map((value) => cut(value, digits))]),
    ),
  };
}

function cut(value: number | null, digits: number): number | null {
  return value === null ? null : Number(value.toFixed(digits));
}
