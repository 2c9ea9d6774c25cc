import assert from "node:assert/strict";
import { AGENT_METRICS } from "../../lib/admin/agent_metrics.ts";
import { AGENT_ROUTES } from "../../lib/admin/agent_routes.ts";
import { metricsTable, routesTable } from "../../lib/admin/reference.ts";
import { SERVER_METRICS } from "../../lib/admin/server_metrics.ts";
import { SERVER_ROUTES } from "../../lib/admin/server_routes.ts";

const DOC = new URL("../../docs/admin-api.md", import.meta.url);
const TABLES: Readonly<Record<string, () => string>> = {
  "server endpoints": () => routesTable(SERVER_ROUTES),
  "agent endpoints": () => routesTable(AGENT_ROUTES),
  "server metrics": () => metricsTable(SERVER_METRICS),
  "agent metrics": () => metricsTable(AGENT_METRICS),
};

for (const [title, table] of Object.entries(TABLES)) {
  Deno.test(`docs/admin-api.md has the ${title} that the code has`, async () => {
    const text = await Deno.readTextFile(DOC);
    const begin = `<!-- ${title} -->`;
    const part = text.slice(text.indexOf(begin) + begin.length, text.indexOf(`<!-- /${title} -->`));
    const expected = table();
    // Space between columns is the formatter's.
    const squeezed = (value: string) =>
      value.trim().split("\n").map((line) => line.replace(/ +/g, " ").replace(/-{3,}/g, "---"));
    assert.deepEqual(squeezed(part), squeezed(expected), `The table has to be:\n${expected}\n`);
  });
}
