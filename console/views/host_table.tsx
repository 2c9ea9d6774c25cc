/** Every host, with what it does now. */
import { useComputed, useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { formatCount, formatMegabytes, formatMs, formatRate } from "../lib/format.ts";
import type { Host } from "../lib/hosts.ts";
import { hosts } from "../lib/live.ts";
import { linkTo } from "../lib/route.ts";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { State } from "../parts/state.tsx";
import { askDrain, askUndrain, askWeight } from "./host_actions.tsx";

const COLUMNS: readonly Column<Host>[] = [
  {
    id: "name",
    title: "Host",
    by: ({ name }) => name,
    cell: (host) => (
      <a class="name" href={linkTo("host", host.cluster, host.id)} title={host.name}>{host.name}</a>
    ),
  },
  {
    id: "cluster",
    width: 120,
    title: "Cluster",
    minor: 2,
    by: ({ cluster }) => cluster,
    cell: ({ cluster }) => <span class="name" title={cluster}>{cluster}</span>,
  },
  {
    id: "state",
    width: 94,
    title: "State",
    by: ({ state }) => state,
    cell: ({ state }) => <State state={state} />,
  },
  {
    id: "weight",
    width: 84,
    title: "Weight",
    isNumber: true,
    minor: 1,
    by: ({ weight }) => weight,
    cell: (host) => <Weight host={host} />,
  },
  {
    id: "connections",
    width: 116,
    title: "Connections",
    isNumber: true,
    minor: 1,
    by: ({ connections }) => connections.length,
    cell: ({ connections }) => formatCount(connections.length),
  },
  {
    id: "rtt",
    width: 78,
    title: "RTT",
    isNumber: true,
    by: ({ rttMs }) => rttMs,
    cell: ({ rttMs }) => formatMs(rttMs),
  },
  {
    id: "requests",
    width: 72,
    title: "Req/s",
    isNumber: true,
    by: ({ requestRate }) => requestRate,
    cell: ({ requestRate }) => formatRate(requestRate),
  },
  {
    id: "received",
    width: 86,
    title: "In MB/s",
    isNumber: true,
    minor: 1,
    by: ({ receivedRate }) => receivedRate,
    cell: ({ receivedRate }) => formatMegabytes(receivedRate),
  },
  {
    id: "sent",
    width: 94,
    title: "Out MB/s",
    isNumber: true,
    minor: 1,
    by: ({ sentRate }) => sentRate,
    cell: ({ sentRate }) => formatMegabytes(sentRate),
  },
  {
    id: "inFlight",
    width: 84,
    title: "In flight",
    isNumber: true,
    minor: 2,
    by: ({ inFlight }) => inFlight,
    cell: ({ inFlight }) => formatCount(inFlight),
  },
  {
    id: "actions",
    width: 140,
    title: "Actions",
    isTitleHidden: true,
    minor: 1,
    cell: (host) => (
      <span class="row-actions">
        {host.isDrainedByOperator
          ? <Action host={host} verb="Undrain" ask={askUndrain} />
          : <Action host={host} verb="Drain" ask={askDrain} />}
        <Action host={host} verb="Weight" ask={askWeight} />
      </span>
    ),
  },
];

function Action(props: { host: Host; verb: string; ask: (host: Host) => void }) {
  const { host, verb, ask } = props;
  return (
    <button type="button" class="button quiet" onClick={() => ask(host)}>
      {verb}
      <span class="hidden">{`${host.cluster}/${host.name}`}</span>
    </button>
  );
}

/** What is set; what counts beside it while it starts slowly. */
export function Weight({ host }: { host: Host }) {
  const { weight, effectiveWeight, operatorWeight, state } = host;
  const isStarting = state === "active" && Math.abs(effectiveWeight - weight) >= 0.05 * weight;
  return (
    <span
      title={operatorWeight === null ? "Its agent's own" : "Set by an operator"}
    >
      {isStarting && <span class="muted">{formatCount(effectiveWeight)} of</span>}
      {formatCount(weight)}
      {operatorWeight !== null && (
        <>
          <span class="muted" aria-hidden="true">*</span>
          <span class="hidden">, set by an operator</span>
        </>
      )}
    </span>
  );
}

const STATES = ["active", "busy", "draining", "ejected"];

export function HostTable() {
  const id = useId();
  const text = useSignal("");
  const state = useSignal("");
  const cluster = useSignal("");
  const clusters = useComputed(() =>
    [...new Set(hosts.value.map(({ cluster }) => cluster))].sort()
  );
  const found = useComputed(() => {
    const wanted = text.value.trim().toLowerCase();
    if (wanted === "" && state.value === "" && cluster.value === "") return hosts.value;
    return hosts.value.filter((host) =>
      (state.value === "" || host.state === state.value) &&
      (cluster.value === "" || host.cluster === cluster.value) &&
      (wanted === "" || isFound(host, wanted))
    );
  });
  const isFiltered = found.value !== hosts.value;
  return (
    <section class="card" aria-labelledby={`${id}-title`}>
      <div class="card-head">
        <h2 id={`${id}-title`}>
          Hosts{" "}
          <span class="count">
            {isFiltered
              ? `${formatCount(found.value.length)} of ${formatCount(hosts.value.length)}`
              : formatCount(hosts.value.length)}
          </span>
        </h2>
        <div class="filters" role="search" aria-label="Hosts">
          <input
            type="search"
            aria-label="Find hosts by name, cluster or address"
            placeholder="Find a host"
            value={text}
            onInput={(event) => text.value = event.currentTarget.value}
          />
          {clusters.value.length > 1 && (
            <select
              aria-label="Cluster"
              value={cluster}
              onChange={(event) => cluster.value = event.currentTarget.value}
            >
              <option value="">All clusters</option>
              {clusters.value.map((name) => <option key={name} value={name}>{name}</option>)}
            </select>
          )}
          <select
            aria-label="State"
            value={state}
            onChange={(event) => state.value = event.currentTarget.value}
          >
            <option value="">All states</option>
            {STATES.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        </div>
      </div>
      <DataTable
        caption="Hosts with their state and traffic, as they are now"
        isCaptionHidden
        columns={COLUMNS}
        rows={found.value}
        keyOf={({ key }) => key}
        empty={isFiltered ? "No host is like that." : "No host is connected."}
      />
    </section>
  );
}

function isFound(host: Host, wanted: string): boolean {
  return host.key.toLowerCase().includes(wanted) ||
    host.identity.toLowerCase().includes(wanted) ||
    host.connections.some(({ remote }) => remote.includes(wanted));
}
