/** Rights that a process gives back once it has begun: what it cannot do, nobody makes it do. */

/** A kind of right, in Deno's words. */
export type Right = "net" | "read" | "write" | "env" | "sys" | "run" | "ffi" | "import";

const ALL: readonly Right[] = ["net", "read", "write", "env", "sys", "run", "ffi", "import"];

/**
 * Gives up every right that is not in `kept`, for good; a right that a command needs later, such as
 * for a reload or a new listener, must stand there.
 */
export async function giveUpRights(kept: readonly Right[]): Promise<void> {
  for (const name of ALL) {
    if (!kept.includes(name)) await Deno.permissions.revoke({ name });
  }
}

/** Rights by what asks for them. */
export function rightsFor(needs: Readonly<Partial<Record<Right, boolean>>>): Right[] {
  return ALL.filter((right) => needs[right] === true);
}
