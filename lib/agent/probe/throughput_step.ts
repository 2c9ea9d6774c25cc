/** Measures how fast bytes pass through a session, where the server lets it be measured. */
import { AnswerDecoder, encodePreface } from "../../codec/preface.ts";
import type { Answer } from "../../codec/preface.ts";
import type { Sink } from "../../duplex.ts";
import { ClosedError, DeadlineError } from "../../errors.ts";
import { BULK_LIMITS, BulkReader, BulkSender } from "../../mux/bulk.ts";
import type { Session } from "../../mux/session.ts";
import type { MuxStream } from "../../mux/stream.ts";
import type { Runtime } from "../../runtime.ts";
import { round, runStep } from "../../step.ts";
import type { Step } from "../../step.ts";

/** Longest wait for the end, beyond the second that is sent for. */
const PATIENCE_MS = 8000;

/** Up, then down; one step each. */
export async function* measureThroughput(
  session: Session,
  name: string,
  runtime: Runtime,
): AsyncGenerator<Step> {
  for (const direction of ["up", "down"] as const) {
    const step = await measure(session, name, runtime, direction);
    yield step;
    // The second one would be refused for the same reason.
    if (step.verdict !== "ok") return;
  }
}

async function measure(
  session: Session,
  name: string,
  runtime: Runtime,
  direction: "up" | "down",
): Promise<Step> {
  const [step] = await runStep<void>({
    name: direction === "up" ? "upload" : "download",
    subject: name,
    nowMs: runtime.nowMs,
    run: async () => {
      const test = new ThroughputTest(session, runtime, direction);
      const { bytes, ms, refusal } = await test.result;
      if (refusal !== undefined) {
        return {
          value: undefined,
          detail: `not measured: ${refusal.reason ?? refusal.status}`,
          verdict: "warn",
          advice: refusal.status === "busy"
            ? "try again in a few seconds"
            : "start the server with --probe-throughput on, and dial it with a credential",
        };
      }
      const megabytes = bytes / 1e6;
      const rate = megabytes / (ms / 1000);
      return {
        value: undefined,
        detail: `${rate.toFixed(1)} MB/s: ${megabytes.toFixed(1)} MB in ${round(ms / 1000)} s`,
        facts: { bytes, "duration_ms": round(ms), "mb_per_s": round(rate) },
      };
    },
    explain: () => ({
      advice: "the server may be older than this command; session pings show whether it is there",
    }),
  });
  return step;
}

/** What came of it. */
interface ThroughputResult {
  readonly bytes: number;
  readonly ms: number;
  /** The server does not want to. */
  readonly refusal?: Answer;
}

/** One direction: asks, waits for the answer, sends or counts. */
class ThroughputTest implements Sink {
  readonly result: Promise<ThroughputResult>;
  readonly #runtime: Runtime;
  readonly #isUp: boolean;
  readonly #stream: MuxStream;
  readonly #answers = new AnswerDecoder();
  readonly #deadline: { cancel(): void };
  readonly #settled = Promise.withResolvers<ThroughputResult>();
  #startMs = 0;

  constructor(session: Session, runtime: Runtime, direction: "up" | "down") {
    this.#runtime = runtime;
    this.#isUp = direction === "up";
    this.result = this.#settled.promise;
    this.#stream = session.open(encodePreface({ kind: `throughput-${direction}` }));
    this.#deadline = runtime.timers.after(BULK_LIMITS.durationMs + PATIENCE_MS, () => {
      this.#fail(new DeadlineError("it did not come to its end in time"));
    });
    this.#stream.attach(this);
  }

  onData(bytes: Uint8Array): void {
    try {
      const decoded = this.#answers.push(bytes);
      if (decoded === undefined) return;
      if (decoded.answer.status !== "open") {
        return this.#settle({ bytes: 0, ms: 0, refusal: decoded.answer });
      }
      this.#begin(decoded.rest);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  onEnd(): void {
    this.#fail(new ClosedError("peer", "the server ended the stream without an answer"));
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#fail(error ?? new ClosedError("peer", "the session ended"));
  }

  #begin(rest: Uint8Array): void {
    const { nowMs } = this.#runtime;
    this.#startMs = nowMs();
    if (this.#isUp) {
      // The server ends its side once it has read the last byte.
      const sender = new BulkSender(
        this.#stream,
        BULK_LIMITS,
        nowMs,
        (error) => this.#over(sender.sentBytes, error),
      );
      sender.start();
      return;
    }
    const reader = new BulkReader((error) => this.#over(reader.receivedBytes, error));
    if (rest.length > 0) reader.onData(rest);
    this.#stream.attach(reader);
  }

  #over(bytes: number, error: Error | undefined): void {
    if (error !== undefined) return this.#fail(error);
    this.#settle({ bytes, ms: Math.max(1, this.#runtime.nowMs() - this.#startMs) });
  }

  #fail(error: Error): void {
    this.#deadline.cancel();
    this.#settled.reject(error);
    this.#stream.close();
  }

  #settle(result: ThroughputResult): void {
    this.#deadline.cancel();
    this.#settled.resolve(result);
    this.#stream.end();
  }
}
