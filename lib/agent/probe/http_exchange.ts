/** One request of HTTP and its answer, with the times of its parts. */
import { BodyScanner } from "../../codec/http1/body_scanner.ts";
import { responseFraming } from "../../codec/http1/framing.ts";
import { INCOMPLETE } from "../../codec/http1/head.ts";
import { HeldBytes } from "../../codec/http1/held_bytes.ts";
import { ResponseHead } from "../../codec/http1/response_head.ts";
import type { Duplex, Sink } from "../../duplex.ts";
import { ClosedError, DeadlineError } from "../../errors.ts";
import { TargetSession } from "../../http/h2/target_session.ts";
import type { Runtime } from "../../runtime.ts";

export type HttpVersion = "1.1" | "2";

/** An answer that was read to its end. */
export interface HttpResult {
  readonly version: HttpVersion;
  readonly status: number;
  /** From the request to the head's first byte, ms. */
  readonly firstByteMs: number;
  /** From the request to the end of the body, or of what was read of it, ms. */
  readonly totalMs: number;
  readonly bodyBytes: number;
  /** Values of fields, by the names that were asked for, in small letters. */
  readonly fields: ReadonlyMap<string, string>;
}

/** What to ask, and how long. */
export interface HttpQuestion {
  /** What is spoken; HTTP/2 only inside TLS, where that agreed on it. */
  readonly version: HttpVersion;
  readonly path: string;
  /** Value of Host. */
  readonly host: string;
  /** Whole further lines. */
  readonly lines: readonly string[];
  /** Fields of the answer that matter, in small letters. */
  readonly wanted: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What is read of a body; more tells nothing new. */
const MAX_BODY_BYTES = 64 << 20;

/**
 * Asks on a connection of its own, which is closed behind the answer.
 *
 * @throws {DeadlineError | ClosedError} no answer in time, or none at all.
 * @throws {HttpError} what came is no HTTP.
 */
export async function askByHttp(
  connection: Duplex,
  question: HttpQuestion,
  runtime: Runtime,
): Promise<HttpResult> {
  if (question.version === "1.1") return await exchange(connection, question, runtime);
  const session = new TargetSession(connection, runtime.timers, () => {}, "https");
  try {
    return await exchange(session.open(connection.name, undefined, () => {}), question, runtime);
  } catch (error) {
    if (!(error instanceof ClosedError && error.by === "peer")) throw error;
    // Which speaks of a target, as sessions to them do.
    throw new ClosedError("peer", "it agreed on HTTP/2 and broke off without an answer", {
      cause: error,
    });
  } finally {
    session.close();
  }
}

/** @param connection speaks HTTP/1, or what it is made of. */
function exchange(
  connection: Duplex,
  question: HttpQuestion,
  runtime: Runtime,
): Promise<HttpResult> {
  return new Promise((resolve, reject) => {
    const sink = new HttpExchange(connection, question, runtime, resolve, reject);
    connection.attach(sink);
    sink.start();
  });
}

class HttpExchange implements Sink {
  readonly #connection: Duplex;
  readonly #question: HttpQuestion;
  readonly #runtime: Runtime;
  readonly #resolve: (result: HttpResult) => void;
  readonly #reject: (error: Error) => void;
  readonly #head = new ResponseHead();
  readonly #held: HeldBytes;
  readonly #body = new BodyScanner();
  readonly #deadline: { cancel(): void };
  readonly #giveUp = () => this.#fail(new ClosedError("us", "given up"));
  #startMs = 0;
  #firstByteMs = 0;
  #status = 0;
  #fields = new Map<string, string>();
  #bodyBytes = 0;
  #isSettled = false;

  constructor(
    connection: Duplex,
    question: HttpQuestion,
    runtime: Runtime,
    resolve: (result: HttpResult) => void,
    reject: (error: Error) => void,
  ) {
    this.#connection = connection;
    this.#question = question;
    this.#runtime = runtime;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#held = new HeldBytes(runtime.pool);
    const { timeoutMs, signal } = question;
    this.#deadline = runtime.timers.after(timeoutMs, () => this.#late());
    signal.addEventListener("abort", this.#giveUp);
  }

  start(): void {
    const { path, host, lines } = this.#question;
    this.#startMs = this.#runtime.nowMs();
    const head = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      "User-Agent: revtun-probe",
      "Accept: */*",
      "Connection: close",
      ...lines,
    ];
    this.#connection.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  }

  onData(bytes: Uint8Array): void {
    if (this.#isSettled) return;
    try {
      if (this.#firstByteMs === 0) this.#firstByteMs = this.#passedMs();
      if (this.#status !== 0) return this.#takeBody(bytes, 0, bytes.length);
      this.#held.append(bytes);
      this.#takeHead();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  onEnd(): void {
    if (this.#status !== 0) this.#done();
    else this.#fail(unanswered());
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    if (this.#status !== 0) this.#done();
    else this.#fail(error ?? unanswered());
    this.#held.clear();
  }

  #takeHead(): void {
    const head = this.#head;
    while (this.#held.isHeadLikely()) {
      const { buffer, start, end } = this.#held;
      const headEnd = head.parse(buffer!.bytes, start, end);
      if (headEnd === INCOMPLETE) return;
      if (head.isInterim) {
        this.#held.consume(headEnd - start);
        continue;
      }
      this.#status = head.status;
      for (const name of this.#question.wanted) {
        const value = head.header(name);
        if (value !== undefined) this.#fields.set(name, value);
      }
      this.#body.start(responseFraming(head, "GET"), head.contentLength);
      return this.#takeBody(buffer!.bytes, headEnd, end);
    }
  }

  #takeBody(bytes: Uint8Array, start: number, end: number): void {
    this.#body.scan(bytes, start, end, (from, to) => this.#bodyBytes += to - from);
    if (this.#body.isDone || this.#bodyBytes >= MAX_BODY_BYTES) this.#done();
  }

  #late(): void {
    // An answer without an end tells enough, too.
    if (this.#status !== 0) return this.#done();
    this.#fail(new DeadlineError(`no answer within ${this.#question.timeoutMs} ms`));
  }

  #done(): void {
    this.#settle(() =>
      this.#resolve({
        version: this.#question.version,
        status: this.#status,
        firstByteMs: this.#firstByteMs,
        totalMs: this.#passedMs(),
        bodyBytes: this.#bodyBytes,
        fields: this.#fields,
      })
    );
  }

  #fail(error: Error): void {
    this.#settle(() => this.#reject(error));
  }

  #settle(settle: () => void): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#deadline.cancel();
    this.#question.signal.removeEventListener("abort", this.#giveUp);
    settle();
    this.#connection.close();
  }

  #passedMs(): number {
    return this.#runtime.nowMs() - this.#startMs;
  }
}

function unanswered(): ClosedError {
  return new ClosedError("peer", "it ended the connection without an answer");
}
