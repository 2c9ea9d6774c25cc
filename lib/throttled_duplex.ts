/** A duplex that is held to a limit of bytes a second. */
import type { SharedBuffer } from "./buffer.ts";
import type { ByteBucket } from "./byte_bucket.ts";
import type { Duplex, Sink } from "./duplex.ts";
import { ForwardingDuplex } from "./forwarding_duplex.ts";

/** A duplex whose bytes, both ways, pass as a bucket allows; it costs nothing while that has some. */
export class ThrottledDuplex extends ForwardingDuplex {
  readonly #bucket: ByteBucket;
  #isPaused = false;
  #isWaiting = false;
  /** The duplex could take more, but the bucket had nothing. */
  #owesDrain = false;

  constructor(duplex: Duplex, bucket: ByteBucket) {
    super(duplex);
    this.#bucket = bucket;
  }

  override attach(sink: Sink): void {
    // Many new ones must not each pass something on credit.
    if (this.sink === undefined && !this.#bucket.take(0)) this.#wait();
    super.attach(sink);
  }

  override write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    const hasRoom = this.inner.write(bytes, buffer);
    if (this.#bucket.take(bytes.length)) return hasRoom;
    this.#wait();
    return false;
  }

  override pause(): void {
    this.#isPaused = true;
    this.inner.pause();
  }

  override resume(): void {
    this.#isPaused = false;
    if (!this.#isWaiting) this.inner.resume();
  }

  override onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (!this.#bucket.take(bytes.length)) this.#wait();
    this.sink?.onData(bytes, buffer);
  }

  override onDrain(): void {
    if (this.#isWaiting) this.#owesDrain = true;
    else this.sink?.onDrain();
  }

  override onClose(error?: Error): void {
    this.#bucket.forget(this.#goOn);
    this.sink?.onClose(error);
  }

  #wait(): void {
    if (this.#isWaiting || this.inner.isClosed) return;
    this.#isWaiting = true;
    this.inner.pause();
    this.#bucket.wait(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#isWaiting = false;
    if (!this.#isPaused) this.inner.resume();
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    this.sink?.onDrain();
  };
}
