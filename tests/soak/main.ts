/**
 * `npm run soak -- --minutes 30 --seed 7`: prints each fault as it is injected and then what had to
 * hold. `npm run soak -- goals`: measures what is promised of restarts and faults. Exit code 1 if
 * anything did not hold.
 */
import { parseArgs } from "@std/cli";
import { stderrTerminal } from "../../bench/io/stderr_terminal.ts";
import { ProgressLine, progressText } from "../../lib/progress.ts";
import { runGoals } from "./goals/run.ts";
import { soak } from "./soak.ts";

const args = parseArgs(Deno.args, { string: ["minutes", "seed", "every", "clients", "rate"] });
const numberOf = (name: "minutes" | "seed" | "every" | "clients" | "rate", otherwise: number) => {
  const value = Number(args[name] ?? otherwise);
  if (Number.isFinite(value) && value > 0) return value;
  print(`--${name} is "${args[name]}", expected a number above 0`);
  Deno.exit(2);
};
const [task, ...names] = (args["_"] as unknown[]).map(String);
if (task === "goals") Deno.exit(await goals(names));
if (task !== undefined) {
  print(`"${task}" is nothing that can be run, expected goals or no word at all`);
  Deno.exit(2);
}
const seed = numberOf("seed", Math.floor(Math.random() * 1_000_000) + 1);
const minutes = numberOf("minutes", 5);
print(`soak of ${minutes} min, seed ${seed}`);
const progress = new ProgressLine(stderrTerminal);
const startMs = performance.now();
const showProgress = () =>
  progress.follow(() => {
    const doneMin = (performance.now() - startMs) / 60_000;
    const details = `${doneMin.toFixed(1)} of ${minutes} min`;
    return progressText("soak", doneMin / minutes, details, stderrTerminal.width);
  });
showProgress();
const report = await soak({
  seconds: minutes * 60,
  seed,
  faultEveryMs: numberOf("every", 5) * 1000,
  clients: numberOf("clients", 16),
  rate: args["rate"] === undefined ? undefined : numberOf("rate", 0),
  print: (line) => {
    void progress.clear();
    print(line);
    showProgress();
  },
});
void progress.clear();
const rows: [what: string, value: string | number, isGood: boolean][] = [
  ["faults injected", report.faults, true],
  ["answers with the right bytes", report.right, report.right > 0],
  ["refused with a reason (5xx)", report.refused, true],
  ["connections that broke", report.broken, true],
  ["answers with wrong bytes", report.wrong.length, report.wrong.length === 0],
  ["without answer or error in time", report.late.length, report.late.length === 0],
  ["POSTs that reached the backend twice", report.repeated.length, report.repeated.length === 0],
  ["not back at the start", report.left.join(", ") || "nothing", report.left.length === 0],
  heapRow(report.heapMiB),
];
for (const [what, value, isGood] of rows) {
  print(`${isGood ? "ok  " : "FAIL"}  ${what.padEnd(38)} ${value}`);
}
for (const line of [...report.wrong, ...report.late, ...report.repeated].slice(0, 20)) print(line);
Deno.exit(rows.every(([, , isGood]) => isGood) ? 0 : 1);

async function goals(names: readonly string[]): Promise<number> {
  try {
    return await runGoals(names, print) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    print(error.message);
    return 2;
  }
}

/** Memory that leaks shows in the long run: the end is compared with the fifth minute. */
function heapRow(heapMiB: readonly number[]): [string, string, boolean] {
  const what = "JavaScript heap, 5th minute and last";
  const [early, last] = [heapMiB[4], heapMiB.at(-1)!];
  if (early === undefined || heapMiB.length < 10) {
    return [what, `${last.toFixed(1)} MiB; compared from 10 minutes on`, true];
  }
  const percent = (last / early - 1) * 100;
  const sign = percent < 0 ? "" : "+";
  const text = `${early.toFixed(2)}, ${last.toFixed(2)} MiB: ${sign}${percent.toFixed(1)} %`;
  return [what, text, percent <= 5];
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
