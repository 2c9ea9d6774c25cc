/** Addresses as users write them: `host:port`, `:port`, `[v6]:port`, `unix:/path`. */

/** A place to connect to or listen on. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What stands in for the parts that the text leaves out. */
export interface AddressDefaults {
  /** Host of `:port`; without it a host is required. */
  host?: string;
  /** Port of `host`; without it a port is required. */
  port?: number;
}

/**
 * Reads an address.
 *
 * @param text `host:port`, `:port`, `[v6]:port`, `unix:/path`; port 0 to 65535.
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseAddress(text: string, defaults: AddressDefaults = {}): Address {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (path === "") throw new RangeError(`"${text}" has no path, expected unix:/path`);
    return { kind: "unix", path };
  }
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]/\s]*))(?::(\d+))?$/.exec(text);
  if (match === null) {
    const isBareV6 = /^[0-9a-fA-F:.]+$/.test(text) && text.split(":").length > 2;
    throw new RangeError(
      isBareV6
        ? `"${text}" is an IPv6 address without brackets, write [address]:port`
        : `"${text}" is not an address, expected host:port, :port, [v6]:port or unix:/path`,
    );
  }
  const host = match[1] ?? (match[2] === "" ? defaults.host : match[2]);
  if (host === undefined) throw new RangeError(`"${text}" has no host, expected host:port`);
  const port = match[3] === undefined ? defaults.port : Number(match[3]);
  if (port === undefined) throw new RangeError(`"${text}" has no port, expected host:port`);
  if (port > 65535) throw new RangeError(`port ${match[3]} is out of range, expected 0 to 65535`);
  return { kind: "tcp", host, port };
}

/** Writes an address the way {@link parseAddress} reads it. */
export function formatAddress(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.host.includes(":")
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** True for addresses that never leave this machine. */
export function isLoopback(address: Address): boolean {
  if (address.kind === "unix") return true;
  return address.host === "localhost" || address.host === "::1" || /^127\./.test(address.host);
}
