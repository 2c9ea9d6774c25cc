/** How many files, sockets among them, this process may have open. */

/** Where Linux says it; other systems have no such file. */
const LIMITS_FILE = "/proc/self/limits";

/** The process's limit; undefined where the system does not tell. */
export function openFileLimit(): number | undefined {
  try {
    return parseLimits(Deno.readTextFileSync(LIMITS_FILE));
  } catch {
    return undefined;
  }
}

/** Reads the soft limit out of the text of {@link LIMITS_FILE}; undefined for none. */
export function parseLimits(text: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
