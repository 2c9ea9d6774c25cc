/** Reads a settings file whole, as one version of it, and only where not everybody may change it. */
import { dirname } from "node:path";
import { versionOf } from "../auth/private_file.ts";
import { isReplaceableIn, isWritableByAll } from "../transport/file_trust.ts";
import { ConfigFileError } from "./problem.ts";

/** A file's text, and what tells this version from the next. */
export interface FileText {
  readonly text: string;
  readonly version: string;
}

/** Far beyond any real file: a thousand routes take some 100 KB. */
export const MAX_FILE_BYTES = 8 << 20;
/** A file that is being written is read again, so often and after so many ms. */
const TRIES = 20;
const PAUSE_MS = 50;

/**
 * Reads the file at `path`, which may be a link.
 *
 * @throws {ConfigFileError} it is not there, no file, not readable, not UTF-8, too large, can be
 * written by everybody, or does not hold still.
 */
export async function readFileText(path: string): Promise<FileText> {
  try {
    let before = await Deno.stat(path);
    if (before.isFile && isReplaceableIn(await Deno.stat(dirname(path)))) {
      const message = `can be replaced by anyone, use chmod o-w on ${dirname(path)}`;
      throw fileError(path, message);
    }
    for (let attempt = 0; attempt < TRIES; attempt++) {
      checkInfo(path, before);
      const bytes = await Deno.readFile(path);
      const after = await Deno.stat(path);
      // Whoever writes in place may be caught in the middle of it.
      if (versionOf(before) === versionOf(after) && bytes.length === after.size) {
        return { text: decode(path, bytes), version: versionOf(after) };
      }
      before = after;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    throw fileError(path, "is being written all the time, nothing whole can be read of it");
  } catch (error) {
    if (error instanceof ConfigFileError) throw error;
    throw fileError(path, reasonOf(error), error);
  }
}

/** What tells one version of a file from the next; "gone" while there is none. */
export async function fileVersion(path: string): Promise<string> {
  try {
    return versionOf(await Deno.stat(path));
  } catch {
    return "gone";
  }
}

function checkInfo(path: string, info: Deno.FileInfo): void {
  if (info.isDirectory) throw fileError(path, "is a directory, expected a file");
  if (!info.isFile) throw fileError(path, "is no plain file");
  if (isWritableByAll(info)) {
    throw fileError(path, "can be written by anyone on this machine, use chmod o-w");
  }
  if (info.size > MAX_FILE_BYTES) {
    throw fileError(path, `has ${info.size} bytes, expected at most ${MAX_FILE_BYTES}`);
  }
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw fileError(path, "is not UTF-8 text", error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "is not there";
  if (error instanceof Deno.errors.PermissionDenied) return "cannot be read: permission denied";
  return `cannot be read: ${(error as Error).message}`;
}

function fileError(path: string, message: string, cause?: unknown): ConfigFileError {
  return new ConfigFileError(path, [{ setting: "", line: 0, column: 0, message }], { cause });
}
