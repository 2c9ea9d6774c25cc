/**
 * The newer capture file, Wireshark's.
 *
 * Source: draft-ietf-opsawg-pcapng.
 */
import { DecodeError } from "../../errors.ts";
import type { DecodeReason } from "../../errors.ts";
import { MAX_PACKET_BYTES } from "./packet.ts";
import type { OnPacket, Packet, PacketReader } from "./packet.ts";
import { RecordBuffer } from "./record_buffer.ts";

/** Blocks that are read; all others (names, statistics, secrets, …) are stepped over. */
const BLOCK = { section: 0x0a0d0d0a, interface: 1, packet: 2, simple: 3, enhanced: 6 } as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION = { end: 0, timeResolution: 9, timeOffset: 14 } as const;
/** Largest block that is held; longer ones without packets are skipped piece by piece. */
const MAX_BLOCK_BYTES = MAX_PACKET_BYTES + 64 * 1024;

interface Interface {
  linkType: number;
  snapBytes: number;
  unitsPerSecond: number;
  offsetSeconds: number;
}

/** True if a file that starts with these bytes (at least 12) is a pcapng capture. */
export function isPcapng(bytes: Uint8Array): boolean {
  if (bytes.length < 12) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 12);
  return view.getUint32(0) === BLOCK.section &&
    [true, false].some((order) => view.getUint32(8, order) === BYTE_ORDER_MAGIC);
}

