/** Unix sockets that listen at a path, until another process's socket does. */
import { restrictSocket } from "./socket_path.ts";

/** A listening socket and its path. */
export interface UnixSocket {
  readonly listener: Deno.Listener;
  /** Whoever dials the path comes here; false once the path is another socket's, or gone. */
  isAtPath(): boolean;
  /** Stops listening, and removes the path if it is still this socket's. */
  close(): void;
}

/**
 * Listens at `path`, in place of a socket that is there: whoever dials it meets one of the two at
 * any time. Who may have the path is for others to decide: see `clearSocketPath`.
 *
 * @throws {Error} as the runtime says it.
 */
export function listenUnix(path: string): UnixSocket {
  // The runtime removes the path that it was bound at, whoever's that is by then: so that one is
  // nobody's, and the socket moves to the path that was asked for.
  const bound = `${path.slice(0, path.lastIndexOf("/") + 1)}.rt${crypto.randomUUID().slice(0, 6)}`;
  const listener = Deno.listen({ transport: "unix", path: bound });
  let own: FileIdentity;
  try {
    restrictSocket(bound);
    own = identityAt(bound)!;
    Deno.renameSync(bound, path);
  } catch (error) {
    listener.close();
    throw error;
  }
  const isAtPath = () => isSameFile(identityAt(path), own);
  return {
    listener,
    isAtPath,
    close() {
      if (isAtPath()) Deno.removeSync(path);
      listener.close();
    },
  };
}

/** Removes the socket at a path if it is the one that was there when `found` was read. */
export function removeSocket(path: string, found: FileIdentity | undefined): void {
  if (found !== undefined && isSameFile(identityAt(path), found)) Deno.removeSync(path);
}

/** What tells one file from another that took its path. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number | null;
}

/** Undefined if nothing is there. */
export function identityAt(path: string): FileIdentity | undefined {
  try {
    const { dev, ino } = Deno.lstatSync(path);
    return { dev, ino };
  } catch {
    return undefined;
  }
}

function isSameFile(a: FileIdentity | undefined, b: FileIdentity): boolean {
  return a !== undefined && a.dev === b.dev && a.ino === b.ino;
}
