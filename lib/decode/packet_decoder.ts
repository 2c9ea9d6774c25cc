/** From packets to tunnel connections: both directions of each in order, then decoded. */
import type { Packet } from "../codec/capture/packet.ts";
import { EarlyBudget } from "../codec/capture/tcp_stream.ts";
import { isKnownLinkType, TcpSegment } from "../codec/capture/tcp_segment.ts";
import { DecodeError } from "../errors.ts";
import { AgingSet } from "./aging_set.ts";
import type { CaptureEvents, CaptureOptions } from "./capture_input.ts";
import type { DecodedRecord } from "./record.ts";
import { TcpConnection } from "./tcp_connection.ts";
import type { FirstBytes } from "./tcp_connection.ts";

/** Tunnel connections that are followed at once. */
const MAX_TUNNELS = 4096;
/** Connections of other kinds, and such that have not said anything yet. */
const MAX_OTHERS = 8192;

/** A connection in the table, under both its directions. */
interface Entry {
  /** Undefined for those that are over, or no tunnel's: then only an opening counts. */
  connection: TcpConnection | undefined;
  /** What `connection.firsts` was at its end. */
  firsts: readonly [number, number];
  readonly flow: string;
  readonly reverseFlow: string;
  /** 0 until it proves to be a tunnel connection. */
  number: number;
}

/** Decodes the TCP connections of a capture. */
export class PacketDecoder {
  readonly #options: CaptureOptions;
  readonly #events: CaptureEvents;
  readonly #segment = new TcpSegment();
  readonly #budget = new EarlyBudget();
  /** By both flows of each. */
  readonly #entries = new Map<string, Entry>();
  /** Those that count, and those that do not; each in order of their beginnings. */
  readonly #tunnels = new AgingSet<Entry>();
  readonly #others = new AgingSet<Entry>();
  readonly #unknownLinks = new Set<number>();
  #lastNumber = 0;
  #packets = 0;
  #segments = 0;
  /** Connections that are not decoded, by what they begin with. */
  readonly #leftOut: Record<FirstBytes, number> = { handshake: 0, TLS: 0, other: 0, missing: 0 };

  constructor(options: CaptureOptions, events: CaptureEvents) {
    this.#options = options;
    this.#events = events;
  }

  push(packet: Packet): void {
    this.#packets += 1;
    if (!isKnownLinkType(packet.linkType)) return this.#unknownLink(packet.linkType);
    const segment = this.#segment;
    if (!segment.read(packet)) return;
    const { port } = this.#options;
    if (port !== undefined && segment.sourcePort !== port && segment.destinationPort !== port) {
      return;
    }
    this.#segments += 1;
    const { flow } = segment;
    let entry = this.#entries.get(flow);
    const side = entry === undefined || entry.flow === flow ? 0 : 1;
    if (entry !== undefined && isReopened(entry, segment, side)) {
      this.#end(entry);
      entry = undefined;
    }
    if (entry === undefined) this.#open(flow);
    else this.#give(entry, side);
  }

  end(): void {
    for (const entry of [...this.#tunnels, ...this.#others]) this.#end(entry);
    if (this.#lastNumber > 0) return;
    const detail = this.#describeNothing();
    this.#events.error(
      new DecodeError({ format: "capture", reason: "payload", offset: 0, detail }),
      undefined,
    );
  }

  #open(flow: string): void {
    const segment = this.#segment;
    // What comes behind the end of a connection, or from one that is over, begins nothing.
    if (segment.isReset || (segment.isFin && segment.payload.length === 0)) return;
    const connection = new TcpConnection(segment, this.#options, this.#budget, {
      record: (record) => this.#record(entry, record),
      error: (error) => this.#events.error(error, entry.number),
      isWanted: (kind) => this.#isWanted(entry, kind),
    });
    const entry: Entry = {
      connection,
      flow,
      reverseFlow: segment.reverseFlow,
      number: 0,
      firsts: [-1, -1],
    };
    this.#entries.set(flow, entry);
    this.#entries.set(entry.reverseFlow, entry);
    this.#others.add(entry);
    this.#bound(this.#others, MAX_OTHERS);
    this.#give(entry, 0);
  }

  #give(entry: Entry, side: 0 | 1): void {
    const { connection } = entry;
    if (connection === undefined) return;
    connection.push(this.#segment, side);
    if (connection.isWanted !== false && !connection.hasEnded) return;
    // Its memory is given back; its name stays, for what still comes of it.
    entry.firsts = connection.firsts;
    entry.connection = undefined;
    this.#tunnels.delete(entry);
    this.#others.add(entry);
    this.#bound(this.#others, MAX_OTHERS);
  }

  #isWanted(entry: Entry, kind: FirstBytes): boolean {
    const isWanted = kind === "handshake" || this.#options.port !== undefined;
    if (!isWanted) {
      this.#leftOut[kind] += 1;
      return false;
    }
    entry.number = ++this.#lastNumber;
    this.#others.delete(entry);
    this.#tunnels.add(entry);
    this.#bound(this.#tunnels, MAX_TUNNELS);
    return true;
  }

  /** Gives up the one that began first. */
  #bound(entries: AgingSet<Entry>, max: number): void {
    if (entries.size > max) this.#end(entries.oldest!);
  }

  #end(entry: Entry): void {
    this.#entries.delete(entry.flow);
    this.#entries.delete(entry.reverseFlow);
    this.#tunnels.delete(entry);
    this.#others.delete(entry);
    entry.connection?.end();
  }

  #record(entry: Entry, record: DecodedRecord): void {
    const { timeSeconds } = this.#segment;
    this.#events.record(
      timeSeconds > 0
        ? { ...record, connection: entry.number, timeSeconds }
        : { ...record, connection: entry.number },
    );
  }

  #describeNothing(): string {
    const { port } = this.#options;
    const { TLS, other, missing } = this.#leftOut;
    const total = TLS + other + missing;
    if (total === 0) {
      const which = port === undefined ? "" : ` with port ${port}`;
      return `no TCP bytes${which} in its ${this.#packets} packets (${this.#segments} segments)`;
    }
    const encrypted = TLS === 0 ? "" : `, ${TLS} are TLS`;
    const headless = missing === 0 ? "" : `, ${missing} began before the capture`;
    return `none of its ${total} TCP connections starts with a tunnel's handshake${encrypted}` +
      `${headless}; --port N decodes those with the server's port N all the same`;
  }

  #unknownLink(linkType: number): void {
    if (this.#unknownLinks.has(linkType) || this.#unknownLinks.size > 16) return;
    this.#unknownLinks.add(linkType);
    const detail = `link type ${linkType} is not understood, its packets are left out; expected ` +
      "Ethernet, Linux cooked, loopback or raw IP";
    this.#events.error(
      new DecodeError({ format: "capture", reason: "type", offset: 0, detail }),
      undefined,
    );
  }
}

/**
 * True for an opening on the ports of a connection that is another one: not for the same once more,
 * which captures of several interfaces have.
 */
function isReopened({ connection, firsts }: Entry, segment: TcpSegment, side: 0 | 1): boolean {
  if (!segment.isSyn || segment.isAck) return false;
  return (connection?.firsts ?? firsts)[side] !== (segment.sequence + 1) >>> 0;
}