/** Reads a pcapng capture: sections of either byte order, any number of interfaces. */
export class PcapngReader implements PacketReader {
  readonly #buffer = new RecordBuffer();
  readonly #packet: Packet = {
    timeSeconds: 0,
    linkType: 0,
    bytes: new Uint8Array(0),
    wireBytes: 0,
  };
  #isLittleEndian = true;
  #hasSection = false;
  #interfaces: Interface[] = [];
  #skipBytes = 0;

  push(bytes: Uint8Array, onPacket: OnPacket): void {
    const buffer = this.#buffer;
    buffer.push(bytes);
    for (;;) {
      if (this.#skipBytes > 0) {
        this.#skipBytes -= buffer.take(Math.min(this.#skipBytes, buffer.length)).length;
        if (this.#skipBytes > 0) return;
      }
      if (buffer.length < 12) return;
      const type = this.#blockType();
      const size = this.#blockSize(type);
      if (size > MAX_BLOCK_BYTES) {
        this.#skipBytes = size;
        continue;
      }
      if (buffer.length < size) return;
      const endSize = buffer.view.getUint32(buffer.start + size - 4, this.#isLittleEndian);
      if (endSize !== size) {
        throw this.#error("length", size - 4, `block length is ${size}, at its end ${endSize}`);
      }
      const hasPacket = this.#readBlock(type, size);
      buffer.take(size);
      if (hasPacket) onPacket(this.#packet);
    }
  }

  end(): void {
    const { length } = this.#buffer;
    if (length === 0 && this.#skipBytes === 0 && this.#hasSection) return;
    throw this.#error("truncated", 0, `the file ends within a block, ${length} bytes are left`);
  }

  #blockType(): number {
    const { view, start } = this.#buffer;
    // A section's type reads the same in both byte orders; what follows says which it is.
    if (view.getUint32(start) !== BLOCK.section) {
      if (!this.#hasSection) throw this.#error("magic", 0, "no section header block at the start");
      return view.getUint32(start, this.#isLittleEndian);
    }
    const order = [true, false].find((isLittle) =>
      view.getUint32(start + 8, isLittle) === BYTE_ORDER_MAGIC
    );
    if (order === undefined) throw this.#error("magic", 8, "the byte-order magic is wrong");
    this.#isLittleEndian = order;
    return BLOCK.section;
  }

  #blockSize(type: number): number {
    const size = this.#buffer.view.getUint32(this.#buffer.start + 4, this.#isLittleEndian);
    if (size < 12 || size % 4 !== 0) {
      throw this.#error("length", 4, `block length is ${size}, expected a multiple of 4 from 12`);
    }
    const isPacket = type === BLOCK.enhanced || type === BLOCK.simple || type === BLOCK.packet;
    if (size > MAX_BLOCK_BYTES && isPacket) {
      const detail = `a packet block of ${size} bytes, at most ${MAX_BLOCK_BYTES} are believed`;
      throw this.#error("limit", 4, detail);
    }
    return size;
  }

  /** True if the block has a packet: then `#packet` is it. */
  #readBlock(type: number, size: number): boolean {
    switch (type) {
      case BLOCK.section:
        this.#hasSection = true;
        this.#interfaces = [];
        return false;
      case BLOCK.interface:
        this.#interfaces.push(this.#readInterface(size));
        return false;
      case BLOCK.enhanced:
        this.#readPacket(this.#u32(8, size), size);
        return true;
      case BLOCK.packet:
        // The block before the enhanced one: its interface has 16 bits, drops stand in the others.
        this.#readPacket(this.#u16(8, size), size);
        return true;
      case BLOCK.simple:
        this.#readSimplePacket(size);
        return true;
      default:
        return false;
    }
  }

  #readPacket(index: number, size: number): void {
    const { linkType, unitsPerSecond, offsetSeconds } = this.#interface(index);
    const packet = this.#packet;
    const time = this.#u32(12, size) * 2 ** 32 + this.#u32(16, size);
    packet.timeSeconds = offsetSeconds + time / unitsPerSecond;
    packet.linkType = linkType;
    packet.bytes = this.#packetBytes(28, this.#u32(20, size), size);
    packet.wireBytes = Math.max(this.#u32(24, size), packet.bytes.length);
  }

  #readSimplePacket(size: number): void {
    const { linkType, snapBytes } = this.#interface(0);
    const packet = this.#packet;
    packet.timeSeconds = 0;
    packet.linkType = linkType;
    packet.wireBytes = this.#u32(8, size);
    const cut = snapBytes === 0 ? packet.wireBytes : Math.min(packet.wireBytes, snapBytes);
    packet.bytes = this.#packetBytes(12, Math.min(cut, size - 16), size);
  }

  #readInterface(size: number): Interface {
    const { view, bytes, start } = this.#buffer;
    const found = {
      linkType: this.#u16(8, size),
      snapBytes: this.#u32(12, size),
      unitsPerSecond: 1e6,
      offsetSeconds: 0,
    };
    const end = start + size - 4;
    for (let at = start + 16; at + 4 <= end;) {
      const code = view.getUint16(at, this.#isLittleEndian);
      const length = view.getUint16(at + 2, this.#isLittleEndian);
      const valueAt = at + 4;
      if (code === OPTION.end || valueAt + length > end) break;
      if (code === OPTION.timeResolution && length >= 1) {
        const value = bytes[valueAt]!;
        found.unitsPerSecond = value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value;
      } else if (code === OPTION.timeOffset && length >= 8) {
        found.offsetSeconds = Number(view.getBigInt64(valueAt, this.#isLittleEndian));
      }
      at = valueAt + length + (-length & 3);
    }
    return found;
  }

  #interface(index: number): Interface {
    const found = this.#interfaces[index];
    if (found !== undefined) return found;
    throw this.#error("payload", 8, `packet of interface ${index}, which is not described`);
  }

  #packetBytes(at: number, count: number, size: number): Uint8Array {
    if (at + count > size - 4) {
      throw this.#error("length", 20, `packet of ${count} bytes does not fit its block`);
    }
    const { bytes, start } = this.#buffer;
    return bytes.subarray(start + at, start + at + count);
  }

  #u16(at: number, size: number): number {
    this.#expect(at + 2, size);
    return this.#buffer.view.getUint16(this.#buffer.start + at, this.#isLittleEndian);
  }

  #u32(at: number, size: number): number {
    this.#expect(at + 4, size);
    return this.#buffer.view.getUint32(this.#buffer.start + at, this.#isLittleEndian);
  }

  #expect(end: number, size: number): void {
    if (end > size - 4) throw this.#error("length", 4, `a block of ${size} bytes is too short`);
  }

  #error(reason: DecodeReason, at: number, detail: string): DecodeError {
    return new DecodeError({ format: "pcapng", reason, offset: this.#buffer.offset + at, detail });
  }
}
