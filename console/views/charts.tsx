/** What passed in the last minutes, and how long its way takes: of all hosts, or of one. */
import { formatMegabytes, formatMs, formatRate } from "../lib/format.ts";
import { Chart } from "../parts/chart.tsx";
import type { Line } from "../parts/chart.tsx";

const REQUEST_LINES: readonly Line[] = [
  { measure: "requests", title: "Requests", color: "--line-1", isFilled: true },
];
const TRAFFIC_LINES: readonly Line[] = [
  { measure: "received", title: "In", color: "--line-2" },
  { measure: "sent", title: "Out", color: "--line-1" },
];

interface Props {
  /** Lines of the chart of round trips. */
  readonly roundTrips: readonly Line[];
  /** Key of the host that it is about; of all by default. */
  readonly host?: string;
}

export function Charts({ roundTrips, ...of }: Props) {
  return (
    <div class="charts">
      <Chart
        title="Requests"
        unit="/s"
        lines={REQUEST_LINES}
        {...of}
        format={formatRate}
        minTop={1}
      />
      <Chart
        title="Traffic"
        unit="MB/s"
        per={1e6}
        lines={TRAFFIC_LINES}
        {...of}
        format={formatMegabytes}
        minTop={1000}
      />
      <Chart title="Round trip" lines={roundTrips} {...of} format={formatMs} minTop={1} />
    </div>
  );
}
