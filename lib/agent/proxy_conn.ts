/** What all kinds of proxies are asked and answer by. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { DialError } from "../errors.ts";
import type { DialFailure } from "../errors.ts";
import type { ProxyConn } from "../transport/dial.ts";

/** Writes all of `bytes`. */
export async function writeAll(conn: ProxyConn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}

/** A dial to `target` that failed at its proxy. */
export function proxyError(
  proxy: Address,
  target: Address,
  failure: DialFailure,
  detail: string,
): DialError {
  return new DialError(formatAddress(target), failure, `proxy ${formatAddress(proxy)}: ${detail}`);
}
