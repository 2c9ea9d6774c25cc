/** IP addresses and networks in CIDR notation, v4 and v6, as numbers that can be compared. */

/** An IP address: 32 or 128 bits. IPv4 written as IPv6 (`::ffff:10.0.0.1`) is IPv4 here. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly bits: bigint;
}

/** All addresses whose first `prefixLength` bits are those of `bits`. */
export interface IpNetwork {
  readonly version: 4 | 6;
  readonly bits: bigint;
  /** 0 to 32, or to 128. */
  readonly prefixLength: number;
}

/** Mapped addresses, RFC 4291 section 2.5.5.2: what dual-stack sockets call their IPv4 peers. */
const MAPPED_PREFIX = 0xffffn;

/** Reads an address, or gives undefined if `text` is none (a host name, say). Takes no zone. */
export function parseIp(text: string): IpAddress | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { version: 4, bits: v4 };
  const v6 = parseV6(text);
  if (v6 === undefined) return undefined;
  return v6 >> 32n === MAPPED_PREFIX
    ? { version: 4, bits: v6 & 0xffff_ffffn }
    : { version: 6, bits: v6 };
}

/**
 * Reads `10.0.0.0/8`, `fd00::/8`, or one address.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseNetwork(text: string): IpNetwork {
  const [, host = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseIp(host);
  if (address === undefined) {
    throw new RangeError(`"${text}" is not a network, expected e.g. 10.0.0.0/8 or fd00::/8`);
  }
  const isMapped = address.version === 4 && host.includes(":");
  const width = address.version === 4 ? 32 : 128;
  let prefixLength = length === undefined ? width : Number(length);
  if (isMapped && length !== undefined) prefixLength -= 96;
  if (prefixLength < 0 || prefixLength > width) {
    throw new RangeError(`prefix length /${length} of "${text}" is out of range`);
  }
  const hostBits = BigInt(width - prefixLength);
  const bits = (address.bits >> hostBits) << hostBits;
  if (bits !== address.bits) {
    throw new RangeError(
      `"${text}" has bits behind its prefix, did you mean ${formatIp({ ...address, bits })}/` +
        `${length} or ${host} alone?`,
    );
  }
  return { version: address.version, bits, prefixLength };
}

/** True if `address` lies in `network`. */
export function networkContains(network: IpNetwork, address: IpAddress): boolean {
  if (network.version !== address.version) return false;
  const hostBits = BigInt((network.version === 4 ? 32 : 128) - network.prefixLength);
  return network.bits >> hostBits === address.bits >> hostBits;
}

/** Writes an address; IPv6 in full, without `::`. */
export function formatIp(address: IpAddress): string {
  const { version, bits } = address;
  if (version === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join(".");
  }
  return Array.from(
    { length: 8 },
    (_, index) => ((bits >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  ).join(":");
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  for (const part of parts) {
    // No leading zeros: some resolvers read 010 as octal, others do not.
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bits = bits << 8n | BigInt(part);
  }
  return bits;
}

function parseV6(text: string): bigint | undefined {
  if (!text.includes(":")) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const zeros = Array.from({ length: missing }, () => 0n);
  return [...head, ...zeros, ...tail].reduce((bits, group) => bits << 16n | group, 0n);
}

function groupsOf(text: string, mayEndInV4: boolean): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const v4 = mayEndInV4 && index === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 !== undefined) {
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(BigInt(`0x${part}`));
    } else {
      return undefined;
    }
  }
  return groups;
}
