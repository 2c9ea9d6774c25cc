/** One TCP connection of a capture: is it a tunnel's, and what do its two directions say. */
import { TcpStream } from "../codec/capture/tcp_stream.ts";
import type { EarlyBudget, StreamSink } from "../codec/capture/tcp_stream.ts";
import type { TcpSegment } from "../codec/capture/tcp_segment.ts";
import { ClientHelloDecoder } from "../codec/client_hello.ts";
import { DecodeError } from "../errors.ts";
import { ConnectionDecoder } from "./connection_decoder.ts";
import type { DirectionDecoder } from "./connection_decoder.ts";
import type { DecodedRecord, DecodeOptions } from "./record.ts";

/** What a connection tells. */
export interface ConnectionEvents {
  record(record: DecodedRecord): void;
  error(error: DecodeError): void;
  /** Asked once, when its first bytes are there: is it decoded? */
  isWanted(kind: FirstBytes): boolean;
}

/**
 * What a connection's first bytes are: a tunnel's handshake, TLS, something else, or the capture
 * does not have them.
 */
export type FirstBytes = "handshake" | "TLS" | "other" | "missing";

export interface TcpConnectionOptions extends DecodeOptions {
  /** The server's port, where it is known. */
  port?: number;
}

/** Both directions of a connection. */
export class TcpConnection {
  readonly #events: ConnectionEvents;
  readonly #options: TcpConnectionOptions;
  readonly #sides: [Side, Side];
  #isWanted: boolean | undefined;

  /** @param segment the first one of it that was seen. */
  constructor(
    segment: TcpSegment,
    options: TcpConnectionOptions,
    budget: EarlyBudget,
    events: ConnectionEvents,
  ) {
    this.#events = events;
    this.#options = options;
    this.#sides = [
      new Side(this, segment.source, segment.sourcePort, budget),
      new Side(this, segment.destination, segment.destinationPort, budget),
    ];
  }

  /** Undefined before its first bytes. */
  get isWanted(): boolean | undefined {
    return this.#isWanted;
  }

  /** Both directions have ended. */
  get hasEnded(): boolean {
    return this.#sides.every(({ stream }) => stream.hasEnded);
  }

  /** Sequence numbers that its sides began with; -1 where that was not seen. */
  get firsts(): readonly [number, number] {
    return [this.#sides[0].stream.first, this.#sides[1].stream.first];
  }

  /** @param side 0 if the sender is that of the connection's first segment. */
  push(segment: TcpSegment, side: 0 | 1): void {
    const from = this.#sides[side];
    const other = this.#sides[1 - side]!;
    other.stream.acknowledge(segment);
    const hadEnded = from.stream.hasEnded;
    from.stream.push(segment);
    if (!segment.isReset || hadEnded || this.#isWanted !== true) return;
    this.#events.record({
      offset: from.decoder?.offset ?? 0,
      direction: "unknown",
      layer: "capture",
      frame: "reset",
      fields: { from: from.address },
      bytes: 0,
    });
    // A reset ends both directions, whoever sent it.
    other.stream.push(segment);
  }

  /** No more will come: what waits for missing bytes is read without them. */
  end(): void {
    for (const { stream } of this.#sides) stream.flush();
    for (const side of this.#sides) if (!side.stream.hasEnded) side.end(false);
  }

  /** Decides by the first bytes whether the connection is decoded; called by its sides. */
  judge(side: Side, bytes: Uint8Array): boolean {
    if (this.#isWanted !== undefined) return this.#isWanted;
    const kind = kindOf(bytes, side.isFromStart);
    this.#isWanted = this.#events.isWanted(kind);
    if (this.#isWanted) this.#start(side, kind, bytes);
    return this.#isWanted;
  }

  error(error: DecodeError): void {
    this.#events.error(error);
  }

  #start(side: Side, kind: FirstBytes, bytes: Uint8Array): void {
    const other = this.#sides.find((each) => each !== side)!;
    this.#events.record({
      offset: 0,
      direction: "unknown",
      layer: "capture",
      frame: "connection",
      fields: { from: side.address, to: other.address },
      bytes: 0,
    });
    if (kind === "TLS") {
      other.hasFailed = true;
      side.fail(encrypted(bytes));
      return;
    }
    const connection = new ConnectionDecoder(
      (record) => this.#events.record(record),
      this.#options,
    );
    side.decoder = connection.direction();
    other.decoder = connection.direction();
    if (kind !== "missing") return;
    const isServer = side.port === this.#options.port;
    side.decoder.startInside(isServer ? "server-to-agent" : "agent-to-server");
    other.decoder.startInside(isServer ? "agent-to-server" : "server-to-agent");
  }
}

/** One direction of a connection. */
class Side implements StreamSink {
  readonly address: string;
  readonly port: number;
  readonly stream: TcpStream;
  readonly #connection: TcpConnection;
  /** Made when the connection is known to be a tunnel's. */
  decoder: DirectionDecoder | undefined;
  /** Nothing more can be read of it. */
  hasFailed = false;
  #hasGap = false;
  #hasToldGap = false;

  constructor(
    connection: TcpConnection,
    address: string,
    port: number,
    budget: EarlyBudget,
  ) {
    this.#connection = connection;
    this.address = address;
    this.port = port;
    this.stream = new TcpStream(this, budget);
  }

  /** The first bytes that came are the direction's first. */
  get isFromStart(): boolean {
    return this.stream.first !== -1 && !this.#hasGap;
  }

  bytes(bytes: Uint8Array): void {
    if (!this.#connection.judge(this, bytes) || this.hasFailed) return;
    this.#try(() => this.decoder?.push(bytes));
  }

  gap(bytes: number): void {
    this.#hasGap = true;
    if (this.decoder === undefined || this.hasFailed) return;
    const { offset } = this.decoder;
    // A capture that cuts each packet would fill pages: the records tell of every gap.
    if (this.decoder.skip(bytes) || this.#hasToldGap) return;
    this.#hasToldGap = true;
    const detail = `${bytes} bytes are not in the capture`;
    this.#connection.error(
      new DecodeError({ format: "TCP stream", reason: "truncated", offset, detail }),
    );
  }

  end(isReset: boolean): void {
    if (!this.hasFailed) this.#try(() => this.decoder?.end(isReset));
  }

  fail(error: DecodeError): void {
    this.hasFailed = true;
    this.#connection.error(error);
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.fail(error);
    }
  }
}

function kindOf(bytes: Uint8Array, isFromStart: boolean): FirstBytes {
  if (bytes[0] === 0x20 && (bytes.length < 2 || bytes[1] === 0x88)) return "handshake";
  if (!isFromStart) return "missing";
  return bytes[0] === 0x16 && bytes[1] === 3 ? "TLS" : "other";
}

function encrypted(bytes: Uint8Array): DecodeError {
  let name = "";
  try {
    const hello = new ClientHelloDecoder().push(bytes)?.hello;
    if (hello?.serverName !== undefined) name = ` for ${hello.serverName}`;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  const detail = `the connection is TLS${name}: capture where it is not encrypted`;
  return new DecodeError({ format: "MOSN frame", reason: "magic", offset: 0, detail });
}
