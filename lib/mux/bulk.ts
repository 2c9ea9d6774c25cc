/** Bytes without a meaning, as fast as they go: what throughput is measured with. */
import type { Duplex, Sink } from "../duplex.ts";

/** How much is sent, at most. */
export interface BulkLimits {
  readonly durationMs: number;
  readonly maxBytes: number;
}

/** A second each way, and no more than a link of 8 Gbit/s carries in it. */
export const BULK_LIMITS: BulkLimits = { durationMs: 1000, maxBytes: 1 << 30 };

/** Bytes of a write; few writes are what is fast. */
const CHUNK_BYTES = 256 << 10;
/** The most that is asked of the system's randomness at once. */
const RANDOM_BYTES = 64 << 10;

/** Sends until time or bytes are used up, then ends its side; what comes is dropped. */
export class BulkSender implements Sink {
  readonly #duplex: Duplex;
  readonly #limits: BulkLimits;
  readonly #nowMs: () => number;
  readonly #onEnd: (error?: Error) => void;
  /** Random, so that nothing on the way can make it smaller. */
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #untilMs: number;
  #isDone = false;
  sentBytes = 0;

  /** @param onEnd the peer has ended its side too, or the stream is over. */
  constructor(
    duplex: Duplex,
    limits: BulkLimits,
    nowMs: () => number,
    onEnd: (error?: Error) => void,
  ) {
    this.#duplex = duplex;
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#onEnd = onEnd;
    this.#untilMs = nowMs() + limits.durationMs;
    for (let at = 0; at < CHUNK_BYTES; at += RANDOM_BYTES) {
      crypto.getRandomValues(this.#chunk.subarray(at, at + RANDOM_BYTES));
    }
  }

  start(): void {
    this.#duplex.attach(this);
    this.#send();
  }

  onData(): void {}

  onEnd(): void {
    this.#onEnd();
  }

  onDrain(): void {
    this.#send();
  }

  onClose(error?: Error): void {
    this.#isDone = true;
    this.#onEnd(error);
  }

  #send(): void {
    let hasRoom = true;
    while (hasRoom && !this.#isDone) {
      const leftBytes = this.#limits.maxBytes - this.sentBytes;
      if (leftBytes <= 0 || this.#nowMs() >= this.#untilMs) {
        this.#isDone = true;
        this.#duplex.end();
        return;
      }
      const bytes = this.#chunk.subarray(0, Math.min(leftBytes, CHUNK_BYTES));
      this.sentBytes += bytes.length;
      hasRoom = this.#duplex.write(bytes);
    }
  }
}

/** Counts what comes, and drops it. */
export class BulkReader implements Sink {
  readonly #onEnd: (error?: Error) => void;
  receivedBytes = 0;

  /** @param onEnd the peer has ended its side, or the stream is over. */
  constructor(onEnd: (error?: Error) => void) {
    this.#onEnd = onEnd;
  }

  onData(bytes: Uint8Array): void {
    this.receivedBytes += bytes.length;
  }

  onEnd(): void {
    this.#onEnd();
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#onEnd(error);
  }
}
