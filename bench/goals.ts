/** What revtun wants to reach, and whether a run shows that it does. */
import type { Measurement, Results } from "./measurement.ts";
import { median, ratio } from "./stats.ts";
import { formatQuantity } from "./table.ts";

/** A comparison with others, or a limit. */
export interface Goal {
  readonly section: string;
  readonly case: string;
  /** Who is to reach it; "revtun". */
  readonly ours?: string;
  /** By name, or all others of the case, or the best of them. */
  readonly against?: readonly string[] | "every tunnel" | "the best tunnel";
  /** What ours has to be at least, or at most, as a multiple of theirs. */
  readonly atLeast?: number;
  readonly atMost?: number;
  /** What ours has to be at least, or at most, in the case's own unit. */
  readonly floor?: number;
  readonly limit?: number;
}

/** A goal beside what was measured. */
export interface GoalResult {
  readonly title: string;
  readonly goal: string;
  readonly measured: string;
  readonly isMet: boolean;
}

const RUST = ["rathole", "bore"];

/** In the order in which they are shown. */
export const GOALS: readonly Goal[] = [
  { section: "requests", case: "keepalive-50", against: RUST, atLeast: 1.5 },
  { section: "requests", case: "keepalive-50", against: ["frp"], atLeast: 3 },
  { section: "requests", case: "keepalive-400", against: RUST, atLeast: 1.25 },
  { section: "requests", case: "keepalive-400", against: ["frp"], atLeast: 2.6 },
  { section: "requests", case: "keepalive-1", against: "the best tunnel", atLeast: 1 },
  { section: "requests", case: "keepalive-50-p99", against: "every tunnel", atMost: 1 },
  { section: "rates", case: "rate-low-p99", against: "every tunnel", atMost: 1 },
  { section: "rates", case: "rate-high-p99", against: "every tunnel", atMost: 1 },
  { section: "connections", case: "new-connections", against: ["rathole"], atLeast: 1 },
  ...["down-1", "up-1"].flatMap((name): Goal[] => [
    { section: "bulk", case: name, against: RUST, atLeast: 1.15 },
    { section: "bulk", case: name, against: ["frp"], atLeast: 2.5 },
  ]),
  ...["rtt50-down-1", "rtt50-up-1", "rtt200-down-1", "rtt200-up-1"].flatMap((name): Goal[] => [
    { section: "link", case: name, against: ["rathole"], atLeast: 0.9 },
    // 85 % of 400 Mbit/s.
    { section: "link", case: name, floor: 42.5 },
  ]),
  ...[
    { against: ["frp vhost"], atLeast: 6 },
    { against: ["MOSN h2"], atLeast: 3 },
    { against: ["revtun"], atLeast: 0.75 },
  ].map((goal) => ({ section: "http", case: "keepalive-50", ours: "revtun http", ...goal })),
  { section: "http", case: "keepalive-50", against: ["MOSN h2"], atLeast: 5 },
  { section: "raw", case: "keepalive-50", ours: "revtun raw", against: ["rathole"], atLeast: 1 },
  { section: "raw", case: "wrong-answers", ours: "revtun raw", limit: 0 },
  { section: "requests", case: "keepalive-50-CPU-for-100k", against: ["rathole"], atMost: 1 },
  { section: "bulk", case: "down-1-CPU-for-a-GB", against: ["rathole"], atMost: 1 },
  { section: "bulk", case: "up-1-CPU-for-a-GB", against: ["rathole"], atMost: 1 },
  { section: "memory", case: "idle-client", limit: 24 },
  { section: "memory", case: "idle-tunnel", limit: 40 },
  { section: "tls", case: "keepalive-50", ours: "revtun tls", against: ["revtun"], atLeast: 0.75 },
  ...["down-1", "up-1"].map((name) => (
    { section: "tls", case: name, ours: "revtun tls", against: ["revtun"], atLeast: 0.6 }
  )),
  { section: "h2", case: "requests-50", ours: "HTTP/2", against: ["HTTP/1"], atLeast: 0.4 },
  { section: "passthrough", case: "extra-CPU", limit: 5 },
  { section: "startup", case: "version", limit: 100 },
  { section: "startup", case: "first-answer", limit: 5000 },
  { section: "startup", case: "idle-server", limit: 80 },
  { section: "startup", case: "idle-agent", limit: 80 },
  ...["raw", "pcap-large", "pcap-small"].flatMap((name): Goal[] => [
    { section: "decode-frame", case: name, floor: 300 },
    { section: "decode-frame", case: `${name}-peak-RSS`, limit: 150 },
  ]),
];

/** Judges all goals that `results` has figures for; one line for each comparison. */
export function judge(results: Results, goals: readonly Goal[] = GOALS): GoalResult[] {
  return goals.flatMap((goal) => {
    const all = results.measurements.filter((one) =>
      one.section === goal.section && one.case === goal.case
    );
    const name = goal.ours ?? "revtun";
    const ours = all.find((one) => one.peer === name);
    if (ours === undefined) return [];
    if (goal.against === undefined) return [judgeLimit(goal, ours)];
    const others = all.filter((one) =>
      Array.isArray(goal.against)
        ? goal.against.includes(one.peer)
        : one.peer !== name && one.peer !== "direct"
    );
    return pick(goal, others).map((other) => judgeRatio(goal, ours, other));
  });
}

/** Those of `others` that count: the best one alone, or all. */
function pick(goal: Goal, others: Measurement[]): Measurement[] {
  if (goal.against !== "the best tunnel") return others;
  const sign = others[0]?.better === "lower" ? 1 : -1;
  return others.toSorted((a, b) => sign * (median(a.values) - median(b.values))).slice(0, 1);
}

function judgeRatio(goal: Goal, ours: Measurement, theirs: Measurement): GoalResult {
  const measured = ratio(median(ours.values), median(theirs.values));
  const isMet = goal.atLeast !== undefined
    ? measured >= goal.atLeast
    : measured <= (goal.atMost ?? Infinity);
  const sign = goal.atLeast !== undefined ? "≥" : "≤";
  const best = goal.against === "the best tunnel" ? " (the best)" : "";
  return {
    title: titleOf(goal, ours),
    goal: `${sign} ${goal.atLeast ?? goal.atMost} × ${theirs.peer}${best}`,
    measured: `${formatQuantity(measured)} ×`,
    isMet,
  };
}

function judgeLimit(goal: Goal, ours: Measurement): GoalResult {
  const value = median(ours.values);
  const isMet = goal.floor !== undefined ? value >= goal.floor : value <= (goal.limit ?? Infinity);
  const sign = goal.floor !== undefined ? "≥" : "≤";
  return {
    title: titleOf(goal, ours),
    goal: `${sign} ${goal.floor ?? goal.limit} ${ours.unit}`,
    measured: `${formatQuantity(value)} ${ours.unit}`,
    isMet,
  };
}

function titleOf(goal: Goal, { title }: Measurement): string {
  return goal.ours === undefined ? title : `${goal.ours}: ${title}`;
}
