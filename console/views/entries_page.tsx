/** Where clients come in and how they are led on: frontends, those that agents asked for, routes. */
import { get } from "../lib/api.ts";
import { formatCount } from "../lib/format.ts";
import { listOf, numberOf, textOf, textsOf } from "../lib/read.ts";
import type { Json } from "../lib/read.ts";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { Fetched } from "../parts/fetched.tsx";
import { Page } from "../parts/page.tsx";

const REFRESH_MS = 3000;

const FRONTENDS: readonly Column<Json>[] = [
  {
    id: "frontend",
    title: "Frontend",
    by: (row) => textOf(row["frontend"]),
    cell: (row) => <code class="breakable">{textOf(row["frontend"])}</code>,
  },
  {
    id: "clients",
    title: "Clients",
    isNumber: true,
    by: (row) => numberOf(row["clients"]),
    cell: (row) => formatCount(numberOf(row["clients"])),
  },
];

const EXPOSURES: readonly Column<Json>[] = [
  {
    id: "frontend",
    title: "Frontend",
    by: (row) => textOf(row["frontend"]),
    cell: (row) => <code class="breakable">{textOf(row["frontend"])}</code>,
  },
  {
    id: "cluster",
    title: "Cluster",
    by: (row) => textOf(row["cluster"]),
    cell: (row) => <span class="name">{textOf(row["cluster"])}</span>,
  },
  {
    id: "target",
    title: "Target",
    by: (row) => textOf(row["target"]),
    cell: (row) => <span class="name">{textOf(row["target"])}</span>,
  },
  {
    id: "hosts",
    title: "Hosts",
    minor: 1,
    cell: (row) => <span class="words">{textsOf(row["hosts"]).join(", ")}</span>,
  },
];

interface Rule {
  readonly place: number;
  readonly text: string;
}

const ROUTES: readonly Column<Rule>[] = [
  { id: "place", title: "#", cell: ({ place }) => formatCount(place) },
  { id: "rule", title: "Route", cell: ({ text }) => <code class="breakable">{text}</code> },
];

export function EntriesPage() {
  return (
    <Page title="Entry points">
      <Fetched ask={askAll} everyMs={REFRESH_MS}>
        {({ frontends, exposures, routes }) => (
          <>
            <section class="card">
              <DataTable
                caption="Frontends"
                columns={FRONTENDS}
                rows={frontends}
                keyOf={(row) => textOf(row["frontend"])}
                empty="No client can come in: the server has no frontend."
              />
            </section>
            <section class="card">
              <DataTable
                caption="Frontends that agents asked for"
                columns={EXPOSURES}
                rows={exposures}
                keyOf={(row) => textOf(row["frontend"])}
                empty={
                  <>
                    No agent asked for one. They may where the server says so:{" "}
                    <code>--allow-expose</code>.
                  </>
                }
              />
            </section>
            <section class="card">
              <DataTable
                caption="Routes of HTTP frontends: the first that matches counts"
                columns={ROUTES}
                rows={routes}
                keyOf={({ place }) => String(place)}
                empty={
                  <>
                    No route is set: a request names its cluster by the first label of its host name
                    or by <code>x-revtun-cluster</code>.
                  </>
                }
              />
            </section>
          </>
        )}
      </Fetched>
    </Page>
  );
}

async function askAll() {
  const [frontends, exposures, routes] = await Promise.all([
    get("frontends"),
    get("exposures?limit=1000"),
    get("routes"),
  ]);
  return {
    frontends: listOf(frontends["items"]),
    exposures: listOf(exposures["items"]),
    routes: textsOf(routes["items"]).map((text, i): Rule => ({ place: i + 1, text })),
  };
}
