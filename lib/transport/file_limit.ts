/** How many files, sockets among them, this process may have open. */

/** Where Linux says it; other systems have no such file. */
const LIMITS_FILE = "/proc/self/limits";

/**
 * Set by what starts the program: with bounded rights deno 2.9.6 lets nobody read that file, nor is
 * there another way to what it says. An executable of `deno compile` starts itself: there it is the
 * unit of systemd, or whoever starts it.
 */
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

/** Smallest and largest backlog of a listener of TLS. */
const MIN_TLS_BACKLOG = 8;
const MAX_TLS_BACKLOG = 4096;

/**
 * Connections that may wait for a listener of TLS: Node's listeners accept all of them at once,
 * before anyone can refuse one, and accept none ever again once that ran out of files (Deno 2.9.6).
 *
 * @param openFiles undefined where the system does not tell.
 */
export function tlsBacklog(openFiles: number | undefined): number {
  if (openFiles === undefined) return MAX_TLS_BACKLOG;
  return Math.min(MAX_TLS_BACKLOG, Math.max(MIN_TLS_BACKLOG, openFiles >> 4));
}
