/**
 * `npm run soak -- --minutes 30 --seed 7`: prints each fault as it is injected and then what had to
 * hold. Exit code 1 if anything did not.
 */
import { parseArgs } from "@std/cli";
import { soak } from "./soak.ts";

const args = parseArgs(Deno.args, { string: ["minutes", "seed", "every", "clients"] });
const numberOf = (name: "minutes" | "seed" | "every" | "clients", otherwise: number) => {
  const value = Number(args[name] ?? otherwise);
  if (Number.isFinite(value) && value > 0) return value;
  print(`--${name} is "${args[name]}", expected a number above 0`);
  Deno.exit(2);
};
const seed = numberOf("seed", Math.floor(Math.random() * 1_000_000) + 1);
const minutes = numberOf("minutes", 5);
print(`soak of ${minutes} min, seed ${seed}`);
const report = await soak({
  seconds: minutes * 60,
  seed,
  faultEveryMs: numberOf("every", 5) * 1000,
  clients: numberOf("clients", 16),
  print,
});
const rows: [what: string, value: string | number, isGood: boolean][] = [
  ["faults injected", report.faults, true],
  ["answers with the right bytes", report.right, report.right > 0],
  ["refused with a reason (5xx)", report.refused, true],
  ["connections that broke", report.broken, true],
  ["answers with wrong bytes", report.wrong.length, report.wrong.length === 0],
  ["without answer or error in time", report.late.length, report.late.length === 0],
  ["POSTs that reached the backend twice", report.repeated.length, report.repeated.length === 0],
  ["not back at the start", report.left.join(", ") || "nothing", report.left.length === 0],
];
for (const [what, value, isGood] of rows) {
  print(`${isGood ? "ok  " : "FAIL"}  ${what.padEnd(38)} ${value}`);
}
for (const line of [...report.wrong, ...report.late, ...report.repeated].slice(0, 20)) print(line);
Deno.exit(rows.every(([, , isGood]) => isGood) ? 0 : 1);

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
