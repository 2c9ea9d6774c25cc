/** Rights that a process gives back once it has begun: what it cannot do, nobody makes it do. */

/** A kind of right, in Deno's words. */
export type Right = "net" | "read" | "write" | "env" | "sys" | "run" | "ffi" | "import";

/** All that there are. */
export const ALL_RIGHTS: readonly Right[] = [
  "net",
  "read",
  "write",
  "env",
  "sys",
  "run",
  "ffi",
  "import",
];

/**
 * Gives up every right that is not in `kept`, for good; a right that a command needs later, such as
 * for a reload or a new listener, must stand there.
 */
export async function giveUpRights(kept: readonly Right[]): Promise<void> {
  for (const name of ALL_RIGHTS) {
    if (kept.includes(name) || (name === "env" && await isEnvOpen())) continue;
    await Deno.permissions.revoke({ name });
  }
}

/** Rights by what asks for them. */
export function rightsFor(needs: Readonly<Partial<Record<Right, boolean>>>): Right[] {
  return ALL_RIGHTS.filter((right) => needs[right] === true);
}

/**
 * The built program may read some variables, and to it and to the packages in it all others look
 * unset; once it has given that up, all do. Run with a right to all of them, as `deno run -A` from
 * the sources is, packages that look at a variable as they go would fail instead.
 */
async function isEnvOpen(): Promise<boolean> {
  return (await Deno.permissions.query({ name: "env" })).state === "granted";
}
