/** From a packet to its TCP segment: link layer, IP and TCP headers (RFC 791, 8200, 9293). */
import { ipFromBytes } from "../ip_bytes.ts";
import type { Packet } from "./packet.ts";

/** LINKTYPE_ values that are understood. */
const LINK = {
  bsdLoopback: 0,
  ethernet: 1,
  rawIp: new Set([12, 14, 101, 228, 229]),
  openBsdLoopback: 108,
  linuxCooked: 113,
  linuxCooked2: 276,
} as const;

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const VLAN_TAGS = new Set([0x8100, 0x88a8, 0x9100]);
const TCP = 6;
/** IPv6 extension headers: hop-by-hop, routing, destination options. */
const EXTENSIONS = new Set([0, 43, 60]);
const FIN = 1, SYN = 2, RST = 4, ACK = 16;
/** Ethernet fills short packets up to 46 bytes; the shortest with TCP has 40. */
const MAX_PADDING = 6;
const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** True for link types whose packets are understood. */
export function isKnownLinkType(linkType: number): boolean {
  return LINK.rawIp.has(linkType) || linkType === LINK.ethernet ||
    linkType === LINK.bsdLoopback || linkType === LINK.openBsdLoopback ||
    linkType === LINK.linuxCooked || linkType === LINK.linuxCooked2;
}

/**
 * Finds the link type of a packet of which nobody says it: that whose IP header fits the packet.
 * Undefined if none does.
 */
export function guessLinkType(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [101, LINK.ethernet, LINK.linuxCooked, LINK.linuxCooked2, LINK.bsdLoopback]
    .find((linkType) => isIpHeader(view, ipOffset(linkType, view)));
}

/** One TCP segment. Meant to be reused: each `read()` overwrites the one before. */
export class TcpSegment {
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgement = 0;
  isSyn = false;
  isAck = false;
  isFin = false;
  isReset = false;
  /** What was captured of it; lies in the packet. */
  payload: Uint8Array = NO_BYTES;
  /** Bytes of it that the snap length cut off. */
  missingBytes = 0;
  /** Seconds since 1970; 0 where the file does not say. */
  timeSeconds = 0;
  #view: DataView = NO_VIEW;
  #bytes: Uint8Array = NO_BYTES;
  #addressAt = 0;
  #addressBytes = 4;

  /** Names the direction of the connection that it belongs to. */
  get flow(): string {
    const view = this.#view;
    const end = this.#addressAt + 2 * this.#addressBytes;
    let text = "";
    for (let at = this.#addressAt; at < end; at += 2) {
      text += String.fromCharCode(view.getUint16(at));
    }
    return text + String.fromCharCode(this.sourcePort, this.destinationPort);
  }

  /** Names the other direction. */
  get reverseFlow(): string {
    const half = this.#addressBytes / 2;
    const { flow } = this;
    return flow.slice(half, 2 * half) + flow.slice(0, half) +
      String.fromCharCode(this.destinationPort, this.sourcePort);
  }

  /** "10.0.0.1:5000" or "[fd00::1]:5000". */
  get source(): string {
    return this.#address(this.#addressAt, this.sourcePort);
  }

  get destination(): string {
    return this.#address(this.#addressAt + this.#addressBytes, this.destinationPort);
  }

  /** Reads a packet; false if it holds no TCP segment that is whole up to its payload. */
  read(packet: Packet): boolean {
    const { bytes } = packet;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const at = ipOffset(packet.linkType, view);
    if (at === -1 || at >= bytes.length) return false;
    this.#view = view;
    this.#bytes = bytes;
    this.timeSeconds = packet.timeSeconds;
    const wireBytes = Math.max(packet.wireBytes, bytes.length);
    const version = bytes[at]! >> 4;
    if (version === 4) return this.#readIpv4(at, wireBytes);
    return version === 6 && this.#readIpv6(at, wireBytes);
  }

