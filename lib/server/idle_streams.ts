/** Streams that have served a request, and wait for the next one that may use them. */
import type { Sink } from "../duplex.ts";
import { LinkedList } from "../linked_list.ts";
import type { Linked } from "../linked_list.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { UpstreamStream } from "./upstream_stream.ts";

/** Streams kept for one use. */
const MAX_FOR_ONE = 256;
/** Streams kept in all: where each client has a use of its own, there is no end of uses. */
const MAX_IN_ALL = 1024;
/** A stream is closed after this; below what common servers keep a connection (nginx 75 s). */
const MAX_IDLE_MS = 30_000;

/** Those of one tunnel connection. */
export class IdleStreams {
  readonly #runtime: Runtime;
  readonly #byUse = new Map<string, IdleStream[]>();
  /** The one that rests for longest comes first. */
  readonly #byAge = new LinkedList<IdleStream>();
  #sweepTimer: Timer | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get count(): number {
    return this.#byAge.size;
  }

  /** The stream used last, which is the most likely to be alive. */
  take(use: string): UpstreamStream | undefined {
    const entry = this.#byUse.get(use)?.pop();
    if (entry === undefined) return undefined;
    this.#byAge.remove(entry);
    return entry.stream;
  }

  /** Keeps a stream that nobody uses now. */
  keep(use: string, stream: UpstreamStream): void {
    let idle = this.#byUse.get(use);
    if (idle === undefined) this.#byUse.set(use, idle = []);
    if (idle.length >= MAX_FOR_ONE) return stream.close();
    if (this.count >= MAX_IN_ALL) this.closeOldest();
    const entry = new IdleStream(use, stream, this.#runtime.nowMs(), this);
    idle.push(entry);
    this.#byAge.append(entry);
    stream.resume();
    this.#sweepTimer ??= this.#runtime.timers.after(MAX_IDLE_MS, () => this.#sweep());
  }

  /** Makes room for another stream, if there are any here. */
  closeOldest(): void {
    this.#byAge.first?.stream.close();
  }

  /** Closes all. */
  close(): void {
    for (const entry of this.#byAge) entry.stream.close();
  }

  /** The session is gone, and with it all streams. */
  end(): void {
    this.#sweepTimer?.cancel();
    this.#byUse.clear();
  }

  /** Only for a stream that is here: it has come to its end. */
  ended(entry: IdleStream): void {
    this.#byAge.remove(entry);
    const idle = this.#byUse.get(entry.use);
    const index = idle?.indexOf(entry) ?? -1;
    if (index !== -1) idle!.splice(index, 1);
  }

  #sweep(): void {
    const oldestMs = this.#runtime.nowMs() - MAX_IDLE_MS;
    for (const entry of this.#byAge) {
      if (entry.sinceMs > oldestMs) break;
      entry.stream.close();
    }
    for (const [use, idle] of this.#byUse) if (idle.length === 0) this.#byUse.delete(use);
    this.#sweepTimer = this.count === 0
      ? undefined
      : this.#runtime.timers.after(MAX_IDLE_MS / 2, () => this.#sweep());
  }
}

/** A stream at rest: whatever comes on it now ends it. */
class IdleStream implements Sink, Linked<IdleStream> {
  previous: IdleStream | undefined;
  next: IdleStream | undefined;
  readonly use: string;
  readonly stream: UpstreamStream;
  readonly sinceMs: number;
  readonly #owner: IdleStreams;

  constructor(use: string, stream: UpstreamStream, sinceMs: number, owner: IdleStreams) {
    this.use = use;
    this.stream = stream;
    this.sinceMs = sinceMs;
    this.#owner = owner;
    stream.attach(this);
  }

  onData(): void {
    this.stream.close();
  }

  onEnd(): void {
    this.stream.close();
  }

  onDrain(): void {}

  onClose(): void {
    this.#owner.ended(this);
  }
}
