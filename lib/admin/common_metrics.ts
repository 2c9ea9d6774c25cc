/** What server and agent measure alike: the program itself. */
import type { AdminSource } from "./common_routes.ts";
import type { Metric } from "./metrics.ts";

export const COMMON_METRICS: readonly Metric<AdminSource>[] = [
  {
    name: "revtun_build_info",
    type: "gauge",
    help: "1, with the version in its label",
    labels: ["software"],
    read: ({ software }) => [[1, software]],
  },
  {
    name: "revtun_uptime_seconds",
    type: "gauge",
    help: "Time since the start",
    read: ({ startedMs, runtime }) => (runtime.nowMs() - startedMs) / 1000,
  },
  {
    name: "revtun_resident_memory_bytes",
    type: "gauge",
    help: "Memory that the process holds",
    read: () => Deno.memoryUsage().rss,
  },
  {
    name: "revtun_config_reloads_total",
    type: "counter",
    help: "Changed settings that were applied while running",
    read: ({ configView }) => configView().reload?.reloads ?? 0,
  },
  {
    name: "revtun_config_reload_failures_total",
    type: "counter",
    help: "Changed settings that could not be: the ones before are kept",
    read: ({ configView }) => configView().reload?.failures ?? 0,
  },
  {
    name: "revtun_config_needs_restart",
    type: "gauge",
    help: "Changed settings that count from the next start on",
    read: ({ configView }) => configView().reload?.needs_restart.length ?? 0,
  },
];
