import assert from "node:assert/strict";
import { bounded, renderMetrics } from "../../lib/admin/metrics.ts";
import type { Metric, Sample } from "../../lib/admin/metrics.ts";
import { SERVER_METRICS } from "../../lib/admin/server_metrics.ts";
import { Histogram } from "../../lib/histogram.ts";
import { hasProgram, runProgram } from "../programs.ts";
import { adminRig } from "./rig.ts";

Deno.test("renderMetrics() writes counters, labels and histograms as Prometheus reads them", async () => {
  const histogram = new Histogram();
  for (const ms of [1, 7, 100_000]) histogram.observe(ms);
  const metrics: Metric<undefined>[] = [
    { name: "a_total", type: "counter", help: "How many", read: () => 3 },
    {
      name: "b",
      type: "gauge",
      help: "How much",
      labels: ["cluster"],
      read: () => [[1, 'x"y\\z\n'], [2.5, "other"]],
    },
    { name: "c_seconds", type: "histogram", help: "How long", read: () => histogram },
  ];
  const text = await renderMetrics(metrics, undefined);
  assert.ok(text.includes("# HELP a_total How many\n# TYPE a_total counter\na_total 3\n"));
  assert.ok(text.includes('b{cluster="x\\"y\\\\z\\n"} 1\nb{cluster="other"} 2.5\n'));
  assert.ok(text.includes('c_seconds_bucket{le="0.001"} 1\n'));
  assert.ok(text.includes('c_seconds_bucket{le="0.01"} 2\n'));
  assert.ok(text.includes('c_seconds_bucket{le="60"} 2\nc_seconds_bucket{le="+Inf"} 3\n'));
  assert.ok(text.includes("c_seconds_sum 100.008\nc_seconds_count 3\n"));
});

Deno.test("bounded() sums up what is beyond the largest", () => {
  const few: Sample[] = [[1, "a"], [2, "b"]];
  assert.deepEqual(bounded(few), few);
  const many = bounded(Array.from({ length: 250 }, (_, i): Sample => [i, `c${i}`]));
  assert.equal(many.length, 101);
  assert.deepEqual(many[0], [249, "c249"]);
  assert.deepEqual(many.at(-1), [149 * 150 / 2, "other"]);
});

Deno.test("metrics are named as Prometheus wants them", () => {
  assert.ok(SERVER_METRICS.length > 20);
  const names = SERVER_METRICS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, type, help } of SERVER_METRICS) {
    assert.match(name, /^revtun_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.doesNotMatch(help, /\.$/);
  }
});

Deno.test("/metrics counts what the server did", async () => {
  await using rig = await adminRig();
  await rig.join("h1");
  for (const path of ["/", "/"]) {
    const answer = await fetch(`${rig.frontendUrl}${path}`);
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
  const lost = await fetch(rig.frontendUrl, { headers: { "x-revtun-cluster": "nope" } });
  await lost.body?.cancel();
  const response = await fetch(`${rig.url}/metrics`);
  assert.match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  const valueOf = (line: string) => Number(new RegExp(`^${line} (\\S+)$`, "m").exec(text)?.[1]);
  assert.equal(valueOf('revtun_hosts\\{state="active"\\}'), 1);
  assert.equal(valueOf('revtun_cluster_hosts\\{cluster="edge-a"\\}'), 1);
  assert.equal(valueOf('revtun_http_requests_total\\{class="2xx"\\}'), 2);
  assert.equal(valueOf('revtun_http_requests_total\\{class="4xx"\\}'), 1);
  assert.equal(valueOf('revtun_http_errors_total\\{error="no-cluster"\\}'), 1);
  assert.equal(valueOf("revtun_http_first_byte_seconds_count"), 3);
  assert.equal(valueOf("revtun_streams_opened_total") + valueOf("revtun_streams_reused_total"), 2);
  assert.ok(valueOf("revtun_sent_bytes") > 0);
  assert.equal(valueOf("revtun_config_reloads_total"), 2);
  assert.equal(valueOf("revtun_config_reload_failures_total"), 1);
  assert.ok(valueOf("revtun_resident_memory_bytes") > 1e6);
});

const hasPromtool = await hasProgram("promtool");

Deno.test({
  name: "promtool finds nothing to complain of in /metrics (needs promtool)",
  ignore: !hasPromtool,
  async fn() {
    await using rig = await adminRig();
    await rig.join("h1");
    const text = await (await fetch(`${rig.url}/metrics`)).text();
    const { code, stderr } = await runProgram("promtool", ["check", "metrics"], { stdin: text });
    assert.deepEqual([code, stderr], [0, ""]);
  },
});
