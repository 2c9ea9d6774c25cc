/** A socket as a {@link Duplex}: few system calls, no copy of what is large, half-close kept. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { isWasteful } from "../buffer.ts";
import type { BufferPool, SharedBuffer } from "../buffer.ts";
import type { Sink } from "../duplex.ts";
import type { Connection, TlsFacts } from "./connection.ts";
import { translateSocketError } from "./socket_error.ts";

/** Queued bytes from which `write()` asks for a pause. Two full reads may be under way. */
const HIGH_WATER_BYTES = 256 << 10;
/** Writes of up to this many bytes that must wait are gathered into one. */
const COALESCE_MAX_BYTES = 4 << 10;
/** Size of the buffer that they are gathered in, and of the one for larger pieces. */
const COALESCE_BUFFER_BYTES = 16 << 10;
const GATHER_BUFFER_BYTES = 64 << 10;
/** What an idle connection holds for its pending read: room for most requests' heads. */
const MIN_READ_BYTES = 1 << 10;
const MAX_READ_BYTES = 256 << 10;
/** Reads in a row that leave most of a buffer empty until it shrinks: large ones go soon. */
const SMALL_READS_UNTIL_SHRUNK = { large: 2, small: 8 } as const;
const LARGE_BYTES = 16 << 10;

interface QueuedWrite {
  bytes: Uint8Array;
  /** Holds `bytes`; undefined where they are a copy of our own outside the pool. */
  buffer: SharedBuffer | undefined;
  /** Where the next small write may be appended, or -1 if this one is not ours to extend. */
  appendAt: number;
}

/** How a socket reads. */
export interface SocketOptions {
  /**
   * Smallest read buffer in bytes: 1, 4, 16, 64 or 256 KiB; 1 KiB by default. Buffers grow to
   * 256 KiB while reads fill them and shrink when they do not.
   */
  minReadBytes?: number;
  /** Where the connection leads to, if that is not its peer: there is a proxy in between. */
  remote?: Address;
}

/** A connected TCP, TLS or Unix socket. */
export class SocketDuplex implements Connection {
  readonly local: Address;
  readonly remote: Address;
  readonly tls: TlsFacts | undefined;
  onClosed: (() => void) | undefined;
  readonly #conn: Deno.Conn;
  readonly #pool: BufferPool;
  #sink: Sink | undefined;

  #minReadBytes: number;
  #readBytes: number;
  #smallReads = 0;
  #readBuffer: SharedBuffer | undefined;
  #isReading = false;
  #isPaused = false;
  #isReadEnded = false;

  #queue: QueuedWrite[] = [];
  #inFlight: QueuedWrite | undefined;
  #queuedBytes = 0;
  #isWriteEnded = false;
  #isFinSent = false;
  /** Why nothing can be written any more; what has come may still be read. */
  #writeError: Error | undefined;
  #isClosed = false;

  constructor(conn: Deno.Conn, pool: BufferPool, options?: SocketOptions, tls?: TlsFacts) {
    this.#conn = conn;
    this.#pool = pool;
    this.tls = tls;
    this.#minReadBytes = this.#readBytes = options?.minReadBytes ?? MIN_READ_BYTES;
    // Nagle's wait costs 44 ms on a small write behind another; a TlsConn has no such switch.
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
    this.local = toAddress(conn.localAddr);
    this.remote = options?.remote ?? toAddress(conn.remoteAddr);
  }

  get name(): string {
    return formatAddress(this.remote);
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  setMinReadBytes(bytes: number): void {
    this.#minReadBytes = bytes;
    this.#readBytes = Math.max(this.#readBytes, bytes);
  }

  attach(sink: Sink): void {
    const isFirst = this.#sink === undefined;
    this.#sink = sink;
    if (isFirst && !this.#isPaused) this.#startReading();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#startReading();
  }

  write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    if (this.#isWriteEnded || this.#isClosed || bytes.length === 0) return !this.#isClosed;
    this.#queuedBytes += bytes.length;
    const isWaiting = this.#inFlight !== undefined;
    const isGathered = isWaiting && (bytes.length <= COALESCE_MAX_BYTES ||
      buffer !== undefined && isWasteful(bytes, buffer));
    if (isGathered) {
      this.#gather(bytes);
    } else {
      const entry: QueuedWrite = { bytes, buffer, appendAt: -1 };
      if (buffer !== undefined) buffer.retain();
      else entry.bytes = bytes.slice();
      if (isWaiting) this.#queue.push(entry);
      else this.#send(entry);
    }
    return this.#queuedBytes < HIGH_WATER_BYTES;
  }

  end(): void {
    if (this.#isWriteEnded || this.#isClosed) return;
    this.#isWriteEnded = true;
    if (this.#inFlight === undefined) this.#sendFin();
  }

  close(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#conn.close();
    } catch {
      // The runtime closes a connection by itself when its peer resets it.
    }
    this.#dropQueue();
    // A buffer under a pending read or write is released when that has settled, not before.
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onClose(error);
    this.onClosed?.();
  }

  /** Copies what has to wait behind what waits already, where there is room: one write less. */
  #gather(bytes: Uint8Array): void {
    const tail = this.#queue.at(-1);
    if (
      tail !== undefined && tail.appendAt !== -1 &&
      tail.appendAt + bytes.length <= tail.buffer!.bytes.length
    ) {
      const whole = tail.buffer!.bytes;
      whole.set(bytes, tail.appendAt);
      tail.appendAt += bytes.length;
      tail.bytes = whole.subarray(0, tail.appendAt);
      return;
    }
    const size = bytes.length <= COALESCE_MAX_BYTES
      ? COALESCE_BUFFER_BYTES
      : Math.max(GATHER_BUFFER_BYTES, bytes.length);
    const buffer = this.#pool.take(size);
    buffer.bytes.set(bytes);
    this.#queue.push({
      bytes: buffer.bytes.subarray(0, bytes.length),
      buffer,
      appendAt: bytes.length,
    });
  }

