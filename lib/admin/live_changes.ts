/** What of a picture of a server is another now: so that who watches is told no more than that. */

/** Fields of one thing, by their names in the API. */
export type Fields = Readonly<Record<string, unknown>>;

/** A whole picture. */
export interface Picture {
  readonly ts: string;
  /** Counts of the whole server. */
  readonly status: Fields;
  /** Each with at least `cluster` and `id`, which name it. */
  readonly hosts: readonly Fields[];
  /** Hosts that left and are not back. */
  readonly away: readonly Fields[];
}

/** What makes the next picture of the one before. */
export interface Changes {
  readonly ts: string;
  /** Fields that are others now. */
  readonly status: Fields;
  /** Of each host that changed its name and what is another now; a new one is there as a whole. */
  readonly changed: readonly Fields[];
  /** Hosts that are gone, by their names. */
  readonly gone: readonly Fields[];
  /** All of it, if anything of it is another now. */
  readonly away?: readonly Fields[];
}

/** Compares two pictures. `isAwaySame` spares the comparing of what is known to be the same. */
export function changesBetween(before: Picture, now: Picture, isAwaySame: boolean): Changes {
  const old = new Map(before.hosts.map((host) => [keyOf(host), host]));
  const changed: Fields[] = [];
  for (const host of now.hosts) {
    const key = keyOf(host);
    const known = old.get(key);
    old.delete(key);
    if (known === undefined) changed.push(host);
    else {
      const fields = changedFields(known, host);
      if (fields !== undefined) {
        changed.push({ cluster: host["cluster"], id: host["id"], ...fields });
      }
    }
  }
  return {
    ts: now.ts,
    status: changedFields(before.status, now.status) ?? {},
    changed,
    gone: [...old.values()].map(({ cluster, id }) => ({ cluster, id })),
    ...(!isAwaySame && { away: now.away }),
  };
}

/** The picture that `changes` makes of the one before; new hosts are the last ones. */
export function withChanges(before: Picture, changes: Changes): Picture {
  const hosts = new Map(before.hosts.map((host) => [keyOf(host), host]));
  for (const fields of changes.changed) {
    const key = keyOf(fields);
    hosts.set(key, { ...hosts.get(key), ...fields });
  }
  for (const fields of changes.gone) hosts.delete(keyOf(fields));
  return {
    ts: changes.ts,
    status: { ...before.status, ...changes.status },
    hosts: [...hosts.values()],
    away: changes.away ?? before.away,
  };
}

function changedFields(before: Fields, now: Fields): Record<string, unknown> | undefined {
  let changed: Record<string, unknown> | undefined;
  for (const name in now) {
    if (isSame(before[name], now[name])) continue;
    changed ??= {};
    changed[name] = now[name];
  }
  return changed;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** No name has a slash; an id may. */
function keyOf(host: Fields): string {
  return `${host["cluster"]}/${host["id"]}`;
}
