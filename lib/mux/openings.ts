/** A session's own streams on their way to the peer, bounded in how many wait for its word. */
import type { MuxStream } from "./stream.ts";

/** Ids beyond this are not used: the agent dials a replacement connection in time. */
const LAST_STREAM_ID = 0x7fffff00;

/** Gives out ids, in the order of the openings. */
export class Openings {
  readonly #maxUnacknowledged: number;
  readonly #start: (id: number, stream: MuxStream, first: Uint8Array | undefined) => void;
  /** Streams that have no place yet, with their first bytes. */
  readonly #waiting = new Map<MuxStream, Uint8Array | undefined>();
  #nextId: number;
  #unacknowledged = 0;

  /**
   * @param firstId id of the first stream; each further one is two higher.
   * @param maxUnacknowledged streams that may wait for the peer's ACK; more wait here.
   * @param start opens a stream on the wire.
   */
  constructor(
    firstId: number,
    maxUnacknowledged: number,
    start: (id: number, stream: MuxStream, first: Uint8Array | undefined) => void,
  ) {
    this.#nextId = firstId;
    this.#maxUnacknowledged = maxUnacknowledged;
    this.#start = start;
  }

  /** Streams that wait here. */
  get waiting(): Iterable<MuxStream> {
    return this.#waiting.keys();
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** There are no ids left for streams that do not wait already. */
  get isExhausted(): boolean {
    return this.#nextId > LAST_STREAM_ID;
  }

  /** Starts `stream` now or when there is a place; `first` must stay as it is until the call's end. */
  open(stream: MuxStream, first: Uint8Array | undefined): void {
    if (this.#unacknowledged < this.#maxUnacknowledged) this.#begin(stream, first);
    else this.#waiting.set(stream, first?.slice());
  }

  /** A stream of ours was acknowledged, or ended unacknowledged: its place goes to the next. */
  acknowledged(): void {
    this.#unacknowledged -= 1;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next[0]);
    this.#begin(...next);
  }

  /** A stream was closed while it waited. */
  forget(stream: MuxStream): void {
    this.#waiting.delete(stream);
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** True if a stream of that id was opened, whatever has become of it. */
  wasOpened(id: number): boolean {
    return id < this.#nextId;
  }

  #begin(stream: MuxStream, first: Uint8Array | undefined): void {
    this.#unacknowledged += 1;
    const id = this.#nextId;
    this.#nextId += 2;
    this.#start(id, stream, first);
  }
}
