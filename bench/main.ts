/**
 * `npm run bench`, `deno task bench`: revtun beside other tunnels, on this machine. `--help` has the
 * options, docs/performance.md what is measured and how.
 */
import { parseArguments, USAGE } from "./arguments.ts";
import type { BenchArguments } from "./arguments.ts";
import { ProgressLine, progressText } from "../lib/progress.ts";
import { stderrTerminal } from "./io/stderr_terminal.ts";
import { readResults, writeResults } from "./measurement.ts";
import { formatTables, writeReport } from "./report.ts";
import { runBench } from "./run_bench.ts";
import { SECTIONS, STANDALONE } from "./sections.ts";

const RESULTS = "bench/results";

if (Deno.args.includes("--help")) {
  print(`${USAGE}\nSections: ${Object.keys(SECTIONS).join(", ")}`);
  Deno.exit(0);
}
let args: BenchArguments;
try {
  args = parseArguments(Deno.args, Object.keys(SECTIONS));
  if (args.isQuick) args = { ...args, sections: args.sections.filter(isForQuickRuns) };
} catch (error) {
  print((error as Error).message);
  Deno.exit(2);
}
const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => abort.abort(new Error("Interrupted")));
}
try {
  if (args.report === undefined) await measure(args);
  else await report(args.report);
} catch (error) {
  print((error as Error).message);
  Deno.exit(abort.signal.aborted ? 130 : 1);
}
Deno.exit(0);

/** What compares with nobody and takes its time is left out unless it is asked for. */
function isForQuickRuns(section: string): boolean {
  return section === "startup" || !STANDALONE.includes(section) || Deno.args.includes(section);
}

async function measure(args: BenchArguments): Promise<void> {
  const startMs = performance.now();
  const started = new Date().toISOString().slice(0, 16).replace(":", "");
  const path = args.into ?? `${RESULTS}/${started}.json`;
  await Deno.mkdir(RESULTS, { recursive: true });
  const progress = new ProgressLine(stderrTerminal);
  let show = () => {};
  const results = await runBench(
    args,
    abort.signal,
    (line) => {
      void progress.clear();
      print(line);
      show();
    },
    (results) => writeResults(path, results),
    (part, section) => {
      show = () =>
        progress.follow((elapsedMs) => {
          const details = `${section} ${(elapsedMs / 1000).toFixed(0)} s since the last line`;
          return progressText("bench", part, details, stderrTerminal.width);
        });
      show();
    },
  ).finally(() => progress.clear());
  print(`\n${formatTables(results)}`);
  print(`${path}, after ${((performance.now() - startMs) / 60_000).toFixed(1)} min`);
  // A part of it, or hasty figures, are not what the document is for unless asked for.
  const isWhole = args.sections.length === Object.keys(SECTIONS).length;
  if (isWhole && !args.isQuick) await report(path);
  else print(`npm run bench -- --report=${path} makes docs/performance.md of it`);
}

async function report(path: string): Promise<void> {
  const from = path === "" ? await newestResults() : path;
  await writeReport(await readResults(from));
  print(`docs/performance.md and its charts are made from ${from}`);
}

async function newestResults(): Promise<string> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(RESULTS)) if (name.endsWith(".json")) names.push(name);
  const newest = names.sort().at(-1);
  if (newest === undefined) throw new Error(`There are no results in ${RESULTS} yet`);
  return `${RESULTS}/${newest}`;
}

function print(line: string): void {
  let rest = new TextEncoder().encode(`${line}\n`);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}
