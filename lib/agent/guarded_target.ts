/** A target's connection behind the edge's own rules: it sees only what they let through. */
import { SharedBuffer } from "../buffer.ts";
import type { BufferPool } from "../buffer.ts";
import { BodyScanner } from "../codec/http1/body_scanner.ts";
import { requestFraming } from "../codec/http1/framing.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HeldBytes } from "../codec/http1/held_bytes.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import type { Duplex } from "../duplex.ts";
import { ClosedError } from "../errors.ts";
import { ForwardingDuplex } from "../forwarding_duplex.ts";
import { RawExchanges } from "./raw_exchanges.ts";

/** Who decides, and who is told. */
export interface TargetGuard {
  readonly pool: BufferPool;
  /** Decides on a request; the name of the rule that forbids it. Undefined: requests pass unseen. */
  judge?(head: RequestHead): string | undefined;
  /** What is no HTTP request is refused; else it passes, and all behind it. */
  readonly mustBeHttp?: boolean;
  /** It was: the name of the rule. */
  refusedGarbage?(): string;
  /** Bytes passed, either way; false if they were the last that may. */
  passed(bytes: number): boolean;
  /** The connection is closed. */
  closed(): void;
}

/**
 * - `head`: what comes next is a request's head;
 * - `body`: the rest of a request that was let through;
 * - `switching`: an offer to change the protocol waits for its answer, and so does what follows it;
 * - `open`: another protocol, by the target's word or because no rule is about requests;
 * - `refusing`: a request was refused, and answers before it are still on their way;
 * - `over`: our side has ended.
 */
type State = "head" | "body" | "switching" | "open" | "refusing" | "over";

/** Stands between a stream of the cloud side and its target. */
export class GuardedTarget extends ForwardingDuplex {
  readonly #guard: TargetGuard;
  readonly #head = new RequestHead();
  readonly #body = new BodyScanner();
  readonly #held: HeldBytes;
  /** Undefined where requests pass unseen. */
  readonly #exchanges: RawExchanges | undefined;
  #state: State;
  #rule = "";
  #isRefused = false;
  #isEnded = false;
  #owesDrain = false;
  /** The target is closed since it was refused, and the cloud side has still to read that. */
  #owesClose = false;

  constructor(target: Duplex, guard: TargetGuard) {
    super(target);
    this.#guard = guard;
    this.#held = new HeldBytes(guard.pool);
    this.#state = guard.judge === undefined ? "open" : "head";
    if (guard.judge !== undefined) this.#exchanges = new RawExchanges(guard.pool);
  }

  override get queuedBytes(): number {
    return this.inner.queuedBytes + this.#held.length;
  }

