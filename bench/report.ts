/** Makes the tables and charts of docs/performance.md from a file of results. */
import { GOALS, judge } from "./goals.ts";
import type { Measurement, Results } from "./measurement.ts";
import { median, ratio, summarize } from "./stats.ts";
import { summaryTable } from "./summary.ts";
import { barChart } from "./svg.ts";
import { formatQuantity, formatSpread, markdownTable } from "./table.ts";

/** Sections in the order of the document, with what stands above their tables. */
const SECTION_TITLES: Readonly<Record<string, string>> = {
  requests: "HTTP keep-alive, as many requests as can be",
  rates: "Latency at fixed rates",
  connections: "New connections",
  bulk: "Bulk",
  link: "Bulk over a link of 400 Mbit/s (50 MB/s)",
  http: "HTTP routed request by request",
  tls: "A tunnel inside TLS",
  h2: "HTTP/2 at the frontend",
  raw: "Raw mode, 50 tunnel connections",
  tunnels: "Several tunnel connections of one agent",
  stalled: "A client that never reads",
  memory: "Memory",
  startup: "Start",
  "decode-frame": "decode-frame on captures of a gigabyte, frames of 64 KiB",
  passthrough: "TLS passed through by its server name",
};

/** Charts, each of some cases of one section. */
const CHARTS = [
  {
    file: "bench-requests.svg",
    title: "HTTP keep-alive through a tunnel",
    section: "requests",
    cases: ["keepalive-1", "keepalive-50", "keepalive-400"],
  },
  {
    file: "bench-bulk.svg",
    title: "Bulk through a tunnel",
    section: "bulk",
    cases: ["down-1", "up-1", "down-8", "up-8"],
  },
  {
    file: "bench-link.svg",
    title: "Bulk over a link of 50 MB/s",
    section: "link",
    cases: ["rtt50-down-1", "rtt200-down-1", "rtt50-up-1", "rtt200-up-1"],
  },
  {
    file: "bench-latency.svg",
    title: "99th percentile at fixed rates (less is better)",
    section: "rates",
    cases: ["rate-low-p99", "rate-high-p99"],
  },
] as const;

/** A table of one section: a row for each case, a column for each tunnel. */
export function sectionTable(results: Results, section: string): string {
  const all = results.measurements.filter((one) => one.section === section);
  const peers = [...new Set(all.map((one) => one.peer))].sort((a, b) => rank(a) - rank(b));
  const cases = [...new Set(all.map((one) => one.case))];
  const rows = cases.map((name) => {
    const row = all.filter((one) => one.case === name);
    const ours = row.find((one) => isOurs(one.peer));
    return [
      `${row[0]!.title}, ${row[0]!.unit}`,
      ...peers.map((peer) => cell(row.find((one) => one.peer === peer), ours)),
    ];
  });
  return markdownTable(["", ...peers], rows);
}

/** Median, spread, and ours as a multiple of it. */
function cell(one: Measurement | undefined, ours: Measurement | undefined): string {
  if (one === undefined) return "–";
  const { median: middle, spread, count } = summarize(one.values);
  const figure = formatQuantity(middle) + formatSpread(spread, count);
  if (ours === undefined || ours === one) return figure;
  const multiple = ratio(median(ours.values), middle);
  return Number.isFinite(multiple) ? `${figure} (${multiple.toFixed(2)}×)` : figure;
}

/** revtun first, then the direct connection, then the others as they came. */
function rank(peer: string): number {
  return isOurs(peer) ? 0 : peer === "direct" ? 1 : 2;
}

function isOurs(peer: string): boolean {
  return peer.startsWith("revtun");
}

/** Goals beside what was measured. */
export function goalTable(results: Results): string {
  const rows = judge(results, GOALS).map(({ title, goal, measured, isMet }) => [
    title,
    goal,
    measured,
    isMet ? "met" : "missed",
  ]);
  return markdownTable(["", "goal", "measured", ""], rows);
}

/** All tables, as printed on the terminal. */
export function formatTables(results: Results): string {
  const sections = Object.keys(SECTION_TITLES).filter((section) =>
    results.measurements.some((one) => one.section === section)
  );
  const parts = sections.map((section) =>
    `${SECTION_TITLES[section]}\n\n${sectionTable(results, section)}`
  );
  const missing = results.missing.map(({ what, why }) => `Left out: ${what}: ${why}\n`).join("");
  return `${parts.join("\n")}\nGoals\n\n${goalTable(results)}${missing}`;
}

/** What is put between the marks of the document, by their names. */
export function generatedParts(results: Results): Map<string, string> {
  const parts = new Map<string, string>([["run", runPart(results)], ["goals", goalTable(results)]]);
  for (const section of Object.keys(SECTION_TITLES)) {
    if (!results.measurements.some((one) => one.section === section)) continue;
    const chart = CHARTS.find((one) => one.section === section);
    const image = chart === undefined ? "" : `![${chart.title}](images/${chart.file})\n\n`;
    parts.set(section, image + sectionTable(results, section));
  }
  return parts;
}

function runPart({ startedAt, command, machine, peers, missing }: Results): string {
  const { cpu, cores, memoryGb, os, deno } = machine;
  const versions = peers.map(({ name, version }) => `${name} ${version}`.trim()).join(", ");
  const lines = [
    `- \`${command}\`, ${startedAt.slice(0, 10)}`,
    `- ${cpu}, ${cores} cores, ${memoryGb} GB, ${os}, Deno ${deno}`,
    `- Beside: ${versions || "nobody"}`,
    ...missing.map(({ what, why }) => `- Left out: ${what}: ${why}`),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Puts `parts` between their marks: `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; parts of which
 * the document has no marks are left out, marks without a part stay as they are.
 */
export function fillMarks(document: string, parts: ReadonlyMap<string, string>): string {
  return document.replace(
    /(<!-- bench:(\S+) -->\n)[\s\S]*?(<!-- \/bench:\2 -->)/g,
    (whole, open: string, name: string, close: string) => {
      const part = parts.get(name);
      return part === undefined ? whole : `${open}\n${part}\n${close}`;
    },
  );
}

/** Writes the document's generated parts and its charts, and the README's figures. */
export async function writeReport(results: Results): Promise<void> {
  const documents = {
    "docs/performance.md": generatedParts(results),
    "README.md": new Map([["summary", summaryTable(results)]]),
  };
  for (const [path, parts] of Object.entries(documents)) {
    await Deno.writeTextFile(path, fillMarks(await Deno.readTextFile(path), parts));
  }
  for (const { file, title, section, cases } of CHARTS) {
    const rows = cases.map((name) =>
      results.measurements.filter((one) => one.section === section && one.case === name)
    ).filter((row) => row.length > 0);
    if (rows.length === 0) continue;
    const groups = rows.map((row) => ({
      label: row[0]!.title,
      bars: row.toSorted((a, b) => rank(a.peer) - rank(b.peer))
        .map((one) => ({ label: one.peer, value: median(one.values) })),
    }));
    const chart = barChart({ title, unit: rows[0]![0]!.unit, groups });
    await Deno.writeTextFile(`docs/images/${file}`, chart);
  }
}
