/** What a process takes, from /proc: Linux only, NaN elsewhere. */

/** Clock ticks a second in /proc/PID/stat: 100 on every Linux that has one. */
const TICKS_PER_SECOND = 100;

/** What /proc/PID/stat says. */
export interface ProcStat {
  readonly parent: number;
  readonly cpuSeconds: number;
}

/**
 * Reads /proc/PID/stat; the program's name in it may hold spaces and parentheses.
 *
 * Source: proc(5), fields 4, 14 and 15.
 */
export function parseStat(text: string): ProcStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
}

/** `pids` and all their descendants, among processes with the parents given. */
export function descendants(
  pids: readonly number[],
  parents: ReadonlyMap<number, number>,
): number[] {
  const found = new Set(pids.filter((pid) => parents.has(pid)));
  let size = -1;
  while (found.size > size) {
    size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

/** CPU time and resident memory of process trees. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** What runs of `pids` and all that they started, by id. */
export async function treeOf(pids: readonly number[]): Promise<Map<number, ProcStat>> {
  const stats = new Map<number, ProcStat>();
  for await (const entry of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const text = await Deno.readTextFile(`/proc/${entry.name}/stat`).catch(() => undefined);
    if (text !== undefined) stats.set(Number(entry.name), parseStat(text));
  }
  const parents = new Map([...stats].map(([pid, { parent }]) => [pid, parent]));
  return new Map(descendants(pids, parents).map((pid) => [pid, stats.get(pid)!]));
}

/** Measures `pids` and what they started. */
export async function usageOf(pids: readonly number[]): Promise<Usage> {
  if (Deno.build.os !== "linux") return { cpuSeconds: NaN, rssBytes: NaN };
  let cpuSeconds = 0;
  let rssBytes = 0;
  for (const [pid, stat] of await treeOf(pids)) {
    cpuSeconds += stat.cpuSeconds;
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    rssBytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return { cpuSeconds, rssBytes };
}

/**
 * CPU time of one process by the scheduler's own count, to the nanosecond: for what takes less than
 * the ticks of {@link usageOf}. Threads that ended are left out.
 */
export async function cpuSecondsOf(pid: number): Promise<number> {
  if (Deno.build.os !== "linux") return NaN;
  let ns = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`).catch(() => "0");
    ns += Number(text.split(" ")[0]);
  }
  return ns / 1e9;
}
