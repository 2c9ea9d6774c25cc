/** Files that decide who gets in: read with a bound, and only where not everybody can change them. */
import { dirname } from "node:path";
import { ConfigError } from "../errors.ts";
import { isReplaceableIn, isWritableByAll } from "../transport/file_trust.ts";

/** A file's text, and what tells this version of it from the next. */
export interface PrivateFile {
  readonly text: string;
  readonly version: string;
}

/**
 * Reads a file of secrets or settings.
 *
 * @param source the setting that names it, for errors.
 * @throws {ConfigError} it is not there, too large, or anyone on this machine can change it.
 */
export async function readPrivateFile(
  path: string,
  source: string,
  maxBytes: number,
): Promise<PrivateFile> {
  try {
    const info = await Deno.stat(path);
    checkFile(info, await Deno.stat(dirname(path)), { path, source, maxBytes });
    return { text: await Deno.readTextFile(path), version: versionOf(info) };
  } catch (error) {
    throw error instanceof ConfigError ? error : unreadable(error, path, source);
  }
}

/** As {@link readPrivateFile}; undefined where there is nothing of that name. @throws {ConfigError} */
export async function readPrivateFileIfThere(
  path: string,
  source: string,
  maxBytes: number,
): Promise<PrivateFile | undefined> {
  const isThere = await Deno.lstat(path).then(() => true, () => false);
  return isThere ? await readPrivateFile(path, source, maxBytes) : undefined;
}

/** The same for those who cannot wait. @throws {ConfigError} */
export function readPrivateFileSync(path: string, source: string, maxBytes: number): PrivateFile {
  try {
    const info = Deno.statSync(path);
    checkFile(info, Deno.statSync(dirname(path)), { path, source, maxBytes });
    return { text: Deno.readTextFileSync(path), version: versionOf(info) };
  } catch (error) {
    throw error instanceof ConfigError ? error : unreadable(error, path, source);
  }
}

/** What tells one version of a file from the next: it may be replaced within one tick of its clock. */
export function versionOf(info: Deno.FileInfo): string {
  return [info.dev, info.ino, info.mtime?.getTime(), info.ctime?.getTime(), info.size].join(".");
}

function checkFile(
  info: Deno.FileInfo,
  folder: Deno.FileInfo,
  { path, source, maxBytes }: { path: string; source: string; maxBytes: number },
): void {
  if (info.isDirectory) throw new ConfigError(source, `${path} is a directory`);
  if (isWritableByAll(info)) {
    throw new ConfigError(source, `${path} can be written by anyone, use chmod 600`);
  }
  if (isReplaceableIn(folder)) {
    const name = dirname(path);
    throw new ConfigError(source, `anyone can replace files in ${name}, use chmod o-w on it`);
  }
  if (info.size > maxBytes) {
    throw new ConfigError(source, `${path} has ${info.size} bytes, expected at most ${maxBytes}`);
  }
}

function unreadable(error: unknown, path: string, source: string): ConfigError {
  const reason = error instanceof Deno.errors.NotFound
    ? "is not there"
    : error instanceof Deno.errors.PermissionDenied
    ? "cannot be read: permission denied"
    : `cannot be read: ${(error as Error).message}`;
  return new ConfigError(source, `${path} ${reason}`, { cause: error });
}
