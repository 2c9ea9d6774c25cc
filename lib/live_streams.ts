/** What clients have under way, for who looks: found where it is worked on, so that it costs nothing. */
import type { Address } from "./address.ts";
import { LinkedList } from "./linked_list.ts";
import type { Linked } from "./linked_list.ts";

/**
 * - `waiting`: for a host of its cluster;
 * - `sent`: the request is with the target, nothing of an answer has come;
 * - `answering`: the answer passes;
 * - `open`: bytes or datagrams pass both ways.
 */
export type LiveState = "waiting" | "sent" | "answering" | "open";

/** One request of HTTP, or one connection that passes bytes. */
export interface LiveStream {
  /** Counts up from 1 over the whole server; the order of their coming. */
  readonly id: number;
  readonly protocol: "http" | "tcp" | "udp";
  /** Of the runtime's clock. */
  readonly startedMs: number;
  /** Undefined where the client has no address. */
  readonly client: Address | undefined;
  readonly cluster: string;
  /** A target's name, "" for the default one, or the `host:port` that the client asked for. */
  readonly target: string;
  /** Undefined while it waits for one. */
  readonly hostName: string | undefined;
  readonly state: LiveState;
  /** Bytes that went to the target and to the client so far. */
  readonly toTargetBytes: number;
  readonly toClientBytes: number;
}

/** One that lists itself. */
export interface ListedStream extends LiveStream, Linked<ListedStream> {}

/** Gives out ids; one for a whole server. */
export class StreamIds {
  #last = 0;

  next(): number {
    return this.#last += 1;
  }
}

/** Those of one frontend. */
export class LiveStreams implements Iterable<LiveStream> {
  readonly ids: StreamIds;
  readonly #own = new LinkedList<ListedStream>();
  #others: (() => Iterable<LiveStream>) | undefined;

  constructor(ids: StreamIds = new StreamIds()) {
    this.ids = ids;
  }

  add(stream: ListedStream): void {
    this.#own.append(stream);
  }

  /** Takes out a stream that was added; no harm if it is out already. */
  remove(stream: ListedStream): void {
    this.#own.remove(stream);
  }

  /** Shows what somebody else keeps, too. */
  include(others: () => Iterable<LiveStream>): void {
    this.#others = others;
  }

  *[Symbol.iterator](): Iterator<LiveStream> {
    yield* this.#own;
    if (this.#others !== undefined) yield* this.#others();
  }
}
