/** How many files, sockets among them, this process may have open. */

/** Where Linux says it; other systems have no such file. */
const LIMITS_FILE = "/proc/self/limits";

/** Set by what starts the program: with bounded rights deno 2.9.6 lets nobody read that file. */
const LIMIT_VARIABLE = "REVTUN_OPEN_FILES";

/** The process's limit; undefined where neither the system nor the variable tells. */
export function openFileLimit(): number | undefined {
  try {
    return parseLimits(Deno.readTextFileSync(LIMITS_FILE));
  } catch {
    const told = Deno.env.get(LIMIT_VARIABLE) ?? "";
    return /^\d{1,9}$/.test(told) ? Number(told) : undefined;
  }
}

/** Reads the soft limit out of the text of {@link LIMITS_FILE}; undefined for none. */
export function parseLimits(text: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
