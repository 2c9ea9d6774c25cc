/** The latest requests, the way of one of them with its times, and what is under way. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError, get } from "../lib/api.ts";
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDate,
  formatDuration,
  formatMs,
  NOTHING,
} from "../lib/format.ts";
import { listOf, numberOf, textOf } from "../lib/read.ts";
import type { Json } from "../lib/read.ts";
import { refreshRequests, requests } from "../lib/requests.ts";
import type { PastRequest } from "../lib/requests.ts";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { Fetched } from "../parts/fetched.tsx";
import { Page } from "../parts/page.tsx";
import { HopPicture } from "./hop_picture.tsx";

const POLL_MS = 1000;

const STREAMS: readonly Column<Json>[] = [
  { id: "client", title: "Client", cell: (row) => <code>{textOf(row["client"]) || NOTHING}</code> },
  { id: "state", title: "State", cell: (row) => textOf(row["state"]) },
  { id: "protocol", title: "Protocol", minor: 1, cell: (row) => textOf(row["protocol"]) },
  {
    id: "host",
    title: "Host",
    cell: (row) => (
      <span class="name">{`${textOf(row["cluster"])}/${textOf(row["host"]) || NOTHING}`}</span>
    ),
  },
  {
    id: "age",
    title: "For",
    isNumber: true,
    by: (row) => numberOf(row["age_ms"]),
    cell: (row) => formatDuration(numberOf(row["age_ms"])),
  },
  {
    id: "up",
    title: "To target",
    isNumber: true,
    minor: 1,
    by: (row) => numberOf(row["to_target_bytes"]),
    cell: (row) => formatBytes(numberOf(row["to_target_bytes"])),
  },
  {
    id: "down",
    title: "To client",
    isNumber: true,
    minor: 1,
    by: (row) => numberOf(row["to_client_bytes"]),
    cell: (row) => formatBytes(numberOf(row["to_client_bytes"])),
  },
];

export function RequestsPage() {
  const problem = useSignal("");
  const chosen = useSignal<PastRequest | undefined>(undefined);
  useEffect(() => {
    const load = () =>
      refreshRequests().then(
        () => problem.value = "",
        (error) => problem.value = error instanceof ApiError ? error.message : String(error),
      );
    load();
    const timer = setInterval(() => document.hidden || load(), POLL_MS);
    return () => clearInterval(timer);
  }, []);
  const columns = useColumns((request) => chosen.value = request);
  const shown = chosen.value ?? requests.value[0];
  return (
    <Page title="Requests">
      <div role="alert">{problem.value !== "" && <p class="problem">{problem}</p>}</div>
      {shown !== undefined && <Chosen request={shown} isLatest={chosen.value === undefined} />}
      <section class="card">
        <DataTable
          caption="Latest HTTP requests, kept while this page is open"
          columns={columns}
          rows={requests.value}
          keyOf={({ id }) => String(id)}
          empty="No request has ended since this page was opened."
        />
      </section>
      <Fetched ask={() => get("streams?limit=200")} everyMs={2 * POLL_MS}>
        {(answer) => (
          <section class="card">
            <DataTable
              caption={`Under way: ${formatCount(numberOf(answer["total"]))}`}
              columns={STREAMS}
              rows={listOf(answer["items"])}
              keyOf={(row) => textOf(row["id"])}
              empty="Nothing is under way."
            />
          </section>
        )}
      </Fetched>
    </Page>
  );
}

function Chosen({ request, isLatest }: { request: PastRequest; isLatest: boolean }) {
  return (
    <section class="card" aria-labelledby="chosen-title">
      <h2 id="chosen-title" class="verdict words">
        {`${request.method || "No request"} ${request.authority}${request.path}`}
      </h2>
      <p class="muted">
        {isLatest && "The latest one. "}
        {request.status === 0 ? "The client left before an answer" : `Answered ${request.status}`}
        {request.error !== "" && ` (${request.error})`} in {formatMs(request.durationMs)}
        {request.cluster !== "" && `, by cluster ${request.cluster}`}: {formatBytes(
          request.requestBytes,
        )} there, {formatBytes(request.responseBytes)} back.
      </p>
      <HopPicture request={request} />
    </section>
  );
}

function useColumns(onChoose: (request: PastRequest) => void): readonly Column<PastRequest>[] {
  return useMemo((): readonly Column<PastRequest>[] => [
    {
      id: "request",
      title: "Request",
      cell: (request) => (
        <button
          type="button"
          class="link name"
          title={`${request.authority}${request.path}`}
          onClick={() => onChoose(request)}
        >
          {`${request.method || "–"} ${request.path}`}
        </button>
      ),
    },
    {
      id: "time",
      title: "Time",
      minor: 1,
      by: ({ id }) => id,
      cell: ({ timeMs }) => <time title={formatDate(timeMs)}>{formatClock(timeMs)}</time>,
    },
    {
      id: "status",
      title: "Status",
      isNumber: true,
      by: ({ status }) => status,
      cell: ({ status }) => (
        <span class={status >= 500 || status === 0 ? "bad" : ""}>{status || "left"}</span>
      ),
    },
    {
      id: "cluster",
      title: "Cluster",
      minor: 2,
      by: ({ cluster }) => cluster,
      cell: ({ cluster }) => <span class="name">{cluster || NOTHING}</span>,
    },
    {
      id: "host",
      title: "Host",
      minor: 1,
      by: ({ host }) => host,
      cell: ({ host }) => <span class="name">{host || NOTHING}</span>,
    },
    {
      id: "size",
      title: "Answer",
      isNumber: true,
      minor: 2,
      by: ({ responseBytes }) => responseBytes,
      cell: ({ responseBytes }) => formatBytes(responseBytes),
    },
    {
      id: "duration",
      title: "Took",
      isNumber: true,
      by: ({ durationMs }) => durationMs,
      cell: ({ durationMs }) => formatMs(durationMs),
    },
  ], []);
}
