/** A {@link Duplex} as a stream of Node's, for `node:http2` and `node:tls` to speak over. */
import { Buffer } from "node:buffer";
import { Duplex as NodeDuplex } from "node:stream";
import type { Duplex, Sink } from "./duplex.ts";

type Done = (error?: Error | null) => void;

/**
 * Looks at the bytes that come, before anybody else, and hands on those that are to be read; what it
 * throws ends the connection.
 */
export type Inspect = (bytes: Uint8Array, pass: (bytes: Uint8Array) => void) => void;

/** Owns its duplex: closed with it, and closes it. */
export class DuplexStream extends NodeDuplex implements Sink {
  readonly #duplex: Duplex;
  readonly #inspect: Inspect | undefined;
  readonly #pass = (bytes: Uint8Array): void => {
    // Valid during the call only, and Node reads when it likes.
    if (!this.push(Buffer.from(bytes))) this.#duplex.pause();
  };
  #onRoom: Done | undefined;

  /** @param first bytes that came before this took over. */
  constructor(duplex: Duplex, inspect?: Inspect, first?: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#duplex = duplex;
    this.#inspect = inspect;
    if (first !== undefined && first.length > 0) this.onData(first);
    if (this.destroyed) return;
    duplex.attach(this);
    duplex.resume();
  }

  get name(): string {
    return this.#duplex.name;
  }

  onData(bytes: Uint8Array): void {
    if (this.#inspect === undefined) return this.#pass(bytes);
    try {
      this.#inspect(bytes, this.#pass);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  onEnd(): void {
    this.push(null);
  }

  onDrain(): void {
    const done = this.#onRoom;
    this.#onRoom = undefined;
    done?.();
  }

  onClose(error?: Error): void {
    this.destroy(error);
  }

  override _read(): void {
    this.#duplex.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    if (this.#duplex.write(chunk)) done();
    else if (this.#duplex.isClosed) done();
    else this.#onRoom = done;
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "", done);
  }

  override _final(done: Done): void {
    this.#duplex.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#onRoom?.();
    this.#onRoom = undefined;
    if (!this.#duplex.isClosed) this.#duplex.close(error ?? undefined);
    done(error);
  }
}
