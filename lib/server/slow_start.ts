/** How long new hosts take to their full share of requests, by cluster. */
import { parseDuration } from "../duration.ts";
import { checkName } from "../name.ts";

/** The default and its exceptions. */
export interface SlowStart {
  /** Of clusters that are not named, ms; 0 for the full share at once. */
  readonly defaultMs: number;
  readonly byCluster: ReadonlyMap<string, number>;
}

/** None for any cluster. */
export const NO_SLOW_START: SlowStart = { defaultMs: 0, byCluster: new Map() };

/** How long a new host of a cluster takes, ms. */
export function slowStartMs({ defaultMs, byCluster }: SlowStart, cluster: string): number {
  return byCluster.get(cluster) ?? defaultMs;
}

/**
 * Reads `CLUSTER=TIME`: `edge-a=30s`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseClusterTime(text: string): readonly [cluster: string, ms: number] {
  const equals = text.indexOf("=");
  if (equals === -1) throw new RangeError(`"${text}" has no time, expected CLUSTER=TIME`);
  const cluster = text.slice(0, equals);
  checkName(cluster);
  return [cluster, parseDuration(text.slice(equals + 1))];
}
