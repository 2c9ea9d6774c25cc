/** The tables of docs/admin-api.md, from the code itself. */
import type { AdminRoute } from "./admin_route.ts";
import type { Metric } from "./metrics.ts";

/** A table of endpoints in Markdown. */
export function routesTable(routes: readonly AdminRoute<never>[]): string {
  const rows = routes.map(({ method, path, summary, query, body }) => {
    const fields = Object.entries(body ?? {}).map(([name, type]) => `\`${name}\` (${type})`);
    const parameters = (query ?? []).map((name) => `\`?${name}=\``);
    return `| \`${method} ${path}\` | ${summary} | ${[...parameters, ...fields].join(", ")} |`;
  });
  return ["| endpoint | what it does | takes |", "| --- | --- | --- |", ...rows].join("\n");
}

/** A table of metrics in Markdown. */
export function metricsTable(metrics: readonly Metric<never>[]): string {
  const rows = metrics.map(({ name, type, help, labels }) => {
    const names = (labels ?? []).map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${names} | ${help} |`;
  });
  return ["| metric | type | labels | what it counts |", "| --- | --- | --- | --- |", ...rows]
    .join("\n");
}
