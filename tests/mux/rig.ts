/** What the tests of sessions share: a runtime that is checked for leaks, pairs, a wire peer. */
import assert from "node:assert/strict";
import type { SharedBuffer } from "../../lib/buffer.ts";
import { HEADER_BYTES, writeHeader } from "../../lib/codec/yamux.ts";
import type { Duplex, Sink } from "../../lib/duplex.ts";
import { silentLog } from "../../lib/log.ts";
import type { Log } from "../../lib/log.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import { MemoryBudget } from "../../lib/mux/memory_budget.ts";
import { Session } from "../../lib/mux/session.ts";
import type { SessionOptions } from "../../lib/mux/session_options.ts";
import type { MuxStream } from "../../lib/mux/stream.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Runtime } from "../../lib/runtime.ts";

/** A runtime, a budget and the log lines of one test; `close()` checks that nothing is left. */
export class Rig {
  readonly warnings: string[] = [];
  readonly runtime: Runtime;
  readonly budget: MemoryBudget;

  constructor(budgetBytes?: number) {
    const log: Log = {
      ...silentLog,
      warn: (event, message) => void this.warnings.push(`${event}: ${message}`),
      child: () => log,
    };
    this.runtime = createRuntime(log);
    this.budget = new MemoryBudget(budgetBytes, budgetBytes);
  }

  options(
    role: "dialler" | "listener",
    onStream: (stream: MuxStream) => void = () => {},
  ): SessionOptions & { closed: Promise<Error | undefined> } {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    return {
      role,
      name: role,
      runtime: this.runtime,
      budget: this.budget,
      onStream,
      onClose: resolve,
      closed: promise,
    };
  }

  /** @throws {assert.AssertionError} a timer, unread bytes or granted windows are left. */
  close(): void {
    assert.equal(this.runtime.timers.size, 0, "timers left");
    assert.equal(this.budget.unreadBytes, 0, "unread bytes left");
    assert.equal(this.budget.grantedBytes, 0, "granted windows left");
    this.runtime.timers.close();
  }
}

/** Two sessions back to back. */
export function sessionPair(
  rig: Rig,
  onStream: (stream: MuxStream) => void,
  overrides: Partial<SessionOptions> = {},
): { dialler: Session; listener: Session; closed: Promise<unknown> } {
  const [a, b] = memoryPair();
  const listenerOptions = { ...rig.options("listener", onStream), ...overrides };
  const diallerOptions = { ...rig.options("dialler"), ...overrides };
  const listener = new Session(b, listenerOptions);
  const dialler = new Session(a, diallerOptions);
  return {
    dialler,
    listener,
    closed: Promise.all([listenerOptions.closed, diallerOptions.closed]),
  };
}

/** Collects what a duplex delivers. */
export class Collector implements Sink {
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  hasEnded = false;
  closedBy: Error | undefined;
  isClosed = false;
  drains = 0;
  readonly ended: Promise<void>;
  readonly closed: Promise<Error | undefined>;
  readonly #onBytes: ((total: number) => void)[] = [];
  #ended!: () => void;
  #closed!: (error: Error | undefined) => void;