  override write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    // What comes behind a refusal is dropped, up to its end.
    if (this.#owesClose) return true;
    if (this.#state === "over" || this.inner.isClosed) return false;
    if (this.#state === "open") return this.#pass(bytes, buffer);
    if (this.#held.length > 0 || this.#state === "switching" || this.#state === "refusing") {
      this.#held.append(bytes);
      this.#takeHeld();
    } else {
      const used = this.#take(bytes, 0, bytes.length);
      if (used < bytes.length && !this.#isOver) this.#held.append(bytes.subarray(used));
    }
    // What is held waits for the target: the cloud side waits too.
    this.#owesDrain = this.#state === "switching" || this.#state === "refusing";
    return !this.#owesDrain && this.inner.queuedBytes === 0;
  }

  override end(): void {
    this.#isEnded = true;
    if (this.#owesClose) return this.#close();
    if (this.#state !== "switching" && this.#state !== "refusing") this.inner.end();
  }

  override close(error?: Error): void {
    if (this.#owesClose) this.#close(error);
    else this.inner.close(error);
  }

  override onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    if (this.#state === "over") return;
    if (!this.#guard.passed(bytes.length)) return this.#cut();
    this.#exchanges?.response(bytes);
    this.sink?.onData(bytes, buffer);
    if (this.#state === "switching" && this.#exchanges!.isAnswered) this.#offerAnswered();
    else if (this.#state === "refusing" && this.#exchanges!.isIdle) this.#answerRefusal();
  }

  override onEnd(): void {
    if (this.#state === "refusing") this.#answerRefusal();
    else if (this.#state !== "over") this.sink?.onEnd();
  }

  override onDrain(): void {
    if (!this.#owesDrain) this.sink?.onDrain();
  }

  override onClose(error?: Error): void {
    this.#held.clear();
    this.#exchanges?.close();
    this.#guard.closed();
    // A close before the other side's end is a reset, which overtakes the refusal.
    this.#owesClose = this.#isRefused && !this.#isEnded && error === undefined;
    if (!this.#owesClose) this.sink?.onClose(error);
  }

  #close(error?: Error): void {
    this.#owesClose = false;
    this.sink?.onClose(error);
  }

  get #isOver(): boolean {
    return this.#state === "over" || this.inner.isClosed;
  }

  #pass(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    if (!this.#guard.passed(bytes.length)) {
      this.#cut();
      return false;
    }
    return this.inner.write(bytes, buffer);
  }

  #takeHeld(): void {
    while (this.#held.length > 0 && (this.#state === "head" || this.#state === "body")) {
      if (this.#state === "head" && !this.#held.isHeadLikely()) return;
      const { buffer, start, end } = this.#held;
      buffer!.retain();
      const used = this.#take(buffer!.bytes, start, end) - start;
      buffer!.release();
      if (used === 0) return;
      if (this.#held.length > 0) this.#held.consume(used);
    }
    if (this.#state !== "open" || this.#held.length === 0) return;
    const { buffer, start, end } = this.#held;
    this.#pass(buffer!.bytes.subarray(start, end));
    this.#held.clear();
  }

  /** Uses bytes as requests and bodies; gives the index up to which it did. */
  #take(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.inner.isClosed) {
      if (this.#state === "body") {
        at = this.#takeBody(bytes, at, end);
      } else if (this.#state === "head") {
        const headEnd = this.#takeHead(bytes, at, end);
        if (headEnd === INCOMPLETE) return at;
        at = headEnd;
      } else if (this.#state === "open") {
        this.#pass(bytes.subarray(at, end));
        return end;
      } else {
        return at;
      }
    }
    return at;
  }

  #takeBody(bytes: Uint8Array, start: number, end: number): number {
    let bodyEnd: number;
    try {
      bodyEnd = this.#body.scan(bytes, start, end);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      if (this.#guard.mustBeHttp !== true) {
        this.#state = "open";
        return start;
      }
      // The target has a part of it: there is no answer that it could be told by.
      const rule = this.#guard.refusedGarbage!();
      this.close(new ClosedError("us", `Refused by rule ${rule}: ${error.message}`));
      return end;
    }
    this.#forward(bytes.subarray(start, bodyEnd));
    if (this.#body.isDone && this.#state === "body") this.#state = "head";
    return bodyEnd;
  }

  #takeHead(bytes: Uint8Array, start: number, end: number): number {
    const head = this.#head;
    let headEnd: number;
    try {
      headEnd = head.parse(bytes, start, end);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      if (this.#guard.mustBeHttp === true) {
        this.#refuse(this.#guard.refusedGarbage!());
        return end;
      }
      this.#state = "open";
      return start;
    }
    if (headEnd === INCOMPLETE) return INCOMPLETE;
    const rule = this.#guard.judge!(head);
    if (rule !== undefined) {
      this.#refuse(rule);
      return end;
    }
    const framing = requestFraming(head);
    // Forwarded first: what it was is looked at before its bytes may change hands.
    const { isUpgrade } = head;
    this.#forward(bytes.subarray(start, headEnd));
    if (framing === "tunnel" || isUpgrade) {
      this.#state = "switching";
    } else {
      this.#body.start(framing, head.contentLength);
      this.#state = this.#body.isDone ? "head" : "body";
    }
    return headEnd;
  }

  #forward(bytes: Uint8Array): void {
    this.#exchanges!.request(bytes);
    this.#pass(bytes);
  }

  /**
   * Another protocol begins only where the target says so, not where the cloud side does: by the
   * answer to its offer, not by what stands in the body of an answer before it.
   */
  #offerAnswered(): void {
    this.#state = this.#exchanges!.hasSwitched ? "open" : "head";
    this.#takeHeld();
    this.#goOn();
  }

  #goOn(): void {
    if (this.#state === "switching" || this.#state === "refusing" || this.#isOver) return;
    if (this.#isEnded) this.inner.end();
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    this.sink?.onDrain();
  }

  #refuse(rule: string): void {
    this.#rule = rule;
    this.#held.clear();
    this.#state = "refusing";
    if (!this.#exchanges!.isHttp) this.close(new ClosedError("us", `Refused by rule ${rule}`));
    else if (this.#exchanges!.isIdle) this.#answerRefusal();
  }

  #answerRefusal(): void {
    this.#state = "over";
    this.#isRefused = true;
    this.#held.clear();
    const bytes = refusal(this.#rule);
    // Not from within the call that wrote the request: its caller may not be ready for an answer.
    queueMicrotask(() => {
      if (this.inner.isClosed) return;
      this.sink?.onData(bytes, new SharedBuffer(bytes));
      this.sink?.onEnd();
      this.inner.end();
      this.inner.resume();
      if (!this.inner.isClosed) this.inner.close();
    });
  }

  /** The last bytes that may pass have passed: an end would make what was cut look whole. */
  #cut(): void {
    this.#state = "over";
    this.close(new ClosedError("us", "The edge's own rule max-daily-bytes forbids more"));
  }
}

function refusal(rule: string): Uint8Array<ArrayBuffer> {
  const body = `The edge does not allow this: its rule ${rule} forbids it.\n`;
  return new TextEncoder().encode(
    "HTTP/1.1 403 Forbidden\r\n" +
      "Content-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: ${body.length}\r\n` +
      `X-Revtun-Rule: ${rule}\r\n` +
      (rule === "max-request-rate" ? "Retry-After: 1\r\n" : "") +
      `Connection: close\r\n\r\n${body}`,
  );
}
