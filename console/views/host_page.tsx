/** One host: what it is, what it does, and what may be done to it. */
import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDate,
  formatMegabytes,
  formatMs,
  formatRate,
  NOTHING,
} from "../lib/format.ts";
import type { Connection, Host } from "../lib/hosts.ts";
import { askHistoryOf, link } from "../lib/link.ts";
import { away, hosts, serverNow } from "../lib/live.ts";
import { linkTo } from "../lib/route.ts";
import type { Line } from "../parts/chart.tsx";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { Page } from "../parts/page.tsx";
import { State } from "../parts/state.tsx";
import { Stat } from "../parts/stat.tsx";
import { Charts } from "./charts.tsx";
import { askDisconnect, askDrain, askUndrain, askWeight } from "./host_actions.tsx";
import { Weight } from "./host_table.tsx";

const RTT_LINES: readonly Line[] = [
  { measure: "rtt", title: "Fastest connection", color: "--line-1" },
];

const COLUMNS: readonly Column<Connection>[] = [
  { id: "id", title: "Connection", cell: ({ id }) => formatCount(id), by: ({ id }) => id },
  { id: "mode", title: "Mode", cell: ({ mode }) => mode },
  { id: "remote", title: "From", cell: ({ remote }) => <code>{remote}</code> },
  {
    id: "rtt",
    title: "RTT",
    isNumber: true,
    by: ({ rttMs }) => rttMs,
    cell: ({ rttMs }) => formatMs(rttMs),
  },
  {
    id: "received",
    title: "Received",
    isNumber: true,
    minor: 2,
    by: ({ receivedBytes }) => receivedBytes,
    cell: ({ receivedBytes }) => formatBytes(receivedBytes),
  },
  {
    id: "sent",
    title: "Sent",
    isNumber: true,
    minor: 2,
    by: ({ sentBytes }) => sentBytes,
    cell: ({ sentBytes }) => formatBytes(sentBytes),
  },
  {
    id: "inFlight",
    title: "In flight",
    isNumber: true,
    by: ({ inFlight }) => inFlight,
    cell: ({ inFlight }) => formatCount(inFlight),
  },
];

export function HostPage(props: { cluster: string; id: string }) {
  const { cluster, id } = props;
  const host = useComputed(() => {
    const all = hosts.value.filter((host) => host.cluster === cluster);
    // An agent that was started anew has another id, by the same name.
    return all.find((host) => host.id === id) ??
      all.find(({ name }) => name === id || id.startsWith(`${name}/`));
  }).value;
  const isLive = link.value.state === "live";
  useEffect(() => {
    if (host !== undefined && isLive) askHistoryOf(host);
  }, [host?.key, isLive]);
  if (host === undefined) return <Absent cluster={cluster} id={id} />;
  return (
    <Page
      title={`${host.name} in ${host.cluster}`}
      heading={
        <>
          <span class="crumb">
            <a href={linkTo()}>{host.cluster}</a>
            <span aria-hidden="true">/</span>
          </span>
          {host.name}
        </>
      }
      aside={<Actions host={host} />}
    >
      <dl class="stats card" aria-label={`Figures of ${host.name}`}>
        <Stat name="State" note={host.isDrainedByOperator && "by an operator"}>
          <State state={host.state} />
        </Stat>
        <Stat name="Weight">
          <Weight host={host} />
        </Stat>
        <Stat name="Round trip">{formatMs(host.rttMs)}</Stat>
        <Stat name="In flight">{formatCount(host.inFlight)}</Stat>
        <Stat name="Requests" note="a second">{formatRate(host.requestRate)}</Stat>
        <Stat name="In" note="MB/s">{formatMegabytes(host.receivedRate)}</Stat>
        <Stat name="Out" note="MB/s">{formatMegabytes(host.sentRate)}</Stat>
      </dl>
      <Charts host={host.key} roundTrips={RTT_LINES} />
      <section class="card" aria-labelledby="connections-title">
        <div class="card-head">
          <h2 id="connections-title">
            Connections <span class="count">{formatCount(host.connections.length)}</span>
          </h2>
        </div>
        <DataTable
          caption={`Tunnel connections of ${host.name}`}
          isCaptionHidden
          columns={COLUMNS}
          rows={host.connections}
          keyOf={({ id }) => String(id)}
          empty="It has no connection."
        />
      </section>
      <section class="card facts" aria-labelledby="facts-title">
        <h2 id="facts-title">About it</h2>
        <dl>
          <div>
            <dt>Connected since</dt>
            <dd title={formatDate(host.sinceMs)}>{formatAgo(host.sinceMs, serverNow.value)}</dd>
          </div>
          <div>
            <dt>Left and came back</dt>
            <dd>{host.timesLeft === 0 ? "never" : `${formatCount(host.timesLeft)} times`}</dd>
          </div>
          <div>
            <dt>Agent's id</dt>
            <dd>
              <code>{host.id}</code>
            </dd>
          </div>
          <div>
            <dt>Credential's name</dt>
            <dd>{host.identity || NOTHING}</dd>
          </div>
          <div>
            <dt>Requests so far</dt>
            <dd>{formatCount(host.requests)}</dd>
          </div>
          <div>
            <dt>Received, sent</dt>
            <dd>{formatBytes(host.receivedBytes)}, {formatBytes(host.sentBytes)}</dd>
          </div>
        </dl>
      </section>
    </Page>
  );
}

function Actions({ host }: { host: Host }) {
  return (
    <div class="page-actions">
      {host.isDrainedByOperator
        ? <button type="button" class="button" onClick={() => askUndrain(host)}>Undrain</button>
        : <button type="button" class="button" onClick={() => askDrain(host)}>Drain</button>}
      <button type="button" class="button" onClick={() => askWeight(host)}>Weight</button>
      <button type="button" class="button danger-text" onClick={() => askDisconnect(host)}>
        Disconnect
      </button>
    </div>
  );
}

function Absent(props: { cluster: string; id: string }) {
  const left = away.value.find(({ cluster, name }) =>
    cluster === props.cluster && (name === props.id || props.id.startsWith(`${name}/`))
  );
  return (
    <Page title={`${props.id.split("/")[0]} in ${props.cluster}`}>
      <section class="card note">
        {left === undefined ? <p>No such host is connected.</p> : (
          <p>
            It left {formatAgo(left.lastSeenMs, serverNow.value)}:{" "}
            <q>{left.reason}</q>. This page shows it again as soon as it is back.
          </p>
        )}
        <p>
          <a href={linkTo()}>All hosts</a>
        </p>
      </section>
    </Page>
  );
}
