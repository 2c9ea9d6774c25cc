/** Makes packets and capture files, for tests that need odd ones. */

/** A TCP segment to be put into packets. */
export interface SegmentInit {
  from: [host: string, port: number];
  to: [host: string, port: number];
  sequence: number;
  acknowledgement?: number;
  flags?: number;
  payload?: Uint8Array;
}

export const SYN = 2, ACK = 16, FIN = 1, RST = 4;

/** An IPv4 or IPv6 packet with a TCP segment (checksums left 0, as offload leaves them). */
export function ipPacket(init: SegmentInit, options: { tcpOptions?: number } = {}): Uint8Array {
  const { from, to, sequence, flags = ACK, payload = new Uint8Array(0) } = init;
  const optionBytes = options.tcpOptions ?? 12;
  const tcp = new Uint8Array(20 + optionBytes + payload.length);
  const view = new DataView(tcp.buffer);
  view.setUint16(0, from[1]);
  view.setUint16(2, to[1]);
  view.setUint32(4, sequence);
  view.setUint32(8, init.acknowledgement ?? 0);
  tcp[12] = (20 + optionBytes) / 4 << 4;
  tcp[13] = flags;
  tcp.fill(1, 20, 20 + optionBytes);
  tcp.set(payload, 20 + optionBytes);
  return from[0].includes(":") ? ipv6(from[0], to[0], tcp) : ipv4(from[0], to[0], tcp);
}

function ipv4(from: string, to: string, tcp: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + tcp.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  view.setUint16(2, packet.length);
  packet[8] = 64;
  packet[9] = 6;
  packet.set(from.split(".").map(Number), 12);
  packet.set(to.split(".").map(Number), 16);
  packet.set(tcp, 20);
  return packet;
}

function ipv6(from: string, to: string, tcp: Uint8Array): Uint8Array {
  const packet = new Uint8Array(40 + tcp.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, tcp.length);
  packet[6] = 6;
  // Only "::N" is needed here.
  packet[23] = Number(from.slice(2));
  packet[39] = Number(to.slice(2));
  packet.set(tcp, 40);
  return packet;
}

/** Link layers around an IP packet, by LINKTYPE_ value. */
export const LINKS: Record<string, [number, (ip: Uint8Array) => Uint8Array]> = {
  "raw IP": [101, (ip) => ip],
  "Ethernet": [1, (ip) => join(new Uint8Array(12), etherType(ip), ip, new Uint8Array(3))],
  "Ethernet with a VLAN tag": [
    1,
    (ip) => join(new Uint8Array(12), Uint8Array.of(0x81, 0, 0, 7), etherType(ip), ip),
  ],
  "Linux cooked": [113, (ip) => join(new Uint8Array(14), etherType(ip), ip)],
  "Linux cooked v2": [276, (ip) => join(etherType(ip), new Uint8Array(18), ip)],
  "loopback": [0, (ip) => join(Uint8Array.of(2, 0, 0, 0), ip)],
  "OpenBSD loopback": [108, (ip) => join(Uint8Array.of(0, 0, 0, 2), ip)],
};

function etherType(ip: Uint8Array): Uint8Array {
  return ip[0]! >> 4 === 6 ? Uint8Array.of(0x86, 0xdd) : Uint8Array.of(8, 0);
}

/** How a classic capture is written. */
export interface PcapInit {
  linkType?: number;
  isLittleEndian?: boolean;
  isNanoseconds?: boolean;
  snapBytes?: number;
}

/** A classic capture file. */
export function pcapFile(packets: Uint8Array[], init: PcapInit = {}): Uint8Array {
  const { linkType = 101, isLittleEndian = true, isNanoseconds = false } = init;
  const snapBytes = init.snapBytes ?? 262_144;
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, isNanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, isLittleEndian);
  header.setUint16(4, 2, isLittleEndian);
  header.setUint16(6, 4, isLittleEndian);
  header.setUint32(16, snapBytes, isLittleEndian);
  header.setUint32(20, linkType, isLittleEndian);
  const parts: Uint8Array[] = [new Uint8Array(header.buffer)];
  packets.forEach((packet, index) => {
    const cut = packet.subarray(0, snapBytes);
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, 1_700_000_000, isLittleEndian);
    record.setUint32(4, index, isLittleEndian);
    record.setUint32(8, cut.length, isLittleEndian);
    record.setUint32(12, packet.length, isLittleEndian);
    parts.push(new Uint8Array(record.buffer), cut);
  });
  return join(...parts);
}

/** A pcapng file: one section, one interface. */
export function pcapngFile(
  packets: Uint8Array[],
  init: { linkType?: number; isLittleEndian?: boolean } = {},
): Uint8Array {
  const { linkType = 101, isLittleEndian = true } = init;
  const words = (...values: number[]) => {
    const view = new DataView(new ArrayBuffer(values.length * 4));
    values.forEach((value, at) => view.setUint32(at * 4, value, isLittleEndian));
    return new Uint8Array(view.buffer);
  };
  const block = (type: number, body: Uint8Array) => {
    const padded = join(body, new Uint8Array(-body.length & 3));
    return join(words(type, padded.length + 12), padded, words(padded.length + 12));
  };
  const version = new DataView(new ArrayBuffer(4));
  version.setUint16(0, 1, isLittleEndian);
  const section = join(
    words(0x1a2b3c4d),
    new Uint8Array(version.buffer),
    words(0xffffffff, 0xffffffff),
  );
  const link = new DataView(new ArrayBuffer(4));
  link.setUint16(0, linkType, isLittleEndian);
  return join(
    block(0x0a0d0d0a, section),
    block(1, join(new Uint8Array(link.buffer), words(0))),
    // A block that nobody knows is passed over.
    block(0x0bad, words(1, 2, 3)),
    ...packets.map((packet, index) =>
      block(6, join(words(0, 0, index, packet.length, packet.length), packet))
    ),
  );
}

export function join(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
