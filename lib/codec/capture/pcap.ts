/**
 * The classic capture file of tcpdump.
 *
 * Source: draft-ietf-opsawg-pcap.
 */
import { DecodeError } from "../../errors.ts";
import type { DecodeReason } from "../../errors.ts";
import { MAX_PACKET_BYTES } from "./packet.ts";
import type { OnPacket, Packet, PacketReader } from "./packet.ts";
import { RecordBuffer } from "./record_buffer.ts";

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Of an old patched libpcap, whose records tell of the interface too. */
const MAGIC_MODIFIED = 0xa1b2cd34;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MODIFIED_RECORD_HEADER_BYTES = 24;

/** What a file's magic says. */
interface FileKind {
  readonly isLittleEndian: boolean;
  readonly unitsPerSecond: number;
  readonly recordHeaderBytes: number;
}

/** True if a file that starts with these bytes (at least 4) is a classic capture. */
export function isPcap(bytes: Uint8Array): boolean {
  return fileKindOf(bytes) !== undefined;
}

/** Reads a classic capture, of either byte order and resolution. */
export class PcapReader implements PacketReader {
  readonly #buffer = new RecordBuffer();
  #kind: FileKind | undefined;
  #linkType = 0;
  readonly #packet: Packet = {
    timeSeconds: 0,
    linkType: 0,
    bytes: new Uint8Array(0),
    wireBytes: 0,
  };

  push(bytes: Uint8Array, onPacket: OnPacket): void {
    const buffer = this.#buffer;
    buffer.push(bytes);
    const kind = this.#kind ??= this.#readFileHeader();
    if (kind === undefined) return;
    const { isLittleEndian, unitsPerSecond, recordHeaderBytes } = kind;
    while (buffer.length >= recordHeaderBytes) {
      const { view, start } = buffer;
      const capturedBytes = view.getUint32(start + 8, isLittleEndian);
      if (capturedBytes > MAX_PACKET_BYTES) {
        throw this.#error(
          "limit",
          8,
          `a packet of ${capturedBytes} bytes, at most 262144 are believed`,
        );
      }
      if (buffer.length < recordHeaderBytes + capturedBytes) return;
      const seconds = view.getUint32(start, isLittleEndian);
      const fraction = view.getUint32(start + 4, isLittleEndian);
      const wireBytes = view.getUint32(start + 12, isLittleEndian);
      const packet = this.#packet;
      packet.timeSeconds = seconds + fraction / unitsPerSecond;
      packet.linkType = this.#linkType;
      packet.wireBytes = Math.max(wireBytes, capturedBytes);
      buffer.take(recordHeaderBytes);
      packet.bytes = buffer.take(capturedBytes);
      onPacket(packet);
    }
  }

  end(): void {
    const { length } = this.#buffer;
    if (length === 0 && this.#kind !== undefined) return;
    const where = this.#kind === undefined ? "its header" : "a packet";
    throw this.#error("truncated", 0, `the file ends within ${where}, ${length} bytes are left`);
  }

  #readFileHeader(): FileKind | undefined {
    const { length, bytes, view } = this.#buffer;
    if (length < FILE_HEADER_BYTES) return undefined;
    const kind = fileKindOf(bytes);
    if (kind === undefined) throw this.#error("magic", 0, "the magic is none of pcap's");
    const major = view.getUint16(4, kind.isLittleEndian);
    if (major !== 2) throw this.#error("version", 4, `version is ${major}, expected 2`);
    // The upper bits tell of a frame check sequence, which is behind the packet and does not matter.
    this.#linkType = view.getUint32(20, kind.isLittleEndian) & 0xffff;
    this.#buffer.take(FILE_HEADER_BYTES);
    return kind;
  }

  #error(reason: DecodeReason, at: number, detail: string): DecodeError {
    return new DecodeError({ format: "pcap", reason, offset: this.#buffer.offset + at, detail });
  }
}

function fileKindOf(bytes: Uint8Array): FileKind | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 4);
  for (const isLittleEndian of [true, false]) {
    switch (view.getUint32(0, isLittleEndian)) {
      case MAGIC_MICROSECONDS:
        return { isLittleEndian, unitsPerSecond: 1e6, recordHeaderBytes: RECORD_HEADER_BYTES };
      case MAGIC_NANOSECONDS:
        return { isLittleEndian, unitsPerSecond: 1e9, recordHeaderBytes: RECORD_HEADER_BYTES };
      case MAGIC_MODIFIED:
        return {
          isLittleEndian,
          unitsPerSecond: 1e6,
          recordHeaderBytes: MODIFIED_RECORD_HEADER_BYTES,
        };
    }
  }
  return undefined;
}
