/** Server-sent events (WHATWG HTML, section 9.2): answers that go on until either side ends them. */
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { ADMIN_HEADERS, Problem } from "./problem.ts";

/** One message of a stream. */
export interface StreamMessage {
  /** What a browser asks to go on after when it comes back. */
  readonly id?: number;
  readonly event?: string;
  /** Without line feeds: JSON has none. */
  readonly data: string;
}

/** Where a stream's messages go. */
export interface Sink {
  /** Messages wait for the reader: who has newer ones to tell later may leave some out. */
  readonly isBehind: boolean;
  /** Sends a message, written out or not. */
  send(message: StreamMessage | Uint8Array): void;
}

const utf8 = new TextEncoder();
const COMMENT = utf8.encode(":\n\n");
const RETRY = utf8.encode("retry: 1000\n\n");
/**
 * Messages that may wait for a reader; one that is slower is cut off, and comes back by itself. All
 * events that are kept, 1,000, may be told at once.
 */
const MAX_WAITING = 1200;
/** As many wait for a reader that is behind. */
const MANY_WAITING = 4;
/** A comment after so much silence, so that proxies and readers see that the stream lives. */
const COMMENT_INTERVAL_MS = 15_000;
/** A reader that takes nothing is cut off after so many of these intervals. */
const MAX_IDLE_INTERVALS = 4;

/** Streams that are open; owned by the endpoint, which closes them. */
export class EventStreams {
  readonly #runtime: Runtime;
  readonly #maxStreams: number;
  readonly #open = new Set<OpenStream>();

  /** @param maxStreams streams at once; 100 by default. */
  constructor(runtime: Runtime, maxStreams = 100) {
    this.#runtime = runtime;
    this.#maxStreams = maxStreams;
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * Answers with a stream.
   *
   * @param start is given where to send messages, and gives back what ends their source.
   * @throws {Problem} 503 when there are as many as may be.
   */
  respond(start: (sink: Sink) => () => void): Response {
    if (this.#open.size >= this.#maxStreams) {
      throw new Problem(503, `${this.#open.size} streams are open already`, { "retry-after": "5" });
    }
    const stream = new OpenStream(this.#runtime, () => this.#open.delete(stream));
    this.#open.add(stream);
    try {
      stream.begin(start);
    } catch (error) {
      stream.end();
      throw error;
    }
    return new Response(stream.body, {
      headers: { ...ADMIN_HEADERS, "content-type": "text/event-stream; charset=utf-8" },
    });
  }

  /** Ends every stream. */
  close(): void {
    for (const stream of this.#open) stream.end();
  }
}

class OpenStream implements Sink {
  readonly body: ReadableStream<Uint8Array>;
  readonly #comments: Timer;
  readonly #onEnd: () => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #stop = () => {};
  #isOver = false;
  #sent = 0;
  /** Messages that the reader had taken at the last interval, and intervals since it took any. */
  #taken = 0;
  #idleIntervals = 0;

  constructor(runtime: Runtime, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.end(),
    });
    this.#comments = runtime.timers.after(COMMENT_INTERVAL_MS, () => this.#comment());
  }

  begin(start: (sink: Sink) => () => void): void {
    // Headers leave with the first byte.
    this.send(RETRY);
    const stop = start(this);
    if (this.#isOver) stop();
    else this.#stop = stop;
  }

  get isBehind(): boolean {
    return this.#waiting >= MANY_WAITING;
  }

  send(message: StreamMessage | Uint8Array): void {
    if (this.#isOver) return;
    if (this.#waiting >= MAX_WAITING) return this.end();
    this.#sent += 1;
    this.#controller.enqueue(message instanceof Uint8Array ? message : encodeMessage(message));
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#comments.cancel();
    this.#onEnd();
    this.#stop();
    try {
      this.#controller.close();
    } catch {
      // The reader has cancelled it.
    }
  }

  get #waiting(): number {
    // One that may wait is what a stream wants by itself.
    return 1 - (this.#controller.desiredSize ?? 1);
  }

  #comment(): void {
    const taken = this.#sent - this.#waiting;
    this.#idleIntervals = taken === this.#taken ? this.#idleIntervals + 1 : 0;
    this.#taken = taken;
    if (this.#idleIntervals >= MAX_IDLE_INTERVALS) return this.end();
    this.send(COMMENT);
    this.#comments.restart(COMMENT_INTERVAL_MS);
  }
}

/** Writes a message, for all who are told the same. */
export function encodeMessage(message: StreamMessage): Uint8Array {
  const id = message.id === undefined ? "" : `id: ${message.id}\n`;
  const event = message.event === undefined ? "" : `event: ${message.event}\n`;
  return utf8.encode(`${id}${event}data: ${message.data}\n\n`);
}
