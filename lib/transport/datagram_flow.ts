/** The datagrams between two addresses as a byte stream: each behind its length (u16). */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { SharedBuffer } from "../buffer.ts";
import { DATAGRAM_HEAD_BYTES, DatagramDecoder } from "../datagram_framing.ts";
import type { Sink } from "../duplex.ts";
import type { Connection } from "./connection.ts";

/** Datagrams that wait while nobody takes them; the rest is dropped. */
const MAX_QUEUED_BYTES = 64 << 10;
/** Datagrams that are being sent; the rest is dropped. */
const MAX_SENDING = 256;

/** What a flow needs of its socket. */
export interface FlowSocket {
  readonly local: Address;
  readonly remote: Address;
  /** Sends one datagram to `remote`. */
  send(bytes: Uint8Array): Promise<unknown>;
  /** A datagram was dropped, for want of room or because it could not be sent. */
  dropped(): void;
  /** The flow is closed; `error` if that was because something failed. */
  closed(error: Error | undefined): void;
}

/**
 * One client of a listener for datagrams, or one target. It never holds its sender up: what cannot
 * be passed on at once is dropped, as networks do.
 */
export class DatagramFlow implements Connection {
  readonly tls = undefined;
  onClosed: (() => void) | undefined;
  readonly #socket: FlowSocket;
  readonly #decoder = new DatagramDecoder((bytes) => this.#send(bytes));
  #sink: Sink | undefined;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #queuedBytes = 0;
  #sending = 0;
  #isPaused = false;
  #isClosed = false;

  constructor(socket: FlowSocket) {
    this.#socket = socket;
  }

  get name(): string {
    return formatAddress(this.remote);
  }

  get local(): Address {
    return this.#socket.local;
  }

  get remote(): Address {
    return this.#socket.remote;
  }

  /** What was accepted is on its way or dropped: nothing of it waits here. */
  get queuedBytes(): number {
    return 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  setMinReadBytes(): void {}

  /** Takes a datagram that came. */
  receive(datagram: Uint8Array): void {
    if (this.#isClosed) return;
    const isHeld = this.#isPaused || this.#sink === undefined;
    const size = DATAGRAM_HEAD_BYTES + datagram.length;
    if (isHeld && this.#queuedBytes + size > MAX_QUEUED_BYTES) {
      this.#socket.dropped();
      return;
    }
    const bytes = new Uint8Array(size);
    bytes[0] = datagram.length >> 8;
    bytes[1] = datagram.length;
    bytes.set(datagram, DATAGRAM_HEAD_BYTES);
    if (!isHeld) {
      this.#sink!.onData(bytes, new SharedBuffer(bytes));
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += size;
  }

  attach(sink: Sink): void {
    this.#sink = sink;
    queueMicrotask(() => this.#deliver());
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#isClosed) this.#decoder.push(bytes);
    return !this.#isClosed;
  }

  /** Nothing more will be sent: with datagrams there is no half of an end. */
  end(): void {
    this.close();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  close(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue = [];
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onClose(error);
    this.onClosed?.();
    this.#socket.closed(error);
  }

  #deliver(): void {
    while (this.#queue.length > 0 && !this.#isPaused && this.#sink !== undefined) {
      const bytes = this.#queue.shift()!;
      this.#queuedBytes -= bytes.length;
      this.#sink.onData(bytes, new SharedBuffer(bytes));
    }
  }

  #send(datagram: Uint8Array): void {
    if (this.#sending >= MAX_SENDING) {
      this.#socket.dropped();
      return;
    }
    this.#sending += 1;
    // It is valid during this call only.
    this.#socket.send(datagram.slice()).then(this.#onSent, this.#onSendFailed);
  }

  readonly #onSent = (): void => {
    this.#sending -= 1;
  };

  readonly #onSendFailed = (): void => {
    this.#sending -= 1;
    if (!this.#isClosed) this.#socket.dropped();
  };
}
