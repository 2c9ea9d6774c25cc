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
const RECORD_HANDSHAKE = 22;
const MESSAGE_CLIENT_HELLO = 1;
const EXTENSION = { serverName: 0, alpn: 16, supportedVersions: 43 } as const;
const HOST_NAME = 0;

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
    return { hello: decodeHello(messageOf(records)), records, rest: found.rest };
  }
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
  const hex = (value: number) => `0x${value.toString(16).padStart(2, "0")}`;
  if (count > at && bytes[at] !== RECORD_HANDSHAKE) {
    throw wrong("magic", offset + at, `byte is ${hex(bytes[at]!)}, expected 0x16 (TLS handshake)`);
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

/** The handshake message in some whole records; copied only if there are several. */
function messageOf(records: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let at = 0; at < records.length;) {
    const start = at + RECORD_HEAD_BYTES;
    at = start + (records[start - 2]! << 8 | records[start - 1]!);
    parts.push(records.subarray(start, at));
    size += at - start;
  }
  if (parts.length === 1) return parts[0]!;
  const message = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}

/** Offsets in its errors are those of the message, were it in one record. */
function decodeHello(message: Uint8Array): ClientHello {
  const offset = RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES;
  const reader = new ByteReader(message.subarray(MESSAGE_HEAD_BYTES), FORMAT, offset);
  const legacyVersion = reader.u16("version");
  if (legacyVersion >> 8 !== 3) {
    throw wrong("version", offset, `major version is ${legacyVersion >> 8}, expected 3`);
  }
  reader.bytes(32, "random");
  const sessionId = reader.vector(1, "session id");
  if (sessionId.leftBytes > 32) throw sessionId.error("length", "session id has over 32 bytes");
  const suites = reader.vector(2, "cipher suites");
  if (suites.leftBytes < 2 || suites.leftBytes % 2 === 1) {
    throw suites.error(
      "length",
      `cipher suites take ${suites.leftBytes} bytes, expected 2, 4, 6 or more`,
    );
  }
  if (reader.vector(1, "compression methods").isAtEnd) {
    throw reader.error("length", "there is no compression method, expected one");
  }
  const hello: ClientHello = { alpn: [], versions: [legacyVersion] };
  // SSL 3 and TLS 1.0 know none.
  if (reader.isAtEnd) return hello;
  const extensions = reader.vector(2, "extensions");
  reader.expectEnd(FORMAT);
  decodeExtensions(extensions, hello);
  return hello;
}

function decodeExtensions(extensions: ByteReader, hello: ClientHello): void {
  const seen = new Set<number>();
  while (!extensions.isAtEnd) {
    const type = extensions.u16("extension type");
    if (seen.has(type)) throw extensions.error("syntax", `extension ${type} is there twice`);
    seen.add(type);
    const content = extensions.vector(2, `extension ${type}`);
    switch (type) {
      case EXTENSION.serverName:
        hello.serverName = decodeServerName(content);
        break;
      case EXTENSION.alpn:
        hello.alpn = decodeAlpn(content);
        break;
      case EXTENSION.supportedVersions:
        hello.versions = decodeVersions(content);
        break;
    }
  }
}

function decodeServerName(content: ByteReader): string {
  const list = content.vector(2, "server names");
  content.expectEnd("server name extension");
  let found: string | undefined;
  while (!list.isAtEnd) {
    const type = list.u8("name type");
    const name = list.vector(2, "server name");
    if (type !== HOST_NAME) throw name.error("type", `name type is ${type}, expected 0`);
    if (found !== undefined) throw name.error("syntax", "there are two server names");
    const bytes = name.bytes(name.leftBytes, "server name");
    found = String.fromCharCode(...bytes.subarray(0, 256)).toLowerCase();
    // No trailing dot, and ASCII only: RFC 6066 section 3.
    if (!/^(?=.{1,255}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(found)) {
      throw name.error("syntax", "server name is not a DNS name");
    }
  }
  if (found === undefined) throw list.error("syntax", "there is no server name, expected one");
  return found;
}

function decodeAlpn(content: ByteReader): string[] {
  const list = content.vector(2, "protocol names");
  content.expectEnd("ALPN extension");
  const names: string[] = [];
  while (!list.isAtEnd) {
    const name = list.vector(1, "protocol name");
    if (name.isAtEnd) throw name.error("length", "protocol name is empty");
    names.push(String.fromCharCode(...name.bytes(name.leftBytes, "protocol name")));
  }
  if (names.length === 0) throw list.error("length", "there is no protocol name, expected one");
  return names;
}

function decodeVersions(content: ByteReader): number[] {
  const list = content.vector(1, "versions");
  content.expectEnd("versions extension");
  const versions: number[] = [];
  while (!list.isAtEnd) versions.push(list.u16("version"));
  if (versions.length === 0) throw list.error("length", "there is no version, expected one");
  return versions;
}

function wrong(reason: DecodeReason, offset: number, detail: string): DecodeError {
  return new DecodeError({ format: FORMAT, reason, offset, detail });
}
