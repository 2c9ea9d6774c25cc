/** The few figures that the README has, from the same results as docs/performance.md. */
import type { Results } from "./measurement.ts";
import { median } from "./stats.ts";
import { formatQuantity, markdownTable } from "./table.ts";

/** Cases of the summary, by section, in its order. */
const CASES = [
  ["requests", "keepalive-50"],
  ["requests", "keepalive-50-p99"],
  ["connections", "new-connections"],
  ["bulk", "down-1"],
  ["link", "rtt200-down-1"],
] as const;

/** Medians of revtun and of each other tunnel; cases that were not measured are left out. */
export function summaryTable(results: Results): string {
  const rows = CASES.map(([section, name]) =>
    results.measurements.filter((one) => one.section === section && one.case === name)
  ).filter((row) => row.length > 0);
  const others = rows.flat().map(({ peer }) => peer)
    .filter((peer) => peer !== "direct" && !peer.startsWith("revtun"));
  const peers = ["revtun", ...new Set(others)];
  return markdownTable(
    ["", ...peers],
    rows.map((row) => [
      `${row[0]!.title}, ${row[0]!.unit}`,
      ...peers.map((peer) => {
        const one = row.find((each) => each.peer === peer);
        return one === undefined ? "–" : formatQuantity(median(one.values));
      }),
    ]),
  );
}
