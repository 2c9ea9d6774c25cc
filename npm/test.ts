/**
 * `npm test`, `deno task test`: every test, and one line with the true counts.
 *
 *     npm test -- tests/codec             only what is below there
 *     npm test -- --coverage --floor=85   also measures, fails below 85 % of lines
 *     npm test -- --filter=goAway         passed on to deno test
 */
import { routeFlags } from "./route.ts";
import { countLines, countTests } from "./test_report.ts";
import type { TestCounts } from "./test_report.ts";

/**
 * Folders whose tests start processes or load the machine: one file after the other, in two lanes
 * that take about as long as each other. What they do most is wait.
 */
const LANES = [/^tests\/e2e\//, /^tests\/(faults|interop|cli|soak|packaging|console)\//];
/** All tests together, in ms; a hang must not hold up a CI machine. */
const TOTAL_TIMEOUT_MS = Number(Deno.env.get("REVTUN_TEST_TIMEOUT_MS") ?? 20 * 60_000);

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const paths = Deno.args.filter((arg) => !arg.startsWith("--"));
const flags = Deno.args.filter((arg) => arg.startsWith("--"));
const isCovered = flags.includes("--coverage");
const floorPercent = Number(flags.find((flag) => flag.startsWith("--floor="))?.slice(8) ?? 0);
const passedOn = flags.filter((flag) => flag !== "--coverage" && !flag.startsWith("--floor="));

const scratch = await Deno.makeTempDir({ prefix: "revtun-test-" });
const coverage = `${scratch}/coverage`;
const deadline = performance.now() + TOTAL_TIMEOUT_MS;
const total: TestCounts = { passed: 0, failed: 0, skipped: [] };
let isEnough = true;
try {
  const files = (await testFiles(paths.length > 0 ? paths : ["tests"])).sort();
  const lanes = LANES.map((lane) => files.filter((file) => lane.test(file)));
  const units = files.filter((file) => !lanes.flat().includes(file));
  add(await runBatch("units", units, ["--parallel"], writeAll));
  // The second lane's lines come behind the first one's.
  const later: Uint8Array[] = [];
  const [first, second] = lanes.map((lane, i) =>
    runBatch(`programs ${i + 1}`, lane, [], i === 0 ? writeAll : (bytes) => void later.push(bytes))
  );
  add(await first!);
  for (const bytes of later.splice(0)) await writeAll(bytes);
  add(await second!);
  for (const bytes of later) await writeAll(bytes);
  if (isCovered) isEnough = await isCoverageEnough();
  for (const name of total.skipped) print(`skipped: ${name}`);
} finally {
  await Deno.remove(scratch, { recursive: true });
}
const skipped = total.skipped.length === 0 ? "" : `, ${total.skipped.length} skipped`;
print(`${total.passed} passed, ${total.failed} failed${skipped}`);
Deno.exit(total.failed === 0 && total.passed > 0 && isEnough ? 0 : 1);

async function testFiles(roots: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const root of roots) {
    const path = root.replace(/^\.\//, "").replace(/\/$/, "");
    const about = await Deno.stat(path).catch(() => undefined);
    if (about === undefined) {
      print(`There is no ${path}`);
      Deno.exit(2);
    }
    if (about.isFile) {
      found.push(path);
      continue;
    }
    for await (const entry of Deno.readDir(path)) {
      if (entry.isDirectory) found.push(...await testFiles([`${path}/${entry.name}`]));
      else if (entry.name.endsWith("_test.ts")) found.push(`${path}/${entry.name}`);
    }
  }
  return found;
}

async function runBatch(
  title: string,
  files: string[],
  options: string[],
  write: (bytes: Uint8Array) => void | Promise<void>,
): Promise<TestCounts> {
  const counts: TestCounts = { passed: 0, failed: 0, skipped: [] };
  if (files.length === 0) return counts;
  await write(encoder.encode(`--- ${title}: ${files.length} files\n`));
  const report = `${scratch}/${title.replaceAll(" ", "-")}.xml`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "-A",
      "--no-check",
      `--junit-path=${report}`,
      ...routeFlags(),
      ...options,
      ...(isCovered ? [`--coverage=${coverage}`, "--coverage-raw-data-only"] : []),
      ...passedOn,
      ...files,
    ],
    // Programs that a test starts are measured too.
    env: isCovered ? { DENO_COVERAGE_DIR: coverage } : {},
    stdout: "piped",
  }).spawn();
  const leftMs = Math.max(0, deadline - performance.now());
  let isTimedOut = false;
  const timer = setTimeout(() => {
    isTimedOut = true;
    child.kill("SIGKILL");
  }, leftMs);
  let moduleErrors = 0;
  for await (const chunk of child.stdout) {
    // A file that fails while it is loaded stands in no report.
    moduleErrors += decoder.decode(chunk).split("(uncaught error)").length - 1;
    await write(chunk);
  }
  const { success } = await child.status;
  clearTimeout(timer);
  Object.assign(counts, countTests(await readReport(report)));
  counts.failed += moduleErrors;
  if (isTimedOut) {
    print(`${title}: not done after ${Math.round(TOTAL_TIMEOUT_MS / 1000)} s, ended`);
    counts.failed += 1;
  } else if (!success && counts.failed === 0) {
    print(`${title}: deno test failed without naming a test`);
    counts.failed += 1;
  }
  return counts;
}

async function readReport(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

/** Prints how much of each folder ran; false if less than the floor did in all. */
async function isCoverageEnough(): Promise<boolean> {
  const lcov = `${scratch}/lcov.info`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "coverage",
      "--lcov",
      `--output=${lcov}`,
      "--exclude=tests/|npm/|bench/|node_modules/",
      coverage,
    ],
    stdout: "null",
  }).output();
  if (!success) {
    print(decoder.decode(stderr));
    return false;
  }
  const folders = new Map<string, { found: number; hit: number }>();
  for (const [file, lines] of countLines(await Deno.readTextFile(lcov))) {
    const path = file.slice(Deno.cwd().length + 1);
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".";
    const sum = folders.get(folder) ?? { found: 0, hit: 0 };
    folders.set(folder, { found: sum.found + lines.found, hit: sum.hit + lines.hit });
  }
  let found = 0;
  let hit = 0;
  for (const [folder, lines] of [...folders].sort()) {
    print(`coverage ${folder.padEnd(20)} ${percentOf(lines)} %`);
    found += lines.found;
    hit += lines.hit;
  }
  const percent = percentOf({ found, hit });
  print(`coverage of ${found} lines: ${percent} %, floor ${floorPercent} %`);
  if (Number(percent) < floorPercent) {
    print(`Coverage is below its floor: ${percent} % of lines ran, ${floorPercent} % must`);
    return false;
  }
  return true;
}

function percentOf(lines: { found: number; hit: number }): string {
  return (lines.found === 0 ? 100 : 100 * lines.hit / lines.found).toFixed(1);
}

function add(counts: TestCounts): void {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped.push(...counts.skipped);
}

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
}
