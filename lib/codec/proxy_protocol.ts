/**
 * The PROXY protocol, versions 1 (a line) and 2 (binary): who is behind a connection.
 *
 * Source: HAProxy doc/proxy-protocol.txt (2020-03-05).
 */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";
import { BlockReader } from "./block_reader.ts";
import { ipFromBytes, ipToBytes, mappedIp } from "./ip_bytes.ts";

export interface ProxyEndpoint {
  /** An IP address, never a name. */
  host: string;
  port: number;
}

/** What a header says. */
export type ProxyHeader =
  /** The proxy speaks for itself, a health check say. Version 2 only. */
  | { kind: "local" }
  /** The proxy does not know its client. */
  | { kind: "unknown" }
  | { kind: "tcp" | "udp"; source: ProxyEndpoint; destination: ProxyEndpoint }
  /** Paths of unix sockets, of at most 108 bytes; an abstract one starts with "@". */
  | { kind: "unixStream" | "unixDatagram"; source: string; destination: string };

export type ProxyVersion = "v1" | "v2";

/** Longest line of version 1, its CRLF included. */
const MAX_LINE_BYTES = 107;
/** Longest body of version 2 that is taken: addresses, and what extensions may need. */
const MAX_BODY_BYTES = 4096;
const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10);
const HEAD_BYTES = 16;
const LINE_START = new TextEncoder().encode("PROXY ");
const UNIX_PATH_BYTES = 108;

const FAMILY = { unspecified: 0, inet: 1, inet6: 2, unix: 3 } as const;
const TRANSPORT = { unspecified: 0, stream: 1, datagram: 2 } as const;
/** Bytes of both addresses, and ports, by family. */
const ADDRESS_BYTES = [0, 12, 36, 2 * UNIX_PATH_BYTES] as const;

/**
 * Writes a header. In version 1, which has but TCP over IP, all else becomes UNKNOWN. An IPv4
 * address beside an IPv6 one is mapped.
 *
 * @throws {RangeError} for a host that is no IP address, a port out of range, or a long path.
 */
export function encodeProxyHeader(header: ProxyHeader, version: ProxyVersion): Uint8Array {
  return version === "v1" ? encodeLine(header) : encodeBinary(header);
}

/** Reads the header that a connection starts with, of either version, from bytes in pieces. */
export class ProxyHeaderDecoder {
  readonly #blocks = new BlockReader(measureHeader);

  /** Bytes that are missing as far as is known, at least 1. */
  get neededBytes(): number {
    return this.#blocks.neededBytes;
  }

  /**
   * Takes the next bytes; returns the header once it is whole, with the bytes behind it (which lie
   * in `bytes`). Extensions (TLVs) are stepped over.
   *
   * @throws {DecodeError} as soon as it can be no header.
   */
  push(bytes: Uint8Array): { header: ProxyHeader; rest: Uint8Array } | undefined {
    const found = this.#blocks.push(bytes);
    if (found === undefined) return undefined;
    const whole = found.bytes.subarray(0, found.size);
    const header = whole[0] === SIGNATURE[0] ? decodeBinary(whole) : decodeLine(whole);
    return { header, rest: found.rest };
  }
}

function measureHeader(bytes: Uint8Array, count: number, offset: number): number {
  if (count === 0) return 1;
  return bytes[0] === SIGNATURE[0]
    ? measureBinary(bytes, count, offset)
    : measureLine(bytes, count, offset);
}

function measureLine(bytes: Uint8Array, count: number, offset: number): number {
  checkStart(bytes, count, offset, LINE_START);
  const end = Math.min(count, MAX_LINE_BYTES);
  for (let at = LINE_START.length; at + 1 < end; at++) {
    if (bytes[at] === 0x0d && bytes[at + 1] === 0x0a) return at + 2;
  }
  if (count < MAX_LINE_BYTES) return count + 1;
  const detail = `line does not end within ${MAX_LINE_BYTES} bytes`;
  throw wrong("limit", offset + MAX_LINE_BYTES, detail);
}