  #readIpv4(at: number, wireBytes: number): boolean {
    const bytes = this.#bytes;
    if (at + 20 > bytes.length) return false;
    const headerBytes = (bytes[at]! & 0x0f) * 4;
    const isFragment = (this.#view.getUint16(at + 6) & 0x3fff) !== 0;
    if (headerBytes < 20 || bytes[at + 9] !== TCP || isFragment) return false;
    this.#addressAt = at + 12;
    this.#addressBytes = 4;
    // Offload engines hand up packets whose length field is 0: then the packet says how long it is.
    const end = at + this.#view.getUint16(at + 2);
    return this.#readTcp(at + headerBytes, end === at ? wireBytes : end);
  }

  #readIpv6(at: number, wireBytes: number): boolean {
    const bytes = this.#bytes;
    if (at + 40 > bytes.length) return false;
    const payloadBytes = this.#view.getUint16(at + 4);
    let next = bytes[at + 6]!;
    let tcpAt = at + 40;
    for (let headers = 0; EXTENSIONS.has(next) && headers < 8; headers++) {
      if (tcpAt + 8 > bytes.length) return false;
      next = bytes[tcpAt]!;
      tcpAt += (bytes[tcpAt + 1]! + 1) * 8;
    }
    if (next !== TCP) return false;
    this.#addressAt = at + 8;
    this.#addressBytes = 16;
    return this.#readTcp(tcpAt, payloadBytes === 0 ? wireBytes : at + 40 + payloadBytes);
  }

  #readTcp(at: number, end: number): boolean {
    const bytes = this.#bytes;
    if (at + 20 > bytes.length) return false;
    const headerBytes = (bytes[at + 12]! >> 4) * 4;
    const payloadAt = at + headerBytes;
    if (headerBytes < 20 || payloadAt > end) return false;
    const view = this.#view;
    const flags = bytes[at + 13]!;
    this.sourcePort = view.getUint16(at);
    this.destinationPort = view.getUint16(at + 2);
    this.sequence = view.getUint32(at + 4);
    this.acknowledgement = view.getUint32(at + 8);
    this.isSyn = (flags & SYN) !== 0;
    this.isAck = (flags & ACK) !== 0;
    this.isFin = (flags & FIN) !== 0;
    this.isReset = (flags & RST) !== 0;
    // Ethernet pads short packets: only what IP counts is payload.
    this.payload = bytes.subarray(Math.min(payloadAt, bytes.length), Math.min(end, bytes.length));
    this.missingBytes = end - payloadAt - this.payload.length;
    return true;
  }

  #address(at: number, port: number): string {
    const host = ipFromBytes(this.#bytes.subarray(at, at + this.#addressBytes));
    return this.#addressBytes === 4 ? `${host}:${port}` : `[${host}]:${port}`;
  }
}

/** Where the IP header starts; -1 for packets that have none. */
function ipOffset(linkType: number, view: DataView): number {
  switch (linkType) {
    case LINK.bsdLoopback:
    case LINK.openBsdLoopback:
      return 4;
    case LINK.ethernet:
      return behindEtherType(view, 12);
    case LINK.linuxCooked:
      return behindEtherType(view, 14);
    case LINK.linuxCooked2:
      return view.byteLength >= 20 && isIp(view.getUint16(0)) ? 20 : -1;
    default:
      return LINK.rawIp.has(linkType) ? 0 : -1;
  }
}

function behindEtherType(view: DataView, typeAt: number): number {
  let at = typeAt;
  for (let tags = 0; tags < 3 && at + 2 <= view.byteLength; tags++) {
    const type = view.getUint16(at);
    if (isIp(type)) return at + 2;
    if (!VLAN_TAGS.has(type)) return -1;
    at += 4;
  }
  return -1;
}

function isIp(etherType: number): boolean {
  return etherType === IPV4 || etherType === IPV6;
}

/** True if an IP header stands at `at` whose length is that of the packet, or would be uncut. */
function isIpHeader(view: DataView, at: number): boolean {
  const left = view.byteLength - at;
  if (at === -1 || left < 40) return false;
  const version = view.getUint8(at) >> 4;
  if (version === 6) return view.getUint16(at + 4) + 40 >= left;
  const isHeader = version === 4 && (view.getUint8(at) & 0x0f) >= 5;
  return isHeader && view.getUint16(at + 2) + MAX_PADDING >= left;
}
