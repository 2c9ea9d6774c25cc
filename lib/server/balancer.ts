/**
 * Chooses among the hosts of a cluster: pure, with time as an argument.
 *
 * Smooth weighted round robin shares exactly by weight whatever the concurrency, and weighted least
 * request protects from slow hosts; so hosts take turns by weight, and one that has clearly more
 * under way than its share loses its turns until it has caught up.
 */
import type { Host } from "./host.ts";

/** A host may have this many times its fair share under way … */
const SHARE_SLACK = 1.5;
/** … and this many requests more, before it loses its turns. */
const REQUEST_SLACK = 4;

/** What narrows the choice. */
export interface PickOptions {
  nowMs: number;
  excluded?: ReadonlySet<string> | undefined;
  /** Only these, by their ids. */
  hostIds?: ReadonlySet<string> | undefined;
  hostName?: string | undefined;
  hashKey?: string | undefined;
  /** Target to reach: only of hosts that may serve it and do not find it unwell. */
  target?: string | undefined;
}

/** The host for the next request; undefined if none can take it now. */
export function pickHost(hosts: Iterable<Host>, options: PickOptions): Host | undefined {
  const { nowMs, target = "" } = options;
  let usable: Host[] = [];
  let healthy = 0;
  for (const host of hosts) {
    if (!host.canServe(target) || options.excluded?.has(host.id)) continue;
    if (options.hostIds?.has(host.id) === false) continue;
    if (options.hostName !== undefined && host.hostName !== options.hostName) continue;
    usable.push(host);
    if (!host.isDoubtful(nowMs)) healthy += 1;
  }
  // With every host doubtful, trying one is better than failing for sure.
  if (healthy > 0 && healthy < usable.length) {
    usable = usable.filter((host) => !host.isDoubtful(nowMs));
  }
  if (usable.length <= 1) return usable[0];
  return options.hashKey === undefined
    ? takeTurn(usable, nowMs)
    : byHash(usable, options.hashKey, nowMs);
}

function takeTurn(hosts: Host[], nowMs: number): Host {
  let totalWeight = 0;
  let totalInFlight = 0;
  for (const host of hosts) {
    totalWeight += host.weightAt(nowMs);
    totalInFlight += host.inFlight;
  }
  let best: Host | undefined;
  let turnWeight = 0;
  for (const host of hosts) {
    const weight = host.weightAt(nowMs);
    const fairShare = (totalInFlight + 1) * weight / totalWeight;
    if (host.inFlight > fairShare * SHARE_SLACK + REQUEST_SLACK) continue;
    host.turnCredit += weight;
    turnWeight += weight;
    if (best === undefined || host.turnCredit > best.turnCredit) best = host;
  }
  // Someone is always at or below the fair share, so there is a best.
  best!.turnCredit -= turnWeight;
  return best!;
}

/**
 * Weighted rendezvous hashing: a key keeps its host while that is there, and a host that leaves
 * moves only its own keys.
 */
function byHash(hosts: Host[], key: string, nowMs: number): Host {
  let best = hosts[0]!;
  let bestScore = -Infinity;
  for (const host of hosts) {
    // A number in (0, 1], the same for the same key and host.
    const chance = (hash(key, host.id) + 1) / 2 ** 32;
    const score = Math.log(chance) / host.weightAt(nowMs);
    if (score > bestScore) {
      bestScore = score;
      best = host;
    }
  }
  return best;
}

/** FNV-1a over both texts, with a final mix (MurmurHash3's) to spread neighbouring keys. */
function hash(key: string, hostId: string): number {
  let value = 0x811c9dc5;
  for (const text of [key, "\0", hostId]) {
    for (let at = 0; at < text.length; at++) {
      value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
    }
  }
  value = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  value = Math.imul(value ^ value >>> 13, 0xc2b2ae35);
  return (value ^ value >>> 16) >>> 0;
}
