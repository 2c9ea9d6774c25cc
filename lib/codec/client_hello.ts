/**
 * The ClientHello that a TLS connection starts with: what it asks for, without taking part in it.
 *
 * Source: RFC 8446 section 4.1.2 and 5.1, RFC 6066 section 3 (server name), RFC 7301 (ALPN).
 */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";
import { BlockReader } from "./block_reader.ts";
import { ByteReader } from "./byte_reader.ts";

/** What a client asks for. */
export interface ClientHello {
  /** The server name it gives (SNI), in lower case. */
  serverName?: string;
  /** Protocols it offers (ALPN), the preferred first: "h2", "http/1.1". */
  alpn: string[];
  /** Protocol versions it offers, as on the wire: 0x0304 is TLS 1.3. May hold GREASE values. */
  versions: number[];
}

/** Largest ClientHello that is taken; with post-quantum keys they have some 2 KB. */
export const MAX_CLIENT_HELLO_BYTES = 16 << 10;
/** Records that one may be spread over. */
const MAX_RECORDS = 64;
const MAX_RECORD_BYTES = 1 << 14;

const FORMAT = "TLS ClientHello";
const RECORD_HEAD_BYTES = 5;
const MESSAGE_HEAD_BYTES = 4;
/** Where what a message holds begins, if it is in one record. */
const MESSAGE_START = RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES;
const RECORD_HANDSHAKE = 22;
const MESSAGE_CLIENT_HELLO = 1;
const EXTENSION = { serverName: 0, alpn: 16, supportedVersions: 43 } as const;
const HOST_NAME = 0;
const MAX_NAME_BYTES = 255;

/** Reads a ClientHello from bytes that come in pieces. */
export class ClientHelloDecoder {
  readonly #blocks = new BlockReader(measureRecords);

  /** Bytes that are missing as far as is known, at least 1. */
  get neededBytes(): number {
    return this.#blocks.neededBytes;
  }

  /**
   * Takes the next bytes; returns the ClientHello once it is whole, with its records as they came,
   * to be sent on, and the bytes behind them (which lie in `bytes`).
   *
   * @throws {DecodeError} as soon as it can be none, or is too large.
   */
  push(
    bytes: Uint8Array,
  ): { hello: ClientHello; records: Uint8Array; rest: Uint8Array } | undefined {
    const found = this.#blocks.push(bytes);
    if (found === undefined) return undefined;
    const records = found.bytes.subarray(0, found.size);
    const hello: ClientHello = { alpn: [], versions: [] };
    const serverName = decodeRecords(records, found.size, hello);
    if (serverName !== "") hello.serverName = serverName;
    return { hello, records, rest: found.rest };
  }
}

/**
 * Checks the ClientHello at the start of `bytes`, where it lies, and gives the server name that it
 * asks for: "" if it names none, undefined if it is not whole.
 *
 * @throws {DecodeError} as soon as it can be none, or is too large.
 */
export function readServerName(bytes: Uint8Array): string | undefined {
  const size = measureRecords(bytes, bytes.length, 0);
  return size > bytes.length ? undefined : decodeRecords(bytes, size, undefined);
}

