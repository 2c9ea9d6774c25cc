/**
 * A socket of Node's kind as a {@link Connection}: where the runtime's own TLS falls short.
 *
 * Deno's listener of TLS can neither ask for client certificates nor choose by server name nor turn
 * Nagle's wait off (44 ms for a small write behind another); its client can neither show what
 * certificate it was given nor trust one by its fingerprint (Deno 2.9.6).
 */
import type { Socket } from "node:net";
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { isWasteful, SharedBuffer } from "../buffer.ts";
import type { Sink } from "../duplex.ts";
import type { Connection, TlsFacts } from "./connection.ts";
import { translateSocketError } from "./socket_error.ts";

/** Queued bytes from which `write()` asks for a pause, as for other sockets. */
const HIGH_WATER_BYTES = 256 << 10;
/** Queued bytes from which small pieces of large buffers are copied: Node gathers none. */
const COPY_FROM_BYTES = HIGH_WATER_BYTES >> 2;

/** A connected socket of `node:net` or `node:tls`, made with `allowHalfOpen`. */
export class NodeSocket implements Connection {
  readonly local: Address;
  readonly remote: Address;
  readonly tls: TlsFacts | undefined;
  onClosed: (() => void) | undefined;
  readonly #socket: Socket;
  #sink: Sink | undefined;
  #isPaused = false;
  /** Sizes of the writes that have not left, and the buffers that they lie in. */
  #sizes: number[] = [];
  #buffers: (SharedBuffer | undefined)[] = [];
  #queuedBytes = 0;
  #isWriteEnded = false;
  #isClosed = false;
  #error: Error | undefined;

  /** @param ends where it is and where it leads to, if the socket does not know. */
  constructor(
    socket: Socket,
    tls: TlsFacts | undefined,
    ends?: { readonly local: Address; readonly remote: Address },
  ) {
    this.#socket = socket;
    this.tls = tls;
    this.remote = ends?.remote ?? toAddress(socket.remoteAddress, socket.remotePort);
    this.local = ends?.local ?? toAddress(socket.localAddress, socket.localPort);
    socket.setNoDelay(true);
    socket.on("error", (error) => this.#error ??= error);
    socket.on("close", () => this.#onGone());
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

  /** Node sizes its reads by itself. */
  setMinReadBytes(_bytes: number): void {}

  attach(sink: Sink): void {
    const isFirst = this.#sink === undefined;
    this.#sink = sink;
    if (!isFirst) return;
    const socket = this.#socket;
    socket.on("data", (bytes: Uint8Array<ArrayBuffer>) => {
      if (!this.#isClosed) this.#sink?.onData(bytes, new SharedBuffer(bytes));
    });
    socket.on("end", () => {
      if (!this.#isClosed) this.#sink?.onEnd();
    });
    if (this.#isPaused) socket.pause();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#sink !== undefined) this.#socket.resume();
  }

  write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    if (this.#isWriteEnded || this.#isClosed || bytes.length === 0) return !this.#isClosed;
    const isLong = this.#queuedBytes > COPY_FROM_BYTES;
    const isHeld = buffer !== undefined && !(isLong && isWasteful(bytes, buffer));
    if (isHeld) buffer.retain();
    this.#sizes.push(bytes.length);
    this.#buffers.push(isHeld ? buffer : undefined);
    this.#queuedBytes += bytes.length;
    this.#socket.write(isHeld ? bytes : bytes.slice(), this.#onWritten);
    return this.#queuedBytes < HIGH_WATER_BYTES;
  }

  end(): void {
    if (this.#isWriteEnded || this.#isClosed) return;
    this.#isWriteEnded = true;
    this.#socket.end();
  }

  close(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onClose(error);
    this.onClosed?.();
  }

  /** Called for each write in its order, also for those that a break left undone. */
  readonly #onWritten = (): void => {
    this.#queuedBytes -= this.#sizes.shift() ?? 0;
    this.#buffers.shift()?.release();
    if (this.#sizes.length === 0 && !this.#isClosed && !this.#isWriteEnded) this.#sink?.onDrain();
  };

  #onGone(): void {
    for (const buffer of this.#buffers.splice(0)) buffer?.release();
    this.#sizes = [];
    this.#queuedBytes = 0;
    const error = this.#error;
    this.close(error && translateSocketError(error, this.name));
  }
}

/** An address as Node gives it; a dual-stack listener names its IPv4 peers ::ffff:a.b.c.d. */
function toAddress(host: string | undefined, port: number | undefined): Address {
  return { kind: "tcp", host: (host ?? "").replace(/^::ffff:(?=\d+\.)/i, ""), port: port ?? 0 };
}
