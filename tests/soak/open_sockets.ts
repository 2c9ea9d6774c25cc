/** TCP sockets of this process, where the system tells; the runtime has others of its own. */

/** States of the kernel that tell something; others are shown by their number. */
const STATES: Readonly<Record<string, string>> = {
  "01": "established",
  "02": "connecting",
  "04": "closing",
  "05": "closing",
  "08": "the peer has ended",
  "0A": "listening",
};

/** Each as "from PORT to PORT, STATE"; empty where the system does not tell. */
export function openSockets(): string[] {
  if (Deno.build.os !== "linux") return [];
  const byInode = new Map<string, string>();
  for (const name of ["tcp", "tcp6"]) {
    for (const line of Deno.readTextFileSync(`/proc/self/net/${name}`).split("\n").slice(1)) {
      const [, local = "", remote = "", state = "", , , , , , inode = ""] = line.trim().split(/ +/);
      if (inode === "") continue;
      const [from, to] = [local, remote].map((end) => parseInt(end.split(":")[1]!, 16));
      byInode.set(inode, `from ${from} to ${to}, ${STATES[state] ?? state}`);
    }
  }
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${name}`))?.[1];
      const socket = byInode.get(inode ?? "");
      return socket === undefined ? [] : [socket];
    } catch {
      return [];
    }
  });
}
