/** deploy/grafana-dashboard.json asks for metrics that servers and agents have, in PromQL. */
import assert from "node:assert/strict";
import { AGENT_METRICS } from "../../lib/admin/agent_metrics.ts";
import { SERVER_METRICS } from "../../lib/admin/server_metrics.ts";
import { missingPrograms, outputOf } from "../programs.ts";
import { agentProcess, serverProcess } from "../e2e/commands.ts";

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

const DASHBOARD = new URL("../../deploy/grafana-dashboard.json", import.meta.url);
const { panels } = JSON.parse(await Deno.readTextFile(DASHBOARD)) as { panels: Panel[] };
const EXPRESSIONS = panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr));

function metricsOf(expression: string): string[] {
  return [...expression.matchAll(/\brevtun_[a-z_]+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, "")
  );
}

Deno.test("the dashboard shows exactly the metrics that a server and an agent tell", async () => {
  const admin = ["--admin", "127.0.0.1:0"];
  await using server = await serverProcess(["http://127.0.0.1:0"], admin);
  await using agent = await agentProcess(server.tunnel, admin);
  const names = new Set<string>();
  for (const { printed } of [server.process, agent]) {
    const [, address] = await printed(/event=admin\.listening .*address=(\S+)/);
    const text = await (await fetch(`http://${address}/metrics`)).text();
    for (const [, name] of text.matchAll(/^# TYPE (\S+) /gm)) names.add(name!);
  }
  assert.ok(names.size > 40, `${names.size} metrics`);
  assert.ok(EXPRESSIONS.length > 50, `${EXPRESSIONS.length} expressions`);
  const shown = new Set(EXPRESSIONS.flatMap(metricsOf));
  assert.deepEqual([...shown].filter((name) => !names.has(name)), []);
  // A metric that nobody sees is of little use.
  assert.deepEqual([...names].filter((name) => !shown.has(name)), []);
});

Deno.test("what the dashboard sums by are labels of the metric", () => {
  const labels = new Map([...SERVER_METRICS, ...AGENT_METRICS].map((metric) => [
    metric.name,
    [...metric.labels ?? [], ...(metric.type === "histogram" ? ["le"] : [])],
  ]));
  for (const expression of EXPRESSIONS) {
    const [, by] = /\bby \((\w+)\)/.exec(expression) ?? [];
    if (by === undefined) continue;
    for (const name of metricsOf(expression)) {
      assert.ok(labels.get(name)?.includes(by), `${name} has no ${by}`);
    }
  }
});

Deno.test("panels of the dashboard have titles and a place, and none is beyond the edge", () => {
  for (const { title, type, gridPos } of panels) {
    assert.ok(title.length > 2 && gridPos.x + gridPos.w <= 24, `${type} ${title}`);
  }
  assert.equal(new Set(panels.map(({ gridPos: { x, y } }) => `${x},${y}`)).size, panels.length);
});

const missing = await missingPrograms("promtool");

Deno.test({
  name: `the dashboard's expressions are PromQL${missing.length > 0 ? " (needs promtool)" : ""}`,
  ignore: missing.length > 0,
  fn: async () => {
    const rules = EXPRESSIONS.map((expression, at) => ({
      record: `dashboard:${at}`,
      // Grafana's own variables, as it would fill them in.
      expr: expression.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*"),
    }));
    const path = await Deno.makeTempFile({ suffix: ".yaml" });
    try {
      // JSON is YAML too.
      await Deno.writeTextFile(path, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
      const checked = await outputOf("promtool", ["check", "rules", path]);
      assert.match(checked, new RegExp(`${rules.length} rules found`));
    } finally {
      await Deno.remove(path);
    }
  },
});
