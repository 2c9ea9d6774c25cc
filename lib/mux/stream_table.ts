/** The streams of a session by their ids: those of our side, and those that the peer opened. */
import { Openings } from "./openings.ts";
import { PeerIds } from "./peer_ids.ts";
import type { SessionOptions } from "./session_options.ts";
import type { MuxStream } from "./stream.ts";

/** Which streams there are, and whose they are. */
export class StreamTable {
  readonly #streams = new Map<number, MuxStream>();
  readonly #openings: Openings;
  readonly #peerIds: PeerIds;
  /** Lowest bit of our ids. */
  readonly #ownParity: 0 | 1;
  readonly #onExhausted: () => void;
  #isEnding = false;

  /** Streams that the peer opened and that are open now. */
  peerStreams = 0;
  /** Streams opened so far by either side. */
  openedStreams = 0;

  /** @param onExhausted there are no ids left for further streams of ours. */
  constructor(
    options: Pick<SessionOptions, "role" | "firstStreamId" | "maxUnacknowledged">,
    onExhausted: () => void,
  ) {
    const isDialler = options.role === "dialler";
    this.#ownParity = isDialler ? 1 : 0;
    this.#peerIds = new PeerIds(isDialler ? 2 : 1);
    this.#openings = new Openings(
      options.firstStreamId ?? (isDialler ? 1 : 2),
      options.maxUnacknowledged ?? 256,
      (id, stream, first) => this.#start(id, stream, first),
    );
    this.#onExhausted = onExhausted;
  }

  /** Streams that are open now, those included that have no id yet. */
  get size(): number {
    return this.#streams.size + this.#openings.waitingCount;
  }

  get(id: number): MuxStream | undefined {
    return this.#streams.get(id);
  }

  /** True for ids of our side. */
  isOwn(id: number): boolean {
    return (id & 1) === this.#ownParity;
  }

  /** True if a stream of that id was opened, whatever has become of it. */
  wasOpened(id: number): boolean {
    return this.isOwn(id) ? this.#openings.wasOpened(id) : this.#peerIds.wasOpened(id);
  }

  /** Opens a stream of ours; `first` must stay as it is until the call's end. */
  open(stream: MuxStream, first: Uint8Array | undefined): void {
    this.openedStreams += 1;
    this.#openings.open(stream, first);
  }

  /** Uses up an id of the peer's; false if it was used already. */
  takePeerId(id: number): boolean {
    return this.#peerIds.open(id);
  }

  /** Enters a stream that the peer opened. */
  addPeerStream(id: number, stream: MuxStream): void {
    stream.id = id;
    stream.isAcknowledged = true;
    this.#streams.set(id, stream);
    this.peerStreams += 1;
    this.openedStreams += 1;
  }

  /** The peer has acknowledged a stream of ours, which makes room for another. */
  acknowledged(stream: MuxStream): void {
    stream.isAcknowledged = true;
    if (!this.#isEnding) this.#openings.acknowledged();
  }

  /** A stream is over. */
  remove(stream: MuxStream): void {
    if (stream.id === 0) {
      this.#openings.forget(stream);
      return;
    }
    this.#streams.delete(stream.id);
    if (!this.isOwn(stream.id)) this.peerStreams -= 1;
    else if (!stream.isAcknowledged) this.acknowledged(stream);
  }

  /** The stream with most bytes that its reader has not taken, if there are any. */
  largestUnread(): MuxStream | undefined {
    let largest: MuxStream | undefined;
    for (const stream of this.#streams.values()) {
      if (stream.unreadBytes > (largest?.unreadBytes ?? 0)) largest = stream;
    }
    return largest;
  }

  /** The session is gone, and so are all its streams. */
  end(error: Error | undefined): void {
    this.#isEnding = true;
    for (const stream of this.#streams.values()) stream.sessionClosed(error);
    for (const stream of this.#openings.waiting) stream.sessionClosed(error);
    this.#streams.clear();
    this.#openings.clear();
  }

  #start(id: number, stream: MuxStream, first: Uint8Array | undefined): void {
    this.#streams.set(id, stream);
    stream.start(id, first);
    if (this.#openings.isExhausted) this.#onExhausted();
  }
}
