/** What an agent may do once its credential was accepted, and for how long. */
import { NAME_PATTERN } from "../name.ts";

/** Made by a credential policy, kept with each connection and host that it let in. */
export interface Permit {
  /** Who it is, as its policy knows it; "" where nobody asked. */
  readonly identity: string;
  /** The identity is one agent's, not one that all share. */
  readonly isPersonal: boolean;
  /** It was given for certain clusters: they need no declaration besides. */
  readonly namesClusters: boolean;
  /** Largest weight that the agent may give itself. */
  readonly maxWeight: number;
  /** Targets that clients may reach through it, "" for the default one; undefined for all. */
  readonly targets: ReadonlySet<string> | undefined;
  /** When it ends, ms since 1970; Infinity for never. */
  readonly expiresMs: number;
}

/** Largest weight of all. */
export const MAX_WEIGHT = 10_000;
/** How files and claims write the default target. */
const DEFAULT_TARGET = "default";

/** A permit without limits. */
export function openPermit(identity: string, expiresMs = Infinity): Permit {
  return {
    identity,
    isPersonal: false,
    namesClusters: false,
    maxWeight: MAX_WEIGHT,
    targets: undefined,
    expiresMs,
  };
}

/** True if clients may reach `target` under this permit. */
export function permitsTarget(permit: Permit, target: string): boolean {
  const { targets } = permit;
  return targets === undefined || targets.has(target);
}

/** Names that are allowed: each exactly, or by its beginning (`edge-*`), or all (`*`). */
export type NameRules = readonly string[];

/**
 * Checks a list of names of clusters or hosts.
 *
 * @throws {RangeError} saying which is none.
 */
export function parseNameRules(names: readonly string[]): NameRules {
  for (const name of names) {
    const stem = name.endsWith("*") ? name.slice(0, -1) : name;
    if (name === "*" || NAME_PATTERN.test(stem)) continue;
    throw new RangeError(`"${name}" is not a name, nor the beginning of one with * behind it`);
  }
  return names;
}

/** True if a rule allows `name`; no rules allow all, an empty list of them nothing. */
export function allowsName(rules: NameRules | undefined, name: string): boolean {
  if (rules === undefined) return true;
  for (const rule of rules) {
    if (rule === name) return true;
    if (rule.endsWith("*") && name !== "" && name.startsWith(rule.slice(0, -1))) return true;
  }
  return rules.includes("*");
}

/** Reads a list of targets; "default" is the one without a name. @throws {RangeError} */
export function parseTargetNames(names: readonly string[]): ReadonlySet<string> {
  for (const name of names) {
    if (!NAME_PATTERN.test(name)) throw new RangeError(`"${name}" is not the name of a target`);
  }
  return new Set(names.flatMap((name) => name === DEFAULT_TARGET ? ["", name] : [name]));
}

/** Writes a target's name as files and messages have it. */
export function formatTargetName(name: string): string {
  return name === "" ? DEFAULT_TARGET : name;
}
