/** An agent's page: its servers, its targets, its weight. */
import { post } from "../lib/api.ts";
import { formatCount, formatDuration, formatMs, NOTHING } from "../lib/format.ts";
import { about, agentState } from "../lib/link.ts";
import { listOf, numberOf, numberOrNull, textOf } from "../lib/read.ts";
import type { Json } from "../lib/read.ts";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { ask } from "../parts/dialog.tsx";
import { Page } from "../parts/page.tsx";
import { Stat } from "../parts/stat.tsx";
import { say } from "../parts/toast.tsx";

const PEERS: readonly Column<Json>[] = [
  {
    id: "server",
    title: "Server",
    by: (row) => textOf(row["server"]),
    cell: (row) => <code class="breakable">{textOf(row["server"])}</code>,
  },
  { id: "state", title: "State", cell: (row) => <PeerState peer={row} /> },
  {
    id: "connections",
    title: "Connections",
    isNumber: true,
    cell: (row) => formatCount(listOf(row["connections"]).length),
  },
  { id: "rtt", title: "RTT", isNumber: true, cell: (row) => formatMs(rttOf(row)) },
  {
    id: "software",
    title: "Software",
    minor: 1,
    cell: (row) => textOf(listOf(row["connections"])[0]?.["software"]) || NOTHING,
  },
  {
    id: "inFlight",
    title: "In flight",
    isNumber: true,
    minor: 2,
    cell: (row) =>
      formatCount(
        listOf(row["connections"]).reduce((sum, item) => sum + numberOf(item["in_flight"]), 0),
      ),
  },
];

const TARGETS: readonly Column<Json>[] = [
  { id: "name", title: "Target", cell: (row) => textOf(row["name"]) || "default" },
  {
    id: "address",
    title: "Address",
    cell: (row) => <code class="breakable">{textOf(row["address"])}</code>,
  },
];

export function AgentOverview() {
  const { status } = about.value!;
  const { peers, targets } = agentState.value;
  return (
    <Page
      title={`Agent ${textOf(status["cluster"])}/${textOf(status["host"])}`}
      aside={
        <div class="page-actions">
          <button
            type="button"
            class="button"
            onClick={() => askWeight(numberOf(status["weight"]))}
          >
            Weight
          </button>
        </div>
      }
    >
      <dl class="stats card" aria-label="Sums of this agent">
        <Stat name="Connections">{formatCount(numberOf(status["connections"]))}</Stat>
        <Stat name="In flight">{formatCount(numberOf(status["in_flight"]))}</Stat>
        <Stat name="Weight">{formatCount(numberOf(status["weight"]))}</Stat>
        <Stat name="Up for">{formatDuration(numberOf(status["uptime_ms"]))}</Stat>
      </dl>
      <section class="card">
        <DataTable
          caption="Servers that it dials"
          columns={PEERS}
          rows={peers}
          keyOf={(row) => textOf(row["server"])}
          empty="It knows of no server."
        />
      </section>
      <section class="card">
        <DataTable
          caption="Targets that it forwards to"
          columns={TARGETS}
          rows={targets}
          keyOf={(row) => textOf(row["name"])}
          empty="None: it answers with a page of its own."
        />
      </section>
      <p class="muted">
        This is one agent. Clusters, hosts and their traffic are on the console of its server.
      </p>
    </Page>
  );
}

function PeerState({ peer }: { peer: Json }) {
  const connections = listOf(peer["connections"]).length;
  const error = textOf(peer["last_error"]);
  if (connections > 0) return <>connected</>;
  const word = peer["refused"] === true
    ? "refused"
    : peer["given_up"] === true
    ? "given up"
    : "dialling";
  return (
    <span>
      <span class="bad">{word}</span>
      {error !== "" && <span class="words muted">: {error}</span>}
    </span>
  );
}

function rttOf(peer: Json): number | null {
  const all = listOf(peer["connections"]).flatMap((item) => numberOrNull(item["rtt_ms"]) || []);
  return all.length === 0 ? null : Math.min(...all);
}

function askWeight(weight: number): void {
  ask({
    title: "Weight of this agent",
    verb: "Set weight",
    body: (
      <>
        <div class="field">
          <label for="agent-weight">Weight</label>
          <input
            id="agent-weight"
            name="weight"
            type="number"
            inputMode="numeric"
            required
            min={0}
            max={10_000}
            step={1}
            defaultValue={String(weight)}
            aria-describedby="agent-weight-hint"
          />
        </div>
        <p class="hint" id="agent-weight-hint">
          Its share of new work at every server, beside the other hosts of its cluster; 0 is none.
        </p>
      </>
    ),
    async act(form) {
      const wanted = Number(form.get("weight"));
      await post("weight", { weight: wanted });
      say(`The weight is ${wanted}.`);
    },
  });
}
