/** What a capture file gives: packets as they went by. */

/** One packet. */
export interface Packet {
  /** Seconds since 1970; 0 where the file does not say. */
  timeSeconds: number;
  /** LINKTYPE_ value of the interface (tcpdump.org/linktypes.html). */
  linkType: number;
  /** What was captured of it. */
  bytes: Uint8Array;
  /** What it was on the wire: more than `bytes` where the snap length cut it. */
  wireBytes: number;
}

/** Longest packet that is believed: tcpdump's own limit, MAXIMUM_SNAPLEN. */
export const MAX_PACKET_BYTES = 262_144;

/** Receives packets; one and its bytes are valid during the call only. */
export type OnPacket = (packet: Packet) => void;

/** Reads a capture from bytes that come in pieces. */
export interface PacketReader {
  /**
   * Takes the next bytes and hands on the packets that are complete, in order. What is not used up
   * is looked at again in the next call: a caller may reuse the piece before the one it pushes.
   *
   * @throws {DecodeError} the file is damaged; nothing can be read behind that place.
   */
  push(bytes: Uint8Array, onPacket: OnPacket): void;
  /** @throws {DecodeError} the file ended within a packet. */
  end(): void;
}
