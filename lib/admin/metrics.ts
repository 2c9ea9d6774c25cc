/**
 * Metrics as Prometheus reads them. The program counts in numbers of its own, which cost next to
 * nothing; they are read when someone asks.
 */
import { Registry } from "prom-client";
import type { Histogram } from "../histogram.ts";
import { ADMIN_HEADERS } from "./problem.ts";

/** One metric: what it is called, and where its values are. `S` is what it looks at. */
export type Metric<S> =
  & {
    readonly name: string;
    /** One line for the reference and for Prometheus, without a full stop. */
    readonly help: string;
    /** Names of its labels, a bounded number of values each. */
    readonly labels?: readonly string[];
  }
  & (
    | { readonly type: "counter" | "gauge"; read(source: S): number | Iterable<Sample> }
    | { readonly type: "histogram"; read(source: S): Histogram }
  );

/** A value with those of its labels, in their order. */
export type Sample = readonly [value: number, ...labels: string[]];

/** Label values of one metric beyond which the rest counts as "other". */
export const MAX_LABEL_VALUES = 100;

/** Names of one label that are shown; sums up what is beyond them. */
export function bounded(samples: Iterable<Sample>): Sample[] {
  const all = [...samples];
  if (all.length <= MAX_LABEL_VALUES) return all;
  all.sort((a, b) => b[0] - a[0]);
  const rest = all.slice(MAX_LABEL_VALUES).reduce((sum, [value]) => sum + value, 0);
  return [...all.slice(0, MAX_LABEL_VALUES), [rest, "other"]];
}

/** Answers with all metrics. */
export async function metricsResponse<S>(
  metrics: readonly Metric<S>[],
  source: S,
): Promise<Response> {
  const headers = { ...ADMIN_HEADERS, "content-type": Registry.PROMETHEUS_CONTENT_TYPE };
  return new Response(await renderMetrics(metrics, source), { headers });
}

/** Writes all metrics in Prometheus' text format. */
export async function renderMetrics<S>(metrics: readonly Metric<S>[], source: S): Promise<string> {
  const registry = new Registry();
  for (const metric of metrics) {
    const object = { ...metric, aggregator: "sum" as const, values: valuesOf(metric, source) };
    // What the registry asks of a metric is its name and what get() gives.
    registry.registerMetric({ name: metric.name, get: () => object } as never);
  }
  return await registry.metrics();
}

interface Value {
  value: number;
  labels: Record<string, string | number>;
  metricName?: string;
}

function valuesOf<S>(metric: Metric<S>, source: S): Value[] {
  if (metric.type === "histogram") return histogramValues(metric.name, metric.read(source));
  const read = metric.read(source);
  if (typeof read === "number") return [{ value: read, labels: {} }];
  const names = metric.labels ?? [];
  return [...read].map(([value, ...labels]) => ({
    value,
    labels: Object.fromEntries(names.map((name, at) => [name, labels[at] ?? ""])),
  }));
}

/** In seconds, as Prometheus has durations; each class counts those below it too. */
function histogramValues(name: string, histogram: Histogram): Value[] {
  let below = 0;
  const buckets = histogram.boundsMs.map((boundMs, at) => ({
    value: below += histogram.counts[at]!,
    labels: { le: boundMs / 1000 },
    metricName: `${name}_bucket`,
  }));
  const { count, sumMs } = histogram;
  return [
    ...buckets,
    { value: count, labels: { le: "+Inf" }, metricName: `${name}_bucket` },
    { value: sumMs / 1000, labels: {}, metricName: `${name}_sum` },
    { value: count, labels: {}, metricName: `${name}_count` },
  ];
}
