/** Files that the settings name: are they there, and who may read and change them? */
import type { Step } from "../../lib/step.ts";
import { isWritableByAll } from "../../lib/transport/file_trust.ts";
import { stepOf } from "./examination.ts";
import type { Finding } from "./examination.ts";

/** A file, and what is in it. */
export interface NamedFile {
  readonly path: string;
  /** The setting that names it, as its user wrote it. */
  readonly setting: string;
  /** It holds a credential or a key. */
  readonly isSecret: boolean;
}

const READABLE_BY_OTHERS = 0o004;
const READABLE_BY_GROUP = 0o040;

/** Looks at each of the files. */
export async function* checkFiles(files: readonly NamedFile[]): AsyncGenerator<Step> {
  for (const file of files) yield stepOf("file", file.path, await judge(file));
}

async function judge({ path, setting, isSecret }: NamedFile): Promise<Finding> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
    if (!info.isDirectory) (await Deno.open(path)).close();
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    return {
      verdict: "fail",
      detail: isMissing ? "is not there" : `cannot be read: ${reasonOf(error)}`,
      advice: isMissing
        ? `make it, or correct ${setting}`
        : `let the user that runs revtun read it: chown, or chmod u+r ${path}`,
    };
  }
  if (info.isDirectory) {
    return { verdict: "fail", detail: "is a directory", advice: `name a file by ${setting}` };
  }
  const { mode } = info;
  const size = `${info.size} bytes`;
  // Windows has no modes.
  if (mode === null) return { verdict: "ok", detail: `${size}, for ${setting}` };
  const modeText = (mode & 0o777).toString(8).padStart(3, "0");
  const detail = `${size}, mode ${modeText}, for ${setting}`;
  if (isWritableByAll(info)) {
    return {
      verdict: "fail",
      detail: `${detail}: anyone on this machine can change it`,
      advice: `chmod o-w ${path}`,
    };
  }
  if (isSecret && (mode & READABLE_BY_OTHERS) !== 0) {
    return {
      verdict: "warn",
      detail: `${detail}: anyone on this machine can read what is secret in it`,
      advice: `chmod 600 ${path}`,
    };
  }
  if (isSecret && (mode & READABLE_BY_GROUP) !== 0) {
    return { verdict: "ok", detail: `${detail}: its group can read it, too` };
  }
  return { verdict: "ok", detail };
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return (error as Error).message;
}
