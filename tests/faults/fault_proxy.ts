/**
 * A proxy that plays a bad network: slow, far, cutting, resetting, silent. It knows nothing of what
 * passes, and uses nothing of ours.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { Buffer } from "node:buffer";

/** What the network does to bytes, each way; may be changed at any time. */
export interface Faults {
  /** How long each byte is under way, ms. */
  latencyMs: number;
  /** Bandwidth of each connection; 0 for no limit. */
  bytesPerSecond: number;
  /** Largest piece that arrives at once, bytes; 0 for as they come. */
  pieceBytes: number;
  /** A connection is reset once this many bytes have passed through it, both ways together. */
  cutAfterBytes: number;
}

const NO_FAULTS: Faults = {
  latencyMs: 0,
  bytesPerSecond: 0,
  pieceBytes: 0,
  cutAfterBytes: Infinity,
};
/** Bytes that may be under way in one direction. */
const MAX_UNDER_WAY_BYTES = 16 << 20;

/** The proxy; ends with the block that made it, all its connections with it. */
export class FaultProxy implements AsyncDisposable {
  readonly faults: Faults;
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #isBlackHole = false;
  /** Connections accepted so far. */
  acceptedCount = 0;

  private constructor(target: { host: string; port: number }, faults: Partial<Faults>) {
    this.#target = target;
    this.faults = { ...NO_FAULTS, ...faults };
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.acceptedCount += 1;
      const link = new Link(client, this.#target, this.faults, () => this.#links.delete(link));
      this.#links.add(link);
      if (this.#isBlackHole) link.stop();
    });
  }

  /** Starts one on a port of loopback in front of `target`. */
  static async start(
    target: { host: string; port: number },
    faults: Partial<Faults> = {},
  ): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, faults);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open on both sides, as far as they know. */
  get linkCount(): number {
    return [...this.#links].filter(({ isLost }) => !isLost).length;
  }

  /** No byte passes any more, no end either; connections stay open, new ones are accepted. */
  blackHole(): void {
    this.#isBlackHole = true;
    for (const link of this.#links) link.stop();
  }

  /** Ends a black hole: what was sent in the meantime arrives. */
  heal(): void {
    this.#isBlackHole = false;
    for (const link of this.#links) link.start();
  }

  /** Breaks all connections by RST. */
  reset(): void {
    for (const link of this.#links) link.reset();
  }

  /** Closes the legs to the target; clients are not told. */
  loseTarget(): void {
    for (const link of this.#links) link.lose("target");
  }

  /** Closes the legs to the clients; the target is not told. */
  loseClients(): void {
    for (const link of this.#links) link.lose("client");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#links) link.close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A client's connection and the one to the target. */
class Link {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #ways: readonly [Way, Way];
  readonly #onGone: () => void;
  readonly #faults: Faults;
  #passedBytes = 0;
  #openCount = 2;
  /** One side is gone, and the other does not know: it hears nothing more. */
  isLost = false;

  constructor(
    client: Socket,
    target: { host: string; port: number },
    faults: Faults,
    onGone: () => void,
  ) {
    this.#client = client;
    this.#faults = faults;
    this.#onGone = onGone;
    this.#target = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const passed = (bytes: number) => this.#passed(bytes);
    this.#ways = [
      new Way(client, this.#target, faults, passed),
      new Way(this.#target, client, faults, passed),
    ];
    for (const [socket, other] of [[client, this.#target], [this.#target, client]] as const) {
      // A broken leg breaks the other one, as a network in between does not, but a proxy must.
      socket.on("error", () => this.isLost || other.resetAndDestroy());
      socket.on("close", () => this.#closed());
    }
  }

  stop(): void {
    for (const way of this.#ways) way.stop();
  }

  start(): void {
    for (const way of this.#ways) way.start();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#target.resetAndDestroy();
  }

  close(): void {
    this.#client.destroy();
    this.#target.destroy();
  }

  lose(side: "client" | "target"): void {
    this.isLost = true;
    this.stop();
    (side === "client" ? this.#client : this.#target).destroy();
  }

  #passed(bytes: number): void {
    this.#passedBytes += bytes;
    if (this.#passedBytes >= this.#faults.cutAfterBytes) this.reset();
  }

  #closed(): void {
    this.#openCount -= 1;
    if (this.#openCount > 0) return;
    for (const way of this.#ways) way.close();
    this.#onGone();
  }
}

/** One direction of a link: a queue of what is under way. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: Faults;
  readonly #onPassed: (bytes: number) => void;
  /** Bytes and when they arrive; an empty piece is the end. */
  #queue: { bytes: Buffer; dueMs: number }[] = [];
  #queuedBytes = 0;
  #freeMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #isBlocked = false;

  constructor(from: Socket, to: Socket, faults: Faults, onPassed: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#onPassed = onPassed;
    from.on("data", (bytes: Buffer) => this.#push(bytes));
    from.on("end", () => this.#push(Buffer.alloc(0)));
    to.on("drain", () => {
      this.#isBlocked = false;
      this.#deliver();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#from.pause();
    clearTimeout(this.#timer);
  }

  start(): void {
    this.#isStopped = false;
    this.#from.resume();
    this.#deliver();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  #push(bytes: Buffer): void {
    const { latencyMs, bytesPerSecond } = this.#faults;
    const nowMs = performance.now();
    const sendMs = bytesPerSecond === 0 ? 0 : bytes.length * 1000 / bytesPerSecond;
    this.#freeMs = Math.max(this.#freeMs, nowMs) + sendMs;
    this.#queue.push({ bytes, dueMs: this.#freeMs + latencyMs });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > MAX_UNDER_WAY_BYTES) this.#from.pause();
    this.#deliver();
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    while (!this.#isStopped && !this.#isBlocked) {
      const next = this.#queue[0];
      if (next === undefined || this.#to.destroyed) return;
      const leftMs = next.dueMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#deliver(), leftMs);
        return;
      }
      if (next.bytes.length === 0) {
        this.#queue.shift();
        this.#to.end();
        return;
      }
      this.#write(next);
    }
  }

  #write(next: { bytes: Buffer; dueMs: number }): void {
    const { pieceBytes } = this.#faults;
    const size = pieceBytes === 0 ? next.bytes.length : Math.min(pieceBytes, next.bytes.length);
    const piece = next.bytes.subarray(0, size);
    next.bytes = next.bytes.subarray(size);
    if (next.bytes.length === 0) this.#queue.shift();
    this.#queuedBytes -= size;
    if (this.#queuedBytes <= MAX_UNDER_WAY_BYTES && !this.#isStopped) this.#from.resume();
    this.#isBlocked = !this.#to.write(piece);
    this.#onPassed(size);
    // Pieces are to arrive one by one, not gathered by the kernel.
    if (pieceBytes > 0 && !this.#isBlocked) {
      this.#isBlocked = true;
      setImmediate(() => {
        this.#isBlocked = false;
        this.#deliver();
      });
    }
  }
}
