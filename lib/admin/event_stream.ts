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

/** Sends a message. */
export type Send = (message: StreamMessage | Uint8Array) => void;

const utf8 = new TextEncoder();
const COMMENT = utf8.encode(":\n\n");
const RETRY = utf8.encode("retry: 1000\n\n");
/** Messages that may wait for a reader; one that is slower is cut off, and comes back by itself. */
const MAX_WAITING = 256;
/** A comment after so much silence, so that proxies and readers see that the stream lives. */
const COMMENT_INTERVAL_MS = 15_000;

/** Streams that are open; owned by the endpoint, which closes them. */
export class EventStreams {
  readonly #runtime: Runtime;
  readonly #maxStreams: number;
  readonly #open = new Set<() => void>();

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
   * @param start is given what sends a message, written out or not, and gives back what ends its source.
   * @throws {Problem} 503 when there are as many as may be.
   */
  respond(start: (send: Send) => () => void): Response {
    if (this.#open.size >= this.#maxStreams) {
      throw new Problem(503, `${this.#open.size} streams are open already`, { "retry-after": "5" });
    }
    let end = () => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        let stop = () => {};
        let comment: Timer | undefined = undefined;
        let isOver = false;
        end = () => {
          if (isOver) return;
          isOver = true;
          this.#open.delete(end);
          (comment as Timer | undefined)?.cancel();
          stop();
          try {
            controller.close();
          } catch {
            // The reader has cancelled it.
          }
        };
        const enqueue = (bytes: Uint8Array) => {
          if (isOver) return;
          if ((controller.desiredSize ?? 0) <= -MAX_WAITING) return end();
          controller.enqueue(bytes);
        };
        this.#open.add(end);
        comment = this.#runtime.timers.after(COMMENT_INTERVAL_MS, () => {
          enqueue(COMMENT);
          comment?.restart(COMMENT_INTERVAL_MS);
        });
        // Headers leave with the first byte.
        enqueue(RETRY);
        stop = start((message) =>
          enqueue(message instanceof Uint8Array ? message : encodeMessage(message))
        );
      },
      cancel: () => end(),
    });
    return new Response(body, {
      headers: { ...ADMIN_HEADERS, "content-type": "text/event-stream; charset=utf-8" },
    });
  }

  /** Ends every stream. */
  close(): void {
    for (const end of this.#open) end();
  }
}

/** Writes a message, for all who are told the same. */
export function encodeMessage(message: StreamMessage): Uint8Array {
  const id = message.id === undefined ? "" : `id: ${message.id}\n`;
  const event = message.event === undefined ? "" : `event: ${message.event}\n`;
  return utf8.encode(`${id}${event}data: ${message.data}\n\n`);
}
