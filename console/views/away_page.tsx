/** Hosts that left and are not back. */
import { useComputed } from "@preact/signals";
import { formatAgo, formatCount, formatDate, NOTHING } from "../lib/format.ts";
import type { Departure } from "../lib/hosts.ts";
import { away, serverNow } from "../lib/live.ts";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { Page } from "../parts/page.tsx";

interface Row {
  readonly departure: Departure;
  readonly ago: string;
}

const COLUMNS: readonly Column<Row>[] = [
  {
    id: "name",
    title: "Host",
    by: ({ departure }) => departure.name,
    cell: ({ departure }) => <span class="name" title={departure.name}>{departure.name}</span>,
  },
  {
    id: "cluster",
    title: "Cluster",
    minor: 2,
    by: ({ departure }) => departure.cluster,
    cell: ({ departure }) => <span class="name" title={departure.cluster}>{departure.cluster}
    </span>,
  },
  {
    id: "seen",
    title: "Last seen",
    by: ({ departure }) => departure.lastSeenMs,
    cell: ({ departure, ago }) => <span title={formatDate(departure.lastSeenMs)}>{ago}</span>,
  },
  {
    id: "reason",
    title: "Why it left",
    by: ({ departure }) => departure.reason,
    cell: ({ departure }) => <span class="words">{departure.reason || NOTHING}</span>,
  },
  {
    id: "times",
    title: "Times",
    isNumber: true,
    by: ({ departure }) => departure.timesLeft,
    cell: ({ departure }) => (
      <span title="How often it has left since the server started">
        {formatCount(departure.timesLeft)}
      </span>
    ),
  },
  {
    id: "remote",
    title: "Came from",
    minor: 1,
    by: ({ departure }) => departure.remote,
    cell: ({ departure }) => <code>{departure.remote}</code>,
  },
];

export function AwayPage() {
  const rows = useComputed(() =>
    away.value.map((departure): Row => ({
      departure,
      ago: formatAgo(departure.lastSeenMs, serverNow.value),
    }))
  );
  return (
    <Page title="Away">
      <section class="card">
        <DataTable
          caption="Hosts that left since the server started and are not back"
          columns={COLUMNS}
          rows={rows.value}
          keyOf={({ departure }) => departure.key}
          empty="No host is away."
        />
      </section>
    </Page>
  );
}
