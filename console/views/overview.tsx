/** All at one look: sums, their last minutes, clusters and hosts. */
import { useComputed } from "@preact/signals";
import {
  formatCount,
  formatDuration,
  formatMegabytes,
  formatMs,
  formatRate,
} from "../lib/format.ts";
import { sum } from "../lib/history.ts";
import type { Host } from "../lib/hosts.ts";
import { askDoors } from "../lib/link.ts";
import { away, hosts, order, status } from "../lib/live.ts";
import { numberOf } from "../lib/read.ts";
import { linkTo } from "../lib/route.ts";
import type { Line } from "../parts/chart.tsx";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { Fetched } from "../parts/fetched.tsx";
import { Page } from "../parts/page.tsx";
import { Stat } from "../parts/stat.tsx";
import { Charts } from "./charts.tsx";
import { EmptyServer } from "./empty_server.tsx";
import { HostTable } from "./host_table.tsx";

const RTT_LINES: readonly Line[] = [
  { measure: "rtt", title: "Median", color: "--line-1" },
  { measure: "worstRtt", title: "Slowest", color: "--line-3" },
];

export function Overview() {
  const isEmpty = hosts.value.length === 0 && away.value.length === 0;
  return (
    <Page title="Overview" aside={<Uptime />}>
      {isEmpty ? <Fetched ask={askDoors}>{(doors) => <EmptyServer doors={doors} />}</Fetched> : (
        <>
          <Sums />
          <Charts roundTrips={RTT_LINES} />
          <Clusters />
          <HostTable />
        </>
      )}
    </Page>
  );
}

function Uptime() {
  const { uptime_ms: uptime, draining } = status.value;
  return (
    <p class="page-note">
      {draining === true
        ? <strong>The server is stopping.</strong>
        : `Up for ${formatDuration(numberOf(uptime))}`}
    </p>
  );
}

function Sums() {
  const all = hosts.value;
  const usable = all.filter(({ state }) => state === "active").length;
  const { waiting, clients } = status.value;
  return (
    <dl class="stats card" aria-label="Sums of all hosts">
      <Stat
        name="Hosts"
        note={usable === all.length ? "all active" : `${formatCount(usable)} active`}
      >
        {formatCount(all.length)}
      </Stat>
      <Stat
        name="Away"
        note={away.value.length > 0 && <a href={linkTo("away")}>who and why</a>}
      >
        {formatCount(away.value.length)}
      </Stat>
      <Stat
        name="Clients"
        note={numberOf(waiting) > 0 && `${formatCount(numberOf(waiting))} waiting`}
      >
        {formatCount(numberOf(clients))}
      </Stat>
      <Stat name="In flight">{formatCount(sum(all, "inFlight") ?? 0)}</Stat>
      <Stat name="Requests" note="a second">{formatRate(sum(all, "requestRate"))}</Stat>
      <Stat name="In" note="MB/s">{formatMegabytes(sum(all, "receivedRate"))}</Stat>
      <Stat name="Out" note="MB/s">{formatMegabytes(sum(all, "sentRate"))}</Stat>
    </dl>
  );
}

interface Cluster {
  readonly name: string;
  readonly hosts: readonly Host[];
}

const CLUSTER_COLUMNS: readonly Column<Cluster>[] = [
  {
    id: "name",
    title: "Cluster",
    by: ({ name }) => name,
    cell: ({ name }) => <span class="name" title={name}>{name}</span>,
  },
  {
    id: "hosts",
    title: "Hosts",
    isNumber: true,
    by: ({ hosts }) => hosts.length,
    cell: ({ hosts }) => <Usable hosts={hosts} />,
  },
  {
    id: "connections",
    title: "Connections",
    isNumber: true,
    minor: 1,
    by: ({ hosts }) => connectionsOf(hosts),
    cell: ({ hosts }) => formatCount(connectionsOf(hosts)),
  },
  {
    id: "rtt",
    title: "Best RTT",
    isNumber: true,
    minor: 2,
    by: ({ hosts }) => bestRtt(hosts),
    cell: ({ hosts }) => formatMs(bestRtt(hosts)),
  },
  {
    id: "requests",
    title: "Req/s",
    isNumber: true,
    by: ({ hosts }) => sum(hosts, "requestRate"),
    cell: ({ hosts }) => formatRate(sum(hosts, "requestRate")),
  },
  {
    id: "received",
    title: "In MB/s",
    isNumber: true,
    minor: 1,
    by: ({ hosts }) => sum(hosts, "receivedRate"),
    cell: ({ hosts }) => formatMegabytes(sum(hosts, "receivedRate")),
  },
  {
    id: "sent",
    title: "Out MB/s",
    isNumber: true,
    minor: 1,
    by: ({ hosts }) => sum(hosts, "sentRate"),
    cell: ({ hosts }) => formatMegabytes(sum(hosts, "sentRate")),
  },
  {
    id: "inFlight",
    title: "In flight",
    isNumber: true,
    by: ({ hosts }) => sum(hosts, "inFlight"),
    cell: ({ hosts }) => formatCount(sum(hosts, "inFlight") ?? 0),
  },
];

function Clusters() {
  const clusters = useComputed(() => {
    const byName = new Map<string, Host[]>();
    for (const host of hosts.value) {
      const list = byName.get(host.cluster);
      if (list === undefined) byName.set(host.cluster, [host]);
      else list.push(host);
    }
    for (const { cluster } of away.value) if (!byName.has(cluster)) byName.set(cluster, []);
    return [...byName].map(([name, hosts]): Cluster => ({ name, hosts }))
      .sort((a, b) => order(a.name, b.name));
  });
  return (
    <section class="card" aria-labelledby="clusters-title">
      <div class="card-head">
        <h2 id="clusters-title">
          Clusters <span class="count">{formatCount(clusters.value.length)}</span>
        </h2>
      </div>
      <DataTable
        caption="Clusters with the sums of their hosts, as they are now"
        isCaptionHidden
        columns={CLUSTER_COLUMNS}
        rows={clusters.value}
        keyOf={({ name }) => name}
        empty="No cluster has a host."
      />
    </section>
  );
}

function Usable({ hosts }: { hosts: readonly Host[] }) {
  const usable = hosts.filter(({ state }) => state === "active").length;
  if (usable === hosts.length && usable > 0) return <>{formatCount(usable)}</>;
  return (
    <span class={usable === 0 ? "bad" : ""}>
      {formatCount(usable)} <span class="muted">of {formatCount(hosts.length)}</span>
    </span>
  );
}

function connectionsOf(hosts: readonly Host[]): number {
  return hosts.reduce((total, { connections }) => total + connections.length, 0);
}

function bestRtt(hosts: readonly Host[]): number | null {
  const best = Math.min(...hosts.map(({ rttMs }) => rttMs ?? Infinity));
  return best === Infinity ? null : best;
}