/** Walks over records until those of the first handshake message are complete. */
function measureRecords(bytes: Uint8Array, count: number, offset: number): number {
  let at = 0;
  /** Bytes of the message in the records so far, and how many it has, as far as is known. */
  let messageBytes = 0;
  let neededBytes = MESSAGE_HEAD_BYTES;
  for (let record = 0;; record++) {
    if (record === MAX_RECORDS) {
      throw wrong("limit", offset + at, `it is spread over more than ${MAX_RECORDS} records`);
    }
    checkRecordHead(bytes, at, count, offset);
    if (count < at + RECORD_HEAD_BYTES) return at + RECORD_HEAD_BYTES;
    const length = bytes[at + 3]! << 8 | bytes[at + 4]!;
    const start = at + RECORD_HEAD_BYTES;
    for (let index = 0; index < length && index + messageBytes < MESSAGE_HEAD_BYTES; index++) {
      if (start + index >= count) break;
      const place = messageBytes + index;
      const byte = bytes[start + index]!;
      if (place === 0 && byte !== MESSAGE_CLIENT_HELLO) {
        throw wrong("type", offset + start + index, `message type is ${byte}, expected 1`);
      }
      if (place > 0) neededBytes += byte << 8 * (3 - place);
      if (neededBytes > MESSAGE_HEAD_BYTES + MAX_CLIENT_HELLO_BYTES) {
        const detail = `length is over ${MAX_CLIENT_HELLO_BYTES}, the most that is taken`;
        throw wrong("limit", offset + start + index, detail);
      }
    }
    at = start + length;
    messageBytes += length;
    const isLengthKnown = count >= at || count - start + messageBytes - length >= 4;
    if (messageBytes >= MESSAGE_HEAD_BYTES && isLengthKnown && messageBytes >= neededBytes) {
      if (messageBytes === neededBytes) return at;
      throw wrong("length", offset + at - messageBytes + neededBytes, "more follows in its record");
    }
    if (count < at) return at;
  }
}

function checkRecordHead(bytes: Uint8Array, at: number, count: number, offset: number): void {
  if (count > at && bytes[at] !== RECORD_HANDSHAKE) {
    const byte = `0x${bytes[at]!.toString(16).padStart(2, "0")}`;
    throw wrong("magic", offset + at, `byte is ${byte}, expected 0x16 (TLS handshake)`);
  }
  // 3.1 to 3.3, RFC 8446 section 5.1; the version that counts is inside.
  if (count > at + 1 && bytes[at + 1] !== 3) {
    throw wrong("version", offset + at + 1, `major version is ${bytes[at + 1]}, expected 3`);
  }
  if (count > at + 2 && bytes[at + 2]! > 4) {
    throw wrong("version", offset + at + 2, `minor version is ${bytes[at + 2]}, expected 0 to 4`);
  }
  if (count < at + RECORD_HEAD_BYTES) return;
  const length = bytes[at + 3]! << 8 | bytes[at + 4]!;
  if (length === 0 || length > MAX_RECORD_BYTES) {
    const detail = `record length is ${length}, expected 1 to ${MAX_RECORD_BYTES}`;
    throw wrong("length", offset + at + 3, detail);
  }
}

/** Reads the message in whole records, which end at `size`; it is put together if there are several. */
function decodeRecords(bytes: Uint8Array, size: number, to: ClientHello | undefined): string {
  const firstEnd = RECORD_HEAD_BYTES + (bytes[3]! << 8 | bytes[4]!);
  if (firstEnd === size) {
    return decodeHello(new ByteReader(bytes, FORMAT, 0, MESSAGE_START, size), to);
  }
  const message = messageOf(bytes.subarray(0, size));
  return decodeHello(new ByteReader(message, FORMAT, RECORD_HEAD_BYTES, MESSAGE_HEAD_BYTES), to);
}

/** The handshake message in several whole records. */
function messageOf(records: Uint8Array): Uint8Array {
  const message = new Uint8Array(records.length);
  let size = 0;
  for (let at = 0; at < records.length;) {
    const start = at + RECORD_HEAD_BYTES;
    at = start + (records[start - 2]! << 8 | records[start - 1]!);
    message.set(records.subarray(start, at), size);
    size += at - start;
  }
  return message.subarray(0, size);
}

/**
 * Reads what is behind a message's head; returns the server name, "" if there is none, and puts what
 * else is asked for into `to`. Offsets in its errors are those of the message, were it in one record.
 */
