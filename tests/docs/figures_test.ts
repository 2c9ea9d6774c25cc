/** The README's figures are those of the newest file of results. */
import assert from "node:assert/strict";
import { readResults } from "../../bench/measurement.ts";
import { fillMarks } from "../../bench/report.ts";
import { summaryTable } from "../../bench/summary.ts";
import { ROOT } from "./pages.ts";

Deno.test("the README has the figures of the newest results", async () => {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL("bench/results/", ROOT))) {
    if (name.endsWith(".json")) names.push(name);
  }
  const newest = new URL(`bench/results/${names.sort().at(-1)}`, ROOT);
  const table = summaryTable(await readResults(newest.pathname));
  assert.match(table, /req\/s .*\d/);
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  assert.equal(
    readme,
    fillMarks(readme, new Map([["summary", table]])),
    "npm run bench -- --report",
  );
  assert.ok(readme.includes(table));
});
