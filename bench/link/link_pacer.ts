/** One direction of a long link, as arithmetic: when does what is sent now arrive? */

/** What a link is like. */
export interface LinkSettings {
  /** Bits a second, each direction. */
  readonly bitsPerSecond: number;
  /** Round trip of a byte that meets no queue, ms. */
  readonly rttMs: number;
}

/** Queue of a link, in bandwidth-delay products: what a deep buffer in a router has. */
const QUEUED_BDP = 2;

/** Shared by all connections that use the link. */
export class LinkPacer {
  readonly maxQueuedBytes: number;
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  #freeAtMs = 0;
  #queuedBytes = 0;

  constructor({ bitsPerSecond, rttMs }: LinkSettings) {
    this.#bytesPerMs = bitsPerSecond / 8 / 1000;
    this.#delayMs = rttMs / 2;
    this.maxQueuedBytes = Math.max(64 << 10, QUEUED_BDP * this.#bytesPerMs * rttMs);
  }

  /** Bytes on the link or waiting for it. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get hasRoom(): boolean {
    return this.#queuedBytes < this.maxQueuedBytes;
  }

  /** Puts `size` bytes onto the link; returns when the last of them is at the far end, in ms. */
  admit(nowMs: number, size: number): number {
    this.#queuedBytes += size;
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + size / this.#bytesPerMs;
    return this.#freeAtMs + this.#delayMs;
  }

  /** `size` bytes have left the link: taken by the receiver, or lost with their connection. */
  delivered(size: number): void {
    this.#queuedBytes -= size;
  }
}
