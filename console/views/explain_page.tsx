/** Where would a request go, and why? Nothing is sent. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, get } from "../lib/api.ts";
import { formatCount, formatShare } from "../lib/format.ts";
import { askDoors } from "../lib/link.ts";
import { listOf, numberOf, numberOrNull, objectOf, textOf } from "../lib/read.ts";
import type { Json } from "../lib/read.ts";
import { linkTo } from "../lib/route.ts";
import { DataTable } from "../parts/data_table.tsx";
import type { Column } from "../parts/data_table.tsx";
import { Page } from "../parts/page.tsx";
import { State } from "../parts/state.tsx";
import { RoutePicture } from "./route_picture.tsx";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

const COLUMNS: readonly Column<Json>[] = [
  {
    id: "name",
    title: "Host",
    by: (row) => textOf(row["name"]),
    cell: (row) => (
      <a class="name" href={linkTo("host", textOf(row["cluster"]), textOf(row["id"]))}>
        {textOf(row["name"])}
      </a>
    ),
  },
  { id: "state", title: "State", minor: 2, cell: (row) => <State state={textOf(row["state"])} /> },
  {
    id: "weight",
    title: "Weight",
    isNumber: true,
    minor: 1,
    by: (row) => numberOf(row["weight"]),
    cell: (row) => formatCount(numberOf(row["weight"])),
  },
  {
    id: "share",
    title: "Share",
    isNumber: true,
    by: (row) => numberOf(row["share"]),
    cell: (row) => formatShare(numberOf(row["share"])),
  },
  {
    id: "verdict",
    title: "Verdict",
    by: (row) => textOf(row["verdict"]),
    cell: (row) => <span class="words">{textOf(row["verdict"])}</span>,
  },
];

export function ExplainPage() {
  const frontends = useSignal<readonly string[]>([]);
  const result = useSignal<Json | undefined>(undefined);
  const asked = useSignal("");
  const problem = useSignal("");
  const isUnderWay = useSignal(false);
  useEffect(() => {
    askDoors().then(
      (doors) =>
        frontends.value = doors.frontends.map(({ frontend }) => frontend)
          .filter((spec) => !/^(?!https?:)[a-z0-9]+:\/\//.test(spec)),
      () => {},
    );
  }, []);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const query = queryOf(new FormData(event.target as HTMLFormElement));
    isUnderWay.value = true;
    try {
      result.value = await get(`explain?${query}`);
      asked.value = `${query.get("method")} ${query.get("url")}`;
      problem.value = "";
    } catch (error) {
      result.value = undefined;
      problem.value = error instanceof ApiError ? error.message : String(error);
    }
    isUnderWay.value = false;
  };
  return (
    <Page title="Explain">
      <form class="card explain-form" onSubmit={onSubmit}>
        <p class="hint">Where would this request go, and why? Nothing is sent.</p>
        <div class="field-row">
          <div class="field">
            <label for="method">Method</label>
            <select id="method" name="method">
              {METHODS.map((method) => <option key={method}>{method}</option>)}
            </select>
          </div>
          <div class="field grow">
            <label for="url">URL</label>
            <input
              id="url"
              name="url"
              type="text"
              inputMode="url"
              required
              spellcheck={false}
              autocomplete="off"
              placeholder="http://edge-a.example.com/path"
            />
          </div>
        </div>
        <details>
          <summary>Headers, client, frontend</summary>
          <div class="field">
            <label for="headers">Headers, one a line</label>
            <textarea
              id="headers"
              name="headers"
              rows={3}
              spellcheck={false}
              placeholder="x-revtun-cluster: edge-a"
            />
          </div>
          <div class="field-row">
            <div class="field grow">
              <label for="client">Client's address</label>
              <input id="client" name="client" type="text" placeholder="203.0.113.7" />
            </div>
            <div class="field grow">
              <label for="frontend">Frontend</label>
              <select id="frontend" name="frontend">
                <option value="">The first HTTP frontend</option>
                {frontends.value.map((spec) => <option key={spec} value={spec}>{spec}</option>)}
              </select>
            </div>
          </div>
        </details>
        <button type="submit" class="button primary" disabled={isUnderWay.value}>Explain</button>
        <div role="alert">{problem.value !== "" && <p class="problem">{problem}</p>}</div>
      </form>
      <div aria-live="polite">
        {result.value !== undefined && <Result result={result.value} asked={asked.value} />}
      </div>
    </Page>
  );
}

function Result({ result, asked }: { result: Json; asked: string }) {
  const hosts = listOf(result["hosts"]);
  const answer = objectOf(result["answer"]);
  const status = numberOrNull(answer["status"]);
  const cluster = textOf(result["cluster"]);
  const candidates = hosts.filter((host) => host["verdict"] === "candidate");
  return (
    <>
      <section class="card" aria-labelledby="verdict-title">
        <h2 id="verdict-title" class="verdict">
          {status !== null
            ? `Answered with ${status} by the server itself`
            : candidates.length === 0
            ? `To cluster ${cluster}, where no host can take it`
            : `To cluster ${cluster}: ${candidates.length} of ${hosts.length} ${
              hosts.length === 1 ? "host" : "hosts"
            }`}
        </h2>
        {status !== null && (
          <p class="muted">{textOf(answer["detail"]) || textOf(answer["error"])}</p>
        )}
        <RoutePicture
          asked={asked}
          frontend={textOf(result["frontend"])}
          route={textOf(result["route"])}
          cluster={cluster}
          target={textOf(result["target"])}
          status={status}
          hosts={hosts}
        />
      </section>
      {hosts.length > 0 && (
        <section class="card">
          <DataTable
            caption={`Hosts of cluster ${cluster}`}
            columns={COLUMNS}
            rows={hosts}
            keyOf={(row) => textOf(row["id"])}
            empty=""
          />
        </section>
      )}
    </>
  );
}

function queryOf(form: FormData): URLSearchParams {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const url = text("url");
  const query = new URLSearchParams({
    // As it is typed in a browser's address bar.
    url: /^https?:\/\//i.test(url) ? url : `http://${url}`,
    method: text("method"),
  });
  for (const line of text("headers").split("\n")) {
    if (line.trim() !== "") query.append("header", line.trim());
  }
  for (const name of ["client", "frontend"]) if (text(name) !== "") query.set(name, text(name));
  return query;
}
