/** Lets probes measure how fast bytes pass: bounded, one at a time, and only who may. */
import { encodeAnswer } from "../codec/preface.ts";
import type { AnswerStatus, Preface } from "../codec/preface.ts";
import type { Duplex } from "../duplex.ts";
import { BULK_LIMITS, BulkReader, BulkSender } from "../mux/bulk.ts";
import type { Runtime } from "../runtime.ts";

/** Who may measure: whoever has a credential, only from this machine, or nobody. */
export type ThroughputRule = "on" | "loopback" | "off";

/** Who asks. */
export interface ThroughputAsker {
  readonly isLoopback: boolean;
  /** Its credential or its certificate was checked. */
  readonly isAuthenticated: boolean;
}

/** From the agent to the server, and from the server to the agent. */
export const THROUGHPUT_KINDS = ["throughput-up", "throughput-down"] as const;

/** A measurement that does not end by itself is ended after this. */
const DEADLINE_MS = 10_000;

/** The measurements of one server. */
export class Throughput {
  readonly #runtime: Runtime;
  readonly #rule: () => ThroughputRule;
  #isBusy = false;

  constructor(runtime: Runtime, rule: () => ThroughputRule) {
    this.#runtime = runtime;
    this.#rule = rule;
  }

  /** Takes a stream whose preface asks for it; false if that asks for something else. */
  take(stream: Duplex, { kind }: Preface, asker: ThroughputAsker): boolean {
    const isUp = kind === THROUGHPUT_KINDS[0];
    if (!isUp && kind !== THROUGHPUT_KINDS[1]) return false;
    const refusal = this.#refusal(asker);
    if (refusal !== undefined) {
      stream.write(encodeAnswer(refusal));
      this.#endSoon(stream);
      return true;
    }
    this.#isBusy = true;
    stream.write(encodeAnswer({ status: "open" }));
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      this.#isBusy = false;
      deadline.cancel();
      this.#endSoon(stream);
    };
    const deadline = this.#runtime.timers.after(DEADLINE_MS, () => stream.close());
    if (isUp) stream.attach(new BulkReader(over));
    else new BulkSender(stream, BULK_LIMITS, this.#runtime.nowMs, over).start();
    return true;
  }

  #refusal(asker: ThroughputAsker): { status: AnswerStatus; reason: string } | undefined {
    const rule = this.#rule();
    if (rule === "off" || (rule === "loopback" && !asker.isLoopback)) {
      const reason = "this server does not let it be measured: --probe-throughput on";
      return { status: "notAllowed", reason };
    }
    if (!asker.isLoopback && !asker.isAuthenticated) {
      const reason = "only agents with a credential may measure it, and this server asks for none";
      return { status: "notAllowed", reason };
    }
    return this.#isBusy
      ? { status: "busy", reason: "another measurement is under way on this server" }
      : undefined;
  }

  /** Ends our side; a peer that does not end its own is not waited for. */
  #endSoon(stream: Duplex): void {
    if (stream.isClosed) return;
    stream.end();
    const deadline = this.#runtime.timers.after(DEADLINE_MS, () => stream.close());
    stream.attach({
      onData() {},
      onEnd() {},
      onDrain() {},
      onClose: () => deadline.cancel(),
    });
  }
}