function measureBinary(bytes: Uint8Array, count: number, offset: number): number {
  checkStart(bytes, count, offset, SIGNATURE);
  if (count > 12) {
    const version = bytes[12]! >> 4;
    const command = bytes[12]! & 0xf;
    if (version !== 2) throw wrong("version", offset + 12, `version is ${version}, expected 2`);
    if (command > 1) {
      throw wrong("type", offset + 12, `command is ${command}, expected 0 (LOCAL) or 1 (PROXY)`);
    }
  }
  if (count > 13 && (bytes[13]! >> 4 > FAMILY.unix || (bytes[13]! & 0xf) > TRANSPORT.datagram)) {
    const byte = `0x${bytes[13]!.toString(16).padStart(2, "0")}`;
    throw wrong("type", offset + 13, `family and transport are ${byte}, expected 0x00 to 0x32`);
  }
  if (count < HEAD_BYTES) return HEAD_BYTES;
  const length = bytes[14]! << 8 | bytes[15]!;
  if (length > MAX_BODY_BYTES) {
    throw wrong("limit", offset + 14, `length is ${length}, at most ${MAX_BODY_BYTES} is taken`);
  }
  const isLocal = (bytes[12]! & 0xf) === 0;
  const needed = isLocal ? 0 : addressBytes(bytes[13]!);
  if (length < needed) {
    throw wrong("length", offset + 14, `length is ${length}, its addresses take ${needed}`);
  }
  return HEAD_BYTES + length;
}

function checkStart(
  bytes: Uint8Array,
  count: number,
  offset: number,
  expected: Uint8Array,
): void {
  for (let at = 0; at < expected.length && at < count; at++) {
    if (bytes[at] === expected[at]) continue;
    const byte = `0x${bytes[at]!.toString(16).padStart(2, "0")}`;
    throw wrong("magic", offset + at, `byte is ${byte}, expected the start of a PROXY header`);
  }
}

function decodeLine(line: Uint8Array): ProxyHeader {
  const text = String.fromCharCode(...line.subarray(0, line.length - 2));
  const [, protocol, ...fields] = text.split(" ");
  // Whatever follows UNKNOWN is for the receiver to ignore.
  if (protocol === "UNKNOWN") return { kind: "unknown" };
  if (protocol !== "TCP4" && protocol !== "TCP6") {
    throw wrong("type", LINE_START.length, `protocol is not TCP4, TCP6 or UNKNOWN`);
  }
  if (fields.length !== 4) {
    throw wrong("syntax", LINE_START.length, `line has ${fields.length} fields, expected 4`);
  }
  const [sourceHost, destinationHost, sourcePort, destinationPort] = fields as [
    string,
    string,
    string,
    string,
  ];
  const isV6 = protocol === "TCP6";
  return {
    kind: "tcp",
    source: { host: lineHost(sourceHost, isV6), port: linePort(sourcePort) },
    destination: { host: lineHost(destinationHost, isV6), port: linePort(destinationPort) },
  };
}

function lineHost(text: string, isV6: boolean): string {
  const bytes = ipToBytes(text);
  if (bytes === undefined || text.includes(":") !== isV6) {
    const expected = isV6 ? "an IPv6 address" : "an IPv4 address";
    throw wrong("syntax", LINE_START.length, `"${text}" is not ${expected}`);
  }
  return ipFromBytes(isV6 && bytes.length === 4 ? mappedIp(bytes) : bytes);
}

function linePort(text: string): number {
  const port = Number(text);
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text) || port > 0xffff) {
    throw wrong("syntax", LINE_START.length, `"${text}" is not a port`);
  }
  return port;
}

function decodeBinary(bytes: Uint8Array): ProxyHeader {
  if ((bytes[12]! & 0xf) === 0) return { kind: "local" };
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0xf;
  if (family === FAMILY.unspecified || transport === TRANSPORT.unspecified) {
    return { kind: "unknown" };
  }
  const isStream = transport === TRANSPORT.stream;
  const at = HEAD_BYTES;
  if (family === FAMILY.unix) {
    return {
      kind: isStream ? "unixStream" : "unixDatagram",
      source: readPath(bytes.subarray(at, at + UNIX_PATH_BYTES)),
      destination: readPath(bytes.subarray(at + UNIX_PATH_BYTES, at + 2 * UNIX_PATH_BYTES)),
    };
  }
  const size = family === FAMILY.inet ? 4 : 16;
  const portAt = (index: number) =>
    bytes[at + 2 * size + index]! << 8 | bytes[at + 2 * size + index + 1]!;
  return {
    kind: isStream ? "tcp" : "udp",
    source: { host: ipFromBytes(bytes.subarray(at, at + size)), port: portAt(0) },
    destination: { host: ipFromBytes(bytes.subarray(at + size, at + 2 * size)), port: portAt(2) },
  };
}