function decodeHello(reader: ByteReader, to: ClientHello | undefined): string {
  const version = reader.u16("version");
  if (version >> 8 !== 3) {
    throw wrong("version", MESSAGE_START, `major version is ${version >> 8}, expected 3`);
  }
  if (to !== undefined) to.versions = [version];
  reader.skip(32, "random");
  let outer = reader.enter(1, "session id");
  if (reader.leftBytes > 32) throw reader.error("length", "session id has over 32 bytes");
  reader.leave(outer);
  outer = reader.enter(2, "cipher suites");
  if (reader.leftBytes < 2 || reader.leftBytes % 2 === 1) {
    throw reader.error(
      "length",
      `cipher suites take ${reader.leftBytes} bytes, expected 2, 4, 6 or more`,
    );
  }
  reader.leave(outer);
  outer = reader.enter(1, "compression methods");
  if (reader.isAtEnd) {
    throw reader.error("length", "there is no compression method, expected one");
  }
  reader.leave(outer);
  // SSL 3 and TLS 1.0 know none.
  if (reader.isAtEnd) return "";
  reader.enterLast(2, "extensions", FORMAT);
  return decodeExtensions(reader, to);
}

function decodeExtensions(reader: ByteReader, to: ClientHello | undefined): string {
  let serverName = "";
  const seen = new SeenTypes();
  while (!reader.isAtEnd) {
    const type = reader.u16("extension type");
    if (!seen.add(type)) throw reader.error("syntax", `extension ${type} is there twice`);
    const outer = reader.enter(2, "extension");
    switch (type) {
      case EXTENSION.serverName:
        serverName = decodeServerName(reader);
        break;
      case EXTENSION.alpn:
        decodeAlpn(reader, to?.alpn);
        break;
      case EXTENSION.supportedVersions:
        if (to !== undefined) to.versions = [];
        decodeVersions(reader, to?.versions);
        break;
    }
    reader.leave(outer);
  }
  return serverName;
}

/** Types of extensions that were there; nearly all that there are lie below 64. */
class SeenTypes {
  #low = 0;
  #high = 0;
  #other = -1;
  #others: Set<number> | undefined;

  /** False if it was there already. */
  add(type: number): boolean {
    const bit = 1 << (type & 31);
    if (type < 32) {
      if ((this.#low & bit) !== 0) return false;
      this.#low |= bit;
    } else if (type < 64) {
      if ((this.#high & bit) !== 0) return false;
      this.#high |= bit;
    } else if (this.#other === -1) {
      this.#other = type;
    } else {
      if (type === this.#other || this.#others?.has(type)) return false;
      (this.#others ??= new Set()).add(type);
    }
    return true;
  }
}

function decodeServerName(reader: ByteReader): string {
  reader.enterLast(2, "server names", "server name extension");
  let found: string | undefined;
  while (!reader.isAtEnd) {
    const type = reader.u8("name type");
    const outer = reader.enter(2, "server name");
    if (type !== HOST_NAME) throw reader.error("type", `name type is ${type}, expected 0`);
    if (found !== undefined) throw reader.error("syntax", "there are two server names");
    found = reader.latin1(reader.leftBytes, "server name").toLowerCase();
    // No trailing dot, and ASCII only: RFC 6066 section 3.
    if (found.length > MAX_NAME_BYTES || !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(found)) {
      throw reader.error("syntax", "server name is not a DNS name");
    }
    reader.leave(outer);
  }
  if (found === undefined) throw reader.error("syntax", "there is no server name, expected one");
  return found;
}

function decodeAlpn(reader: ByteReader, to: string[] | undefined): void {
  reader.enterLast(2, "protocol names", "ALPN extension");
  if (reader.isAtEnd) throw reader.error("length", "there is no protocol name, expected one");
  while (!reader.isAtEnd) {
    const outer = reader.enter(1, "protocol name");
    if (reader.isAtEnd) throw reader.error("length", "protocol name is empty");
    to?.push(reader.latin1(reader.leftBytes, "protocol name"));
    reader.leave(outer);
  }
}

function decodeVersions(reader: ByteReader, to: number[] | undefined): void {
  reader.enterLast(1, "versions", "versions extension");
  if (reader.isAtEnd) throw reader.error("length", "there is no version, expected one");
  while (!reader.isAtEnd) {
    const version = reader.u16("version");
    to?.push(version);
  }
}

function wrong(reason: DecodeReason, offset: number, detail: string): DecodeError {
  return new DecodeError({ format: FORMAT, reason, offset, detail });
}
