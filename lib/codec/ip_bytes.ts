/** IP addresses as the 4 or 16 bytes of a packet, and as text. */
import { parseIp } from "../ip_network.ts";

/**
 * Writes 4 or 16 bytes as text; IPv6 in its one canonical form (RFC 5952), with an IPv4 address
 * that is mapped into it in dotted form, `::ffff:10.0.0.1`.
 */
export function ipFromBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, at) => bytes[at * 2]! << 8 | bytes[at * 2 + 1]!);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12, 16).join(".")}`;
  }
  const zeros = longestZeros(groups);
  const text = (from: number, to: number) =>
    groups.slice(from, to).map((group) => group.toString(16)).join(":");
  if (zeros.length < 2) return text(0, 8);
  return `${text(0, zeros.start)}::${text(zeros.start + zeros.length, 8)}`;
}

/** Reads an address into 4 or 16 bytes; undefined where `text` is none. */
export function ipToBytes(text: string): Uint8Array | undefined {
  const address = parseIp(text);
  if (address === undefined) return undefined;
  const bytes = new Uint8Array(address.version === 4 ? 4 : 16);
  let { bits } = address;
  for (let at = bytes.length - 1; at >= 0; at--) {
    bytes[at] = Number(bits & 0xffn);
    bits >>= 8n;
  }
  return bytes;
}

/** The 16 bytes that stand for an IPv4 address among IPv6 ones, RFC 4291 section 2.5.5.2. */
export function mappedIp(v4: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.fill(0xff, 10, 12);
  bytes.set(v4, 12);
  return bytes;
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}
