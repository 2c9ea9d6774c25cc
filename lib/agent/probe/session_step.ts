/** What a session's pings tell of the way. */
import { DialError } from "../../errors.ts";
import type { Session } from "../../mux/session.ts";
import type { Runtime } from "../../runtime.ts";
import { round, runStep } from "../../step.ts";
import type { Step } from "../../step.ts";
import type { ClockDifference } from "./greeting.ts";

/** Clocks that differ by more than this make tokens of a short life fail. */
const MAX_DIFFERENCE_MS = 5000;

/** How to measure. */
export interface MeasureOptions {
  /** The server's address, for messages. */
  readonly name: string;
  readonly pings: number;
  /** Deadline of all of them, ms. */
  readonly timeoutMs: number;
  /** Told how many are done. */
  onProgress?(done: number): void;
}

/** Measures round trips, one after the other. */
export async function measureSession(
  session: Session,
  runtime: Runtime,
  options: MeasureOptions,
): Promise<Step> {
  const { name, pings, timeoutMs } = options;
  const [step] = await runStep({
    name: "session",
    subject: name,
    nowMs: runtime.nowMs,
    run: async () => {
      const rtts: number[] = [];
      const deadline = runtime.timers.after(timeoutMs, () => {
        const detail = `${rtts.length} of ${pings} pings were answered within ${timeoutMs} ms`;
        session.close(new DialError(name, "timeout", detail));
      });
      try {
        while (rtts.length < pings) {
          rtts.push(await session.ping());
          options.onProgress?.(rtts.length);
        }
      } finally {
        deadline.cancel();
      }
      rtts.sort((a, b) => a - b);
      const at = (share: number) => round(rtts[Math.min(pings - 1, Math.floor(pings * share))]!);
      const facts = {
        "rtt_min_ms": at(0),
        "rtt_median_ms": at(0.5),
        "rtt_p99_ms": at(0.99),
        pings,
      };
      return {
        value: undefined,
        detail: `round trip ${facts.rtt_min_ms} ms at best, ${facts.rtt_median_ms} ms median, ` +
          `${facts.rtt_p99_ms} ms p99 (${pings} pings)`,
        facts,
      };
    },
    explain: () => ({
      advice: "something on the way passes the handshake and then stops: look for a proxy there",
    }),
  });
  return step;
}

/** Judges how far the two clocks are apart. */
export function clockStep(name: string, { aheadMs, errorMs }: ClockDifference): Step {
  const facts = { "server_ahead_ms": round(aheadMs), "error_ms": round(errorMs) };
  const within = `(within ${Math.ceil(errorMs)} ms)`;
  const off = Math.abs(aheadMs);
  const step = { name: "clock", subject: name, ms: 0, facts } as const;
  const detail = off <= errorMs + 1
    ? `the server's is the same ${within}`
    : `the server's is ${inWords(off)} ${aheadMs > 0 ? "ahead" : "behind"} ${within}`;
  if (off - errorMs <= MAX_DIFFERENCE_MS) return { ...step, verdict: "ok", detail };
  return {
    ...step,
    verdict: "warn",
    detail,
    advice: "set both clocks by NTP: certificates and tokens of a short life fail otherwise",
  };
}

function inWords(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