  constructor() {
    this.ended = new Promise((resolve) => this.#ended = resolve);
    this.closed = new Promise((resolve) => this.#closed = resolve);
  }

  onData(bytes: Uint8Array, _buffer: SharedBuffer): void {
    this.chunks.push(bytes.slice());
    this.bytes += bytes.length;
    for (const tell of this.#onBytes) tell(this.bytes);
  }

  onEnd(): void {
    this.hasEnded = true;
    this.#ended();
  }

  onDrain(): void {
    this.drains += 1;
  }

  onClose(error?: Error): void {
    this.closedBy = error;
    this.isClosed = true;
    this.#closed(error);
  }

  /** All bytes so far as one array. */
  whole(): Uint8Array {
    const whole = new Uint8Array(this.bytes);
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** Resolves once `count` bytes have come. */
  has(count: number): Promise<void> {
    if (this.bytes >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onBytes.push((total) => {
        if (total >= count) resolve();
      });
    });
  }
}

/** Writes all of `bytes` in pieces, heeding backpressure; then ends if asked to. */
export function pump(
  duplex: Duplex,
  bytes: Uint8Array,
  options: { pieceBytes?: number; end?: boolean; collector?: Collector } = {},
): Promise<void> {
  const { pieceBytes = 10_000, end = true } = options;
  const collector = options.collector ?? new Collector();
  let at = 0;
  return new Promise((resolve) => {
    const original = collector.onDrain.bind(collector);
    const step = () => {
      while (at < bytes.length) {
        const piece = bytes.subarray(at, at + pieceBytes);
        at += piece.length;
        if (!duplex.write(piece) && at < bytes.length) return;
      }
      if (end) duplex.end();
      collector.onDrain = original;
      resolve();
    };
    collector.onDrain = () => {
      original();
      step();
    };
    duplex.attach(collector);
    step();
  });
}

/** A peer that writes any header it likes and keeps what the session sends. */
export class WirePeer implements Sink {
  readonly frames: {
    type: number;
    flags: number;
    id: number;
    value: number;
    payload: Uint8Array;
  }[] = [];
  isClosed = false;
  readonly closed: Promise<void>;
  readonly #duplex: Duplex;
  #held = new Uint8Array(0);
  #closed!: () => void;
  readonly #onFrame: (() => void)[] = [];

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    this.closed = new Promise((resolve) => this.#closed = resolve);
    duplex.attach(this);
  }

  frame(type: number, flags: number, id: number, value: number, payload?: Uint8Array): void {
    const bytes = new Uint8Array(HEADER_BYTES + (payload?.length ?? 0));
    writeHeader(bytes, 0, type, flags, id, value);
    if (payload !== undefined) bytes.set(payload, HEADER_BYTES);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#duplex.write(bytes);
  }

  /** Writes `count` headers in few pieces, as a flood comes. */
  flood(count: number, header: (index: number) => [number, number, number, number]): void {
    const bytes = new Uint8Array(count * HEADER_BYTES);
    for (let i = 0; i < count; i++) writeHeader(bytes, i * HEADER_BYTES, ...header(i));
    for (let at = 0; at < bytes.length; at += 60_000) this.raw(bytes.subarray(at, at + 60_000));
  }

  end(): void {
    this.#duplex.end();
  }

  pause(): void {
    this.#duplex.pause();
  }

  resume(): void {
    this.#duplex.resume();
  }

  /** Resolves once a frame that fits has come. */
  async until(
    fits: (frame: WirePeer["frames"][number]) => boolean,
  ): Promise<WirePeer["frames"][number]> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      assert.equal(this.isClosed, false, "the session closed before the frame came");
      await new Promise<void>((resolve) => this.#onFrame.push(resolve));
    }
  }

  onData(bytes: Uint8Array): void {
    const held = new Uint8Array(this.#held.length + bytes.length);
    held.set(this.#held);
    held.set(bytes, this.#held.length);
    this.#held = held;
    for (;;) {
      if (this.#held.length < HEADER_BYTES) break;
      const view = new DataView(this.#held.buffer, this.#held.byteOffset);
      const type = view.getUint8(1);
      const value = view.getUint32(8);
      const size = HEADER_BYTES + (type === 0 ? value : 0);
      if (this.#held.length < size) break;
      this.frames.push({
        type,
        flags: view.getUint16(2),
        id: view.getUint32(4),
        value,
        payload: this.#held.slice(HEADER_BYTES, size),
      });
      this.#held = this.#held.slice(size);
    }
    for (const tell of this.#onFrame.splice(0)) tell();
  }

  onEnd(): void {
    this.#duplex.end();
  }

  onDrain(): void {}

  onClose(): void {
    this.isClosed = true;
    this.#closed();
    for (const tell of this.#onFrame.splice(0)) tell();
  }
}

/** Resolves when `isTrue` holds. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !isTrue(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(isTrue());
}

/** Bytes that tell their place, so that a mix-up shows. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 >>> 0;
  for (let at = 0; at < length; at++) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
