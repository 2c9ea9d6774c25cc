/** Paths of Unix sockets: what a program that died leaves behind, and who may connect. */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { ListenError } from "../errors.ts";
import type { PortSharing } from "./port_sharing.ts";
import { translateListenError } from "./socket_error.ts";

/** Only this program's user may connect. */
const SOCKET_MODE = 0o600;

/**
 * Makes way for a listener at a Unix socket's path: a socket that nobody listens on is removed.
 * Does nothing for other addresses.
 *
 * @param sharing with `join` a socket that somebody listens on stays, to be taken over.
 * @throws {ListenError} somebody listens there, or it is a file of another kind.
 */
export async function clearSocketPath(
  address: Address,
  sharing: PortSharing = "none",
): Promise<void> {
  if (address.kind !== "unix") return;
  const name = formatAddress(address);
  try {
    const found = await Deno.lstat(address.path).catch(() => undefined);
    if (found === undefined) return;
    if (!found.isSocket) throw new ListenError(name, "a file that is no socket is there");
    if (sharing === "join") return;
    if (await isListening(address.path)) {
      throw new ListenError(name, "the address is in use by another program");
    }
    await Deno.remove(address.path);
  } catch (error) {
    throw error instanceof ListenError ? error : translateListenError(error, name);
  }
}

/** Lets nobody but this program's user connect to the socket at `path`. */
export function restrictSocket(path: string): void {
  Deno.chmodSync(path, SOCKET_MODE);
}

async function isListening(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}
