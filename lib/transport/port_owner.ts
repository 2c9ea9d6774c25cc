/** Which program listens on a port of this machine: what Linux tells in /proc; nothing elsewhere. */

/** A program that has a port. */
export interface PortOwner {
  readonly pid: number;
  /** Its name, at most 15 characters. */
  readonly name: string;
}

const LISTEN_STATE = "0A";
/** A machine may have very many processes. */
const MAX_PROCESSES = 10_000;

/** Finds who listens on a TCP port; undefined where that cannot be seen, as of other users. */
export async function findPortOwner(port: number): Promise<PortOwner | undefined> {
  try {
    const inodes = new Set<string>();
    for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
      const text = await Deno.readTextFile(table).catch(() => "");
      for (const inode of listeningInodes(text, port)) inodes.add(`socket:[${inode}]`);
    }
    return inodes.size === 0 ? undefined : await ownerOf(inodes);
  } catch {
    return undefined;
  }
}

/** Reads the inodes of listeners on `port` from the text of /proc/net/tcp. */
export function listeningInodes(text: string, port: number): string[] {
  return text.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const isIt = state === LISTEN_STATE && parseInt(local.split(":")[1] ?? "", 16) === port;
    return isIt && inode !== undefined ? [inode] : [];
  });
}

async function ownerOf(inodes: ReadonlySet<string>): Promise<PortOwner | undefined> {
  let count = 0;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || ++count > MAX_PROCESSES) continue;
    try {
      for await (const file of Deno.readDir(`/proc/${name}/fd`)) {
        const target = await Deno.readLink(`/proc/${name}/fd/${file.name}`).catch(() => "");
        if (!inodes.has(target)) continue;
        const comm = await Deno.readTextFile(`/proc/${name}/comm`);
        return { pid: Number(name), name: comm.trim() };
      }
    } catch {
      // Another user's process, or one that has just ended.
    }
  }
  return undefined;
}
