/** Variables that were meant to set something: passed over, they would leave it at its default. */
import { ConfigError } from "../lib/errors.ts";
import { nearestMatch } from "../lib/suggest.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./mod.ts";
import { envNameOf } from "./option.ts";

const PREFIX = "REVTUN_";
/** What the launcher and the program's own parts read. */
const OTHERS: readonly string[] = ["REVTUN_DENO", "REVTUN_CACHE_DIR", "REVTUN_OPEN_FILES"];
/** Kubernetes names each service of a namespace to its pods, one called "revtun-…" as well. */
const OF_KUBERNETES = /_SERVICE_(HOST|PORT)|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$/;

/**
 * Looks for a name of `names` that is none of ours, and nearly one of the command's.
 *
 * @throws {ConfigError} there is one.
 */
export async function checkVariables(names: readonly string[], command: Command): Promise<void> {
  const own = new Set(command.options.map(envNameOf));
  const nearOwn = [...own].map((name) => name.slice(PREFIX.length));
  for (const name of names) {
    if (!name.startsWith(PREFIX) || own.has(name) || OTHERS.includes(name)) continue;
    if (OF_KUBERNETES.test(name)) continue;
    const rest = name.slice(PREFIX.length);
    // Who types a word wrong begins it right.
    const meant = nearestMatch(rest, nearOwn.filter((known) => known[0] === rest[0]));
    if (meant === undefined || await isOfAnother(name)) continue;
    throw new ConfigError(name, `unknown variable, did you mean ${PREFIX}${meant}?`);
  }
}

/** Another command has an option of that name: a file of variables may serve several. */
async function isOfAnother(name: string): Promise<boolean> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return commands.some(({ command }) => command.options.some((spec) => envNameOf(spec) === name));
}
