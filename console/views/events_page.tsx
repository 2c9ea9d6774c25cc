/** What happened, the newest first. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "../lib/api.ts";
import { events, refreshEvents } from "../lib/events.ts";
import type { LogEvent } from "../lib/events.ts";
import { formatClock, formatDate } from "../lib/format.ts";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { Page } from "../parts/page.tsx";

const POLL_MS = 1000;
const LEVELS = ["debug", "info", "warn", "error"];

const COLUMNS: readonly Column<LogEvent>[] = [
  {
    id: "time",
    title: "Time",
    cell: ({ timeMs }) => <time title={formatDate(timeMs)}>{formatClock(timeMs)}</time>,
  },
  {
    id: "level",
    title: "Level",
    cell: ({ level }) => (
      <span class={`level level-${LEVELS.includes(level) ? level : "info"}`}>{level}</span>
    ),
  },
  {
    id: "event",
    title: "What happened",
    cell: ({ name, message, fields }) => (
      <div class="event">
        <span>{message}</span>
        <span class="event-fields">
          <code class="event-name">{name}</code>
          {fields.map(([field, value]) => (
            <span key={field}>
              <span class="muted">{field}</span> <code>{value}</code>
            </span>
          ))}
        </span>
      </div>
    ),
  },
];

export function EventsPage() {
  const text = useSignal("");
  const level = useSignal("");
  const problem = useSignal("");
  useEffect(() => {
    const load = () =>
      refreshEvents().then(
        () => problem.value = "",
        (error) => problem.value = error instanceof ApiError ? error.message : String(error),
      );
    load();
    const timer = setInterval(() => document.hidden || load(), POLL_MS);
    return () => clearInterval(timer);
  }, []);
  const found = useComputed(() => {
    const wanted = text.value.trim().toLowerCase();
    const least = LEVELS.indexOf(level.value);
    return events.value.filter((event) =>
      LEVELS.indexOf(event.level) >= least && (wanted === "" || isFound(event, wanted))
    );
  });
  return (
    <Page title="Events">
      <section class="card">
        <div class="card-head">
          <div class="filters" role="search" aria-label="Events">
            <input
              type="search"
              aria-label="Find events"
              placeholder="Find a host, a name, a word"
              value={text}
              onInput={(event) => text.value = event.currentTarget.value}
            />
            <select
              aria-label="Least important level that is shown"
              value={level}
              onChange={(event) => level.value = event.currentTarget.value}
            >
              <option value="">All levels</option>
              <option value="info">info and above</option>
              <option value="warn">warn and above</option>
              <option value="error">error</option>
            </select>
          </div>
        </div>
        <div role="alert">{problem.value !== "" && <p class="problem">{problem}</p>}</div>
        <DataTable
          caption="Latest events, the newest first"
          isCaptionHidden
          columns={COLUMNS}
          rows={found.value}
          keyOf={({ id }) => String(id)}
          empty={events.value.length === 0 ? "Nothing has happened yet." : "No event is like that."}
        />
      </section>
    </Page>
  );
}

function isFound({ name, message, fields }: LogEvent, wanted: string): boolean {
  return name.includes(wanted) || message.toLowerCase().includes(wanted) ||
    fields.some(([, value]) => value.toLowerCase().includes(wanted));
}