  #send(entry: QueuedWrite): void {
    this.#inFlight = entry;
    this.#conn.write(entry.bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  readonly #onWritten = (count: number): void => {
    const entry = this.#inFlight!;
    if (!this.#isClosed) {
      this.#queuedBytes -= count;
      if (count < entry.bytes.length) {
        entry.bytes = entry.bytes.subarray(count);
        this.#send(entry);
        return;
      }
    }
    this.#inFlight = undefined;
    entry.buffer?.release();
    if (this.#isClosed) return;
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#send(next);
      return;
    }
    if (this.#isWriteEnded) this.#sendFin();
    else this.#sink?.onDrain();
  };

  readonly #onWriteFailed = (error: unknown): void => {
    this.#inFlight?.buffer?.release();
    this.#inFlight = undefined;
    this.#cannotWrite(error);
  };

  /**
   * A peer that resets the connection may have said why before: its last words wait to be read, and
   * behind them an end. They are for a sink that takes them at once.
   */
  #cannotWrite(error: unknown): void {
    if (this.#isClosed || this.#writeError !== undefined) return;
    this.#writeError = translateSocketError(error, this.name);
    this.#isWriteEnded = true;
    this.#dropQueue();
    if (!this.#isReading) this.close(this.#writeError);
  }

  #dropQueue(): void {
    for (const entry of this.#queue) entry.buffer?.release();
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #sendFin(): void {
    this.#isFinSent = true;
    if (this.#isReadEnded) {
      this.close();
      return;
    }
    // A peer that is gone already is told by the pending read as well.
    this.#conn.closeWrite().catch((error: unknown) => this.#cannotWrite(error));
  }

  #startReading(): void {
    if (this.#isReading || this.#isReadEnded || this.#isClosed || this.#sink === undefined) return;
    this.#isReading = true;
    this.#readNext();
  }

  #readNext(): void {
    if (this.#isPaused) {
      this.#isReading = false;
      this.#dropReadBuffer();
      if (this.#writeError !== undefined) this.close(this.#writeError);
      return;
    }
    let buffer = this.#readBuffer;
    if (buffer === undefined || !buffer.isExclusive || buffer.bytes.length !== this.#readBytes) {
      buffer?.release();
      buffer = this.#readBuffer = this.#pool.take(this.#readBytes);
    }
    this.#conn.read(buffer.room).then(this.#onRead, this.#onReadFailed);
  }

  readonly #onRead = (count: number | null): void => {
    if (this.#isClosed) {
      this.#dropReadBuffer();
      return;
    }
    if (count === null) {
      this.#isReading = false;
      this.#isReadEnded = true;
      this.#dropReadBuffer();
      if (this.#writeError !== undefined) return this.close(this.#writeError);
      this.#sink?.onEnd();
      // Not before the sink had its chance to answer what it just learned.
      if (this.#isFinSent && !this.#isClosed) this.close();
      return;
    }
    const buffer = this.#readBuffer!;
    this.#adapt(count, buffer.room.length);
    this.#sink?.onData(buffer.room.subarray(0, count), buffer);
    if (this.#isClosed) this.#dropReadBuffer();
    else this.#readNext();
  };

  readonly #onReadFailed = (error: unknown): void => {
    this.#isReading = false;
    this.#dropReadBuffer();
    if (!this.#isClosed) this.close(translateSocketError(error, this.name));
  };

  /** Grows at once when a read fills its buffer; shrinks after some that leave most of it empty. */
  #adapt(count: number, room: number): void {
    if (count === room) {
      this.#smallReads = 0;
      if (this.#readBytes < MAX_READ_BYTES) this.#readBytes *= 4;
    } else if (count < room >> 2 && this.#readBytes > this.#minReadBytes) {
      this.#smallReads += 1;
      const { large, small } = SMALL_READS_UNTIL_SHRUNK;
      if (this.#smallReads < (this.#readBytes > LARGE_BYTES ? large : small)) return;
      this.#smallReads = 0;
      this.#readBytes = Math.max(this.#readBytes >> 2, this.#minReadBytes);
    } else {
      this.#smallReads = 0;
    }
  }

  #dropReadBuffer(): void {
    this.#readBuffer?.release();
    this.#readBuffer = undefined;
  }
}

function toAddress(address: Deno.Addr): Address {
  // A connection of TLS has addresses without a transport.
  if ("hostname" in address) {
    // A dual-stack listener names its IPv4 peers ::ffff:a.b.c.d.
    const host = address.hostname.replace(/^::ffff:(?=\d+\.)/i, "");
    return { kind: "tcp", host, port: address.port };
  }
  return { kind: "unix", path: (address as Deno.UnixAddr).path };
}
