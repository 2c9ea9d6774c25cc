/** SOCKS 5 as its client writes it: RFC 1928, RFC 1929. */
import { ipToBytes } from "./ip_bytes.ts";
import { ADDRESS_TYPE, COMMAND, PASSWORD_VERSION, SOCKS_METHOD, VERSION } from "./socks5.ts";

/** Bytes of a host, user or password at most: their length is one byte. */
const MAX_TEXT_BYTES = 255;

/** The first message: how the client may show who it is. */
export function encodeSocksMethods(hasPassword: boolean): Uint8Array {
  return hasPassword
    ? Uint8Array.of(VERSION, 2, SOCKS_METHOD.none, SOCKS_METHOD.password)
    : Uint8Array.of(VERSION, 1, SOCKS_METHOD.none);
}

/** Name and password; each of 1 to 255 bytes. @throws {RangeError} */
export function encodeSocksPassword(user: string, password: string): Uint8Array {
  return Uint8Array.of(PASSWORD_VERSION, ...measured(user), ...measured(password));
}

/** Asks for a connection to an address, or a name that the server resolves. @throws {RangeError} */
export function encodeSocksConnect(host: string, port: number): Uint8Array {
  const ip = ipToBytes(host);
  const place = ip === undefined
    ? [ADDRESS_TYPE.name, ...measured(host)]
    : [ip.length === 4 ? ADDRESS_TYPE.v4 : ADDRESS_TYPE.v6, ...ip];
  return Uint8Array.of(VERSION, COMMAND.connect, 0, ...place, port >> 8, port & 255);
}

function measured(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === 0 || bytes.length > MAX_TEXT_BYTES) {
    throw new RangeError(
      `SOCKS 5 takes hosts, users and passwords of 1 to ${MAX_TEXT_BYTES} bytes`,
    );
  }
  return [bytes.length, ...bytes];
}
