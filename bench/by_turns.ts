/** Costs compared in one run: all kinds in each round, so that what slows the machine slows all. */
import { median } from "./stats.ts";

/** What each kind cost, round by round. */
export type Turns<Kind extends string> = Readonly<Record<Kind, readonly number[]>>;

/**
 * Asks for the cost of each kind `rounds` times. Each is the first of a round, and the last, as
 * often as the others.
 */
export async function byTurns<Kind extends string>(
  kinds: readonly Kind[],
  rounds: number,
  costOf: (kind: Kind) => Promise<number>,
): Promise<Turns<Kind>> {
  const costs = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<
    Kind,
    number[]
  >;
  for (let round = 0; round < rounds; round++) {
    const from = round % kinds.length;
    for (const kind of [...kinds.slice(from), ...kinds.slice(0, from)]) {
      costs[kind].push(await costOf(kind));
    }
  }
  return costs;
}

/** The median of the rounds' own ratios: both of a pair saw the same machine. */
export function pairedRatio(values: readonly number[], base: readonly number[]): number {
  return median(values.map((value, round) => value / base[round]!));
}
