/** One step of looking at something, and its verdict: what `probe` and `doctor` are made of. */
import { DialError } from "./errors.ts";

/** `warn`: it works now, and something is to be done before long. */
export type Verdict = "ok" | "warn" | "fail";

/** What was measured: snake_case names, for machines. */
export type Facts = Readonly<
  Record<string, string | number | boolean | readonly Readonly<Record<string, string>>[]>
>;

/** One step and how it went. */
export interface Step {
  /** What was tried: "connect", "tls". */
  readonly name: string;
  /** What it was about: an address, a file, a target. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** How long it took. */
  readonly ms: number;
  /** What was found, or what is wrong. */
  readonly detail: string;
  /** What to do about it, where it is not well. */
  readonly advice?: string | undefined;
  readonly facts?: Facts | undefined;
}

/** What a step found that did not fail. */
export interface Found<T> {
  /** What later steps go on with. */
  readonly value: T;
  readonly detail: string;
  /** Default ok. */
  readonly verdict?: Exclude<Verdict, "fail">;
  readonly advice?: string | undefined;
  readonly facts?: Facts;
}

/** What to say of an error: its message and, where that is not all, more. */
export interface Explained {
  readonly detail?: string;
  readonly advice: string;
  readonly facts?: Facts;
}

/** A step, and what it leaves to the next ones; undefined where it failed. */
export type Outcome<T> = readonly [step: Step, value: T | undefined];

/** How to run a step. */
export interface StepOptions<T> {
  readonly name: string;
  readonly subject: string;
  nowMs(): number;
  run(): Promise<Found<T>>;
  /** Says what an error of `run()` means. */
  explain(error: unknown): Explained | Promise<Explained>;
}

/** Runs one step; rejects only if `explain()` does. */
export async function runStep<T>(options: StepOptions<T>): Promise<Outcome<T>> {
  const { name, subject, nowMs } = options;
  const startMs = nowMs();
  let endMs = startMs;
  try {
    const { value, detail, verdict = "ok", advice, facts } = await options.run()
      .finally(() => endMs = nowMs());
    const ms = round(endMs - startMs);
    return [{ name, subject, verdict, ms, detail, advice, facts }, value];
  } catch (error) {
    const explained = await options.explain(error);
    const { detail = detailOf(error), advice, facts } = explained;
    const ms = round(endMs - startMs);
    return [{ name, subject, verdict: "fail", ms, detail, advice, facts }, undefined];
  }
}

/** Milliseconds with as many digits as are worth reading. */
export function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** An error without the address of its step, which stands beside it. */
export function detailOf(error: unknown): string {
  if (error instanceof DialError) return error.detail;
  // Of the runtime come others than Error, and such without a message.
  return (error instanceof Error && error.message) || String(error);
}
