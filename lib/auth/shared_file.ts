/** Files that several processes change: one at a time, whole or not at all, for their owner only. */
import { ConfigError } from "../errors.ts";

const MODE = 0o600;
/** How long a change waits for another one to end. */
const LOCK_TIMEOUT_MS = 5000;
const LOCK_RETRY_MS = 20;

/** Runs `work` while no other process changes what `path` stands for. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lockPath = `${path}.lock`;
  // A file of its own: the one it guards is replaced by each change.
  const lock = await Deno.open(lockPath, { create: true, write: true, mode: MODE });
  try {
    const endMs = performance.now() + LOCK_TIMEOUT_MS;
    while (!await lock.tryLock(true)) {
      if (performance.now() > endMs) {
        throw new ConfigError(lockPath, "another program holds it for too long");
      }
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
    return await work();
  } finally {
    lock.close();
  }
}

/** Writes a file of its owner's only; readers see the old text or the new, also after a power cut. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const old = await Deno.stat(path).catch(() => undefined);
  const file = await Deno.open(temporary, {
    create: true,
    truncate: true,
    write: true,
    mode: MODE,
  });
  try {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await file.syncData();
  } finally {
    file.close();
  }
  if (Deno.build.os !== "windows") {
    await Deno.chmod(temporary, MODE);
    // Run by root for a server with a user of its own, which must go on reading it.
    if (old !== undefined) await Deno.chown(temporary, old.uid, old.gid).catch(() => {});
  }
  await Deno.rename(temporary, path);
}
