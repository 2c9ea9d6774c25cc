/** Two byte streams joined back to back in memory: for services in this process and for tests. */
import { SharedBuffer } from "./buffer.ts";
import type { Duplex, Sink } from "./duplex.ts";

const HIGH_WATER_BYTES = 64 << 10;

/** Makes two ends: what is written to one arrives at the other, in a later microtask. */
export function memoryPair(names: [string, string] = ["memory-a", "memory-b"]): [
  MemoryDuplex,
  MemoryDuplex,
] {
  const a = new MemoryDuplex(names[0]);
  const b = new MemoryDuplex(names[1]);
  a.join(b);
  b.join(a);
  return [a, b];
}

/** One end of a {@link memoryPair}. */
export class MemoryDuplex implements Duplex {
  readonly name: string;
  #peer!: MemoryDuplex;
  #sink: Sink | undefined;
  /** What the peer wrote and our sink has not seen. */
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #isEndInInbox = false;
  #isEndDelivered = false;
  #isWriteEnded = false;
  #isPaused = false;
  #isClosed = false;
  #isScheduled = false;
  #wantsDrain = false;

  constructor(name: string) {
    this.name = name;
  }

  /** Only for {@link memoryPair}. */
  join(peer: MemoryDuplex): void {
    this.#peer = peer;
  }

  get queuedBytes(): number {
    return this.#peer.#inboxBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  attach(sink: Sink): void {
    this.#sink = sink;
    this.#schedule();
  }

  write(bytes: Uint8Array): boolean {
    const peer = this.#peer;
    if (this.#isWriteEnded || this.#isClosed || peer.#isClosed) return false;
    if (bytes.length > 0) {
      peer.#inbox.push(bytes.slice());
      peer.#inboxBytes += bytes.length;
      this.#wantsDrain = true;
      peer.#schedule();
    }
    return peer.#inboxBytes < HIGH_WATER_BYTES;
  }

  end(): void {
    if (this.#isWriteEnded || this.#isClosed) return;
    this.#isWriteEnded = true;
    this.#peer.#isEndInInbox = true;
    this.#peer.#schedule();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  close(error?: Error): void {
    if (this.#isClosed) return;
    this.#closeOne(error);
    // The far side learns it as a socket would: by the end of what it reads, or by a break.
    queueMicrotask(() => this.#peer.#closeByPeer(error));
  }

  #closeOne(error?: Error): void {
    this.#isClosed = true;
    this.#inbox = [];
    this.#inboxBytes = 0;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onClose(error);
  }

  #closeByPeer(error?: Error): void {
    if (this.#isClosed) return;
    this.#deliver();
    if (!this.#isClosed) this.#closeOne(error);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    while (!this.#isPaused && !this.#isClosed && this.#sink !== undefined) {
      const bytes = this.#inbox.shift();
      if (bytes === undefined) break;
      this.#inboxBytes -= bytes.length;
      this.#sink.onData(bytes, new SharedBuffer(bytes as Uint8Array<ArrayBuffer>));
    }
    if (this.#isPaused || this.#isClosed || this.#sink === undefined) return;
    const peer = this.#peer;
    if (this.#isEndInInbox && !this.#isEndDelivered) {
      this.#isEndDelivered = true;
      this.#sink.onEnd();
    } else if (peer.#wantsDrain && !this.#isEndInInbox) {
      peer.#wantsDrain = false;
      peer.#sink?.onDrain();
    }
    if (this.#isEndDelivered && this.#isWriteEnded && peer.#isEndDelivered) {
      this.#closeOne();
      if (!peer.#isClosed) peer.#closeOne();
    }
  }
}
