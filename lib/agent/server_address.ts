/** A tunnel server's address as users and listers write it. */
import { parseAddress } from "../address.ts";
import type { Address } from "../address.ts";

/** Port of a server that is given without one: what `revtun server --tunnel` has by default. */
const DEFAULT_TUNNEL_PORT = 9000;

/**
 * Reads `host:port`, `host`, `[v6]:port` or `unix:/path`, with `tcp://` or `tls://` before it or not;
 * whether it is dialled inside TLS is a setting of the agent.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseServerAddress(text: string): Address {
  const place = text.replace(/^(?:tcp|tls):\/\//, "");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) {
    throw new RangeError(`"${text}" cannot be dialled, expected host:port or tls://host:port`);
  }
  const address = parseAddress(place, {
    port: DEFAULT_TUNNEL_PORT,
  });
  if (address.kind === "tcp" && (address.port === 0 || address.host === "")) {
    throw new RangeError(`"${text}" cannot be dialled, expected host:port`);
  }
  return address;
}
