/** `npm run soak -- goals [NAME…]`: measures each goal and prints a table. */
import { BLACK_HOLE, STOP } from "./ends.ts";
import type { Goal } from "./goal.ts";
import { STORM } from "./storm.ts";
import { RESTART, TAKEOVER } from "./under_load.ts";

/** In the order of the page that shows them. */
export const GOALS: readonly Goal[] = [RESTART, TAKEOVER, STOP, BLACK_HOLE, STORM];

/**
 * Runs those of `names`, all if there are none.
 *
 * @returns true if all are reached.
 * @throws {RangeError} a name is unknown.
 */
export async function runGoals(
  names: readonly string[],
  print: (line: string) => void,
): Promise<boolean> {
  const known = GOALS.map(({ name }) => name);
  const stranger = names.find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw new RangeError(`"${stranger}" is no goal, expected some of ${known.join(", ")}`);
  }
  let isAllReached = true;
  for (const goal of GOALS) {
    if (names.length > 0 && !names.includes(goal.name)) continue;
    const { isReached, measured } = await goal.run();
    print(`${isReached ? "ok  " : "FAIL"}  ${goal.wanted}\n      ${goal.name}: ${measured}`);
    isAllReached &&= isReached;
  }
  return isAllReached;
}
