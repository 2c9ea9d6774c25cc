/** Answers HTTP/1.1 requests in this process: pages of our own behind a byte stream. */
import type { SharedBuffer } from "../buffer.ts";
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import { FIELD } from "../codec/http1/field_id.ts";
import { requestFraming } from "../codec/http1/framing.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { memoryPair } from "../memory_duplex.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { chooseFormat, renderAnswer, renderResponse } from "./answer.ts";
import type { AnswerFormat } from "./answer.ts";
import { answerForRequest } from "./failure.ts";
import { HeadView } from "./route.ts";
import type { RequestView } from "./route.ts";

/** A page, in the format that the client prefers. */
export interface Page {
  readonly status: number;
  /** Whole header lines, without their ends, besides those that each answer has. */
  readonly fields?: readonly string[];
  readonly body: string;
}

/** Makes the page for a request, whose body nobody reads. Must not throw. */
export type PageFunction = (request: RequestView, format: AnswerFormat) => Page;

/** A connection without a request for this long is closed, ms. */
const IDLE_MS = 75_000;

/** Makes a byte stream with a service behind it that answers by `page`, as a target would. */
export function openPage(page: PageFunction, runtime: Runtime): Duplex {
  const [near, far] = memoryPair(["page", "page-client"]);
  far.attach(new HttpResponder(far, page, runtime));
  return near;
}

/** Serves one connection. */
export class HttpResponder implements Sink {
  readonly #client: Duplex;
  readonly #page: PageFunction;
  readonly #head = new RequestHead();
  readonly #view = new HeadView(this.#head);
  readonly #body = new BodyScanner();
  readonly #held: HeldBytes;
  readonly #timer: Timer;
  #isFull = false;
  #isEnding = false;

  constructor(client: Duplex, page: PageFunction, runtime: Runtime) {
    this.#client = client;
    this.#page = page;
    this.#held = new HeldBytes(runtime.pool);
    this.#timer = runtime.timers.after(IDLE_MS, () => client.close());
  }

  onData(bytes: Uint8Array, _buffer: SharedBuffer): void {
    if (this.#isEnding) return;
    this.#timer.restart(IDLE_MS);
    this.#held.append(bytes);
    if (!this.#body.isDone || this.#held.isHeadLikely()) this.#work();
  }

  onEnd(): void {
    this.#client.end();
  }

  onDrain(): void {
    this.#isFull = false;
    this.#work();
    if (!this.#isFull) this.#client.resume();
  }

  onClose(): void {
    this.#isEnding = true;
    this.#timer.cancel();
    this.#held.clear();
  }

  #work(): void {
    try {
      while (this.#held.length > 0 && !this.#isFull && !this.#isEnding && this.#step());
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const style = { format: "text", isHead: false, isKeepAlive: false, isHttp10: false } as const;
      this.#write(renderAnswer(answerForRequest(error), style));
      this.#end();
    }
  }

  /** Uses some of what is held; false if it needs more. */
  #step(): boolean {
    const { start, end } = this.#held;
    const { bytes } = this.#held.buffer!;
    let at: number;
    if (!this.#body.isDone) {
      at = this.#body.scan(bytes, start, end);
    } else {
      at = this.#head.parse(bytes, start, end);
      if (at === INCOMPLETE) return false;
      this.#body.start(requestFraming(this.#head), this.#head.contentLength);
      this.#answer();
    }
    if (this.#held.length > 0) this.#held.consume(at - start);
    return true;
  }

  #answer(): void {
    const head = this.#head;
    const accept = head.has(FIELD.accept) ? head.header("accept") : undefined;
    const format = chooseFormat(accept);
    const { status, fields, body } = this.#page(this.#view, format);
    const isKeepAlive = head.isKeepAlive && head.method !== "CONNECT";
    this.#write(renderResponse(status, fields ?? [], body, {
      format,
      isHead: head.method === "HEAD",
      isKeepAlive,
      isHttp10: head.minorVersion === 0,
    }));
    if (!isKeepAlive) this.#end();
  }

  #write(bytes: Uint8Array): void {
    if (this.#client.write(bytes)) return;
    this.#isFull = true;
    this.#client.pause();
  }

  #end(): void {
    this.#isEnding = true;
    this.#held.clear();
    this.#client.end();
  }
}
