/** A proxy as its user writes it. */
import { parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { Secret } from "../secret.ts";
import type { DialProxy } from "../transport/dial.ts";
import { ConnectProxy } from "./connect_proxy.ts";
import { SocksProxy } from "./socks_proxy.ts";

const SHAPE = /^([a-z][a-z0-9+.-]*):\/\/(?:([^@/?#\s]*)@)?([^@/?#\s]+)\/?$/i;
const EXPECTED = "expected http:// or socks5://[USER:PASSWORD@]HOST:PORT, " +
  "with %XX for what is special in them";

/**
 * Reads `http://[USER:PASSWORD@]HOST:PORT`; `socks5://` and `socks5h://` are the same, and leave
 * names to the proxy.
 *
 * @throws {RangeError} saying what was expected, and nothing of the text: it may be a password.
 */
export function parseProxy(text: string): DialProxy {
  const [, scheme, user, place] = SHAPE.exec(text) ?? [];
  if (scheme === undefined || place === undefined) throw new RangeError(`no proxy, ${EXPECTED}`);
  const credentials = user ? credentialsOf(user) : undefined;
  switch (scheme.toLowerCase()) {
    case "http":
      return new ConnectProxy(addressOf(place), credentials);
    case "socks5":
    case "socks5h":
      return new SocksProxy(addressOf(place), credentials);
    default:
      throw new RangeError(`a proxy of ${scheme}:// is not known here, ${EXPECTED}`);
  }
}

function addressOf(place: string): Address {
  let address: Address;
  try {
    address = parseAddress(place);
  } catch {
    throw new RangeError(`no proxy's host and port, ${EXPECTED}`);
  }
  if (address.kind === "unix" || address.host === "" || address.port === 0) {
    throw new RangeError(`no proxy's host and port, ${EXPECTED}`);
  }
  return address;
}

/** `user:password` as it is sent: a user's name has no colon, RFC 7617 section 2. */
function credentialsOf(text: string): Secret {
  const [user = "", ...rest] = text.split(":");
  try {
    const name = decodeURIComponent(user);
    if (!name.includes(":")) return new Secret(`${name}:${decodeURIComponent(rest.join(":"))}`);
  } catch {
    // A % that begins no character.
  }
  throw new RangeError(`no user and password, ${EXPECTED}`);
}
