/** Programs of the machine and of the cache folder. */

/** Where peers are built: outside of what is tracked. */
export const CACHE = ".cache/bench";

/** `PATH` with what was built in front. */
export function searchPath(): string {
  return `${Deno.cwd()}/${CACHE}/peers/bin:${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`;
}

/** Whether `name`, a name or a path, can be started. */
export async function isProgram(name: string): Promise<boolean> {
  const folders = name.includes("/") ? [""] : searchPath().split(":").map((one) => `${one}/`);
  for (const folder of folders) {
    const about = await Deno.stat(folder + name).catch(() => undefined);
    if (about?.isFile && ((about.mode ?? 0o111) & 0o111) !== 0) return true;
  }
  return false;
}
