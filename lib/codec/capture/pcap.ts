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
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** True if a file that starts with these bytes (at least 4) is a classic capture. */
export function isPcap(bytes: Uint8Array): boolean {
  return byteOrderOf(bytes) !== undefined;
}

/** Reads a classic capture, of either byte order and resolution. */
export class PcapReader implements PacketReader {
  readonly #buffer = new RecordBuffer();
  #isLittleEndian = false;
  #unitsPerSecond = 1e6;
  #linkType = -1;
  readonly #packet: Packet = {
    timeSeconds: 0,
    linkType: 0,
    bytes: new Uint8Array(0),
    wireBytes: 0,
  };

  push(bytes: Uint8Array, onPacket: OnPacket): void {
    const buffer = this.#buffer;
    buffer.push(bytes);
    if (this.#linkType === -1 && !this.#readFileHeader()) return;
    while (buffer.length >= RECORD_HEADER_BYTES) {
      const { view, start } = buffer;
      const capturedBytes = view.getUint32(start + 8, this.#isLittleEndian);
      if (capturedBytes > MAX_PACKET_BYTES) {
        throw this.#error(
          "limit",
          8,
          `a packet of ${capturedBytes} bytes, at most 262144 are believed`,
        );
      }
      if (buffer.length < RECORD_HEADER_BYTES + capturedBytes) return;
      const seconds = view.getUint32(start, this.#isLittleEndian);
      const fraction = view.getUint32(start + 4, this.#isLittleEndian);
      const wireBytes = view.getUint32(start + 12, this.#isLittleEndian);
      const packet = this.#packet;
      packet.timeSeconds = seconds + fraction / this.#unitsPerSecond;
      packet.linkType = this.#linkType;
      packet.wireBytes = Math.max(wireBytes, capturedBytes);
      buffer.take(RECORD_HEADER_BYTES);
      packet.bytes = buffer.take(capturedBytes);
      onPacket(packet);
    }
  }

  end(): void {
    const { length } = this.#buffer;
    if (length === 0 && this.#linkType !== -1) return;
    const where = this.#linkType === -1 ? "its header" : "a packet";
    throw this.#error("truncated", 0, `the file ends within ${where}, ${length} bytes are left`);
  }

  #readFileHeader(): boolean {
    const buffer = this.#buffer;
    if (buffer.length < FILE_HEADER_BYTES) return false;
    const order = byteOrderOf(buffer.bytes);
    if (order === undefined) throw this.#error("magic", 0, "the magic is none of pcap's");
    this.#isLittleEndian = order.isLittleEndian;
    this.#unitsPerSecond = order.unitsPerSecond;
    const major = buffer.view.getUint16(4, this.#isLittleEndian);
    if (major !== 2) throw this.#error("version", 4, `version is ${major}, expected 2`);
    // The upper bits tell of a frame check sequence, which is behind the packet and does not matter.
    this.#linkType = buffer.view.getUint32(20, this.#isLittleEndian) & 0xffff;
    buffer.take(FILE_HEADER_BYTES);
    return true;
  }

  #error(reason: DecodeReason, at: number, detail: string): DecodeError {
    return new DecodeError({ format: "pcap", reason, offset: this.#buffer.offset + at, detail });
  }
}

function byteOrderOf(
  bytes: Uint8Array,
): { isLittleEndian: boolean; unitsPerSecond: number } | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 4);
  for (const isLittleEndian of [true, false]) {
    const magic = view.getUint32(0, isLittleEndian);
    if (magic === MAGIC_MICROSECONDS) return { isLittleEndian, unitsPerSecond: 1e6 };
    if (magic === MAGIC_NANOSECONDS) return { isLittleEndian, unitsPerSecond: 1e9 };
  }
  return undefined;
}