function addressBytes(familyAndTransport: number): number {
  const isUnspecified = (familyAndTransport & 0xf) === TRANSPORT.unspecified;
  return isUnspecified ? 0 : ADDRESS_BYTES[familyAndTransport >> 4] ?? 0;
}

/** A path ends at its first zero byte; an abstract one begins with one, written as "@". */
function readPath(bytes: Uint8Array): string {
  const isAbstract = bytes[0] === 0 && bytes[1] !== 0;
  const start = isAbstract ? 1 : 0;
  const end = bytes.indexOf(0, start);
  const path = new TextDecoder().decode(bytes.subarray(start, end === -1 ? undefined : end));
  return isAbstract ? `@${path}` : path;
}

function encodeLine(header: ProxyHeader): Uint8Array {
  if (header.kind !== "tcp") return new TextEncoder().encode("PROXY UNKNOWN\r\n");
  const { source, destination } = ipPair(header);
  const protocol = source.length === 4 ? "TCP4" : "TCP6";
  const ports = `${header.source.port} ${header.destination.port}`;
  return new TextEncoder().encode(
    `PROXY ${protocol} ${ipFromBytes(source)} ${ipFromBytes(destination)} ${ports}\r\n`,
  );
}

function encodeBinary(header: ProxyHeader): Uint8Array {
  switch (header.kind) {
    case "local":
      return binary(0, FAMILY.unspecified, TRANSPORT.unspecified, []);
    case "unknown":
      return binary(1, FAMILY.unspecified, TRANSPORT.unspecified, []);
    case "tcp":
    case "udp": {
      const { source, destination } = ipPair(header);
      const ports = [header.source.port, header.destination.port].flatMap(
        (port) => [port >> 8, port & 0xff],
      );
      const transport = header.kind === "tcp" ? TRANSPORT.stream : TRANSPORT.datagram;
      const family = source.length === 4 ? FAMILY.inet : FAMILY.inet6;
      return binary(1, family, transport, [...source, ...destination, ...ports]);
    }
    case "unixStream":
    case "unixDatagram": {
      const transport = header.kind === "unixStream" ? TRANSPORT.stream : TRANSPORT.datagram;
      const paths = [...writePath(header.source), ...writePath(header.destination)];
      return binary(1, FAMILY.unix, transport, paths);
    }
  }
}

function binary(command: number, family: number, transport: number, body: number[]): Uint8Array {
  const head = [2 << 4 | command, family << 4 | transport, body.length >> 8, body.length & 0xff];
  return Uint8Array.from([...SIGNATURE, ...head, ...body]);
}

function writePath(path: string): Uint8Array {
  const text = new TextEncoder().encode(path.startsWith("@") ? `\0${path.slice(1)}` : path);
  if (text.length > UNIX_PATH_BYTES) {
    throw new RangeError(`"${path}" is longer than the ${UNIX_PATH_BYTES} bytes of a unix path`);
  }
  const bytes = new Uint8Array(UNIX_PATH_BYTES);
  bytes.set(text);
  return bytes;
}

/** Both addresses, of one family. */
function ipPair(
  header: { source: ProxyEndpoint; destination: ProxyEndpoint },
): { source: Uint8Array; destination: Uint8Array } {
  const source = ipOf(header.source);
  const destination = ipOf(header.destination);
  if (source.length === destination.length) return { source, destination };
  return source.length === 4
    ? { source: mappedIp(source), destination }
    : { source, destination: mappedIp(destination) };
}

function ipOf({ host, port }: ProxyEndpoint): Uint8Array {
  const bytes = ipToBytes(host);
  if (bytes === undefined) throw new RangeError(`"${host}" is not an IP address`);
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) {
    throw new RangeError(`port ${port} is out of range, expected 0 to 65535`);
  }
  return bytes;
}

function wrong(reason: DecodeReason, offset: number, detail: string): DecodeError {
  return new DecodeError({ format: "PROXY header", reason, offset, detail });
}
