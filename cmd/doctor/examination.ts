/** What the checks of `doctor` share: how a step is made, and what is known so far. */
import { detailOf, runStep } from "../../lib/step.ts";
import type { Explained, Facts, Found, Step, Verdict } from "../../lib/step.ts";

/** What a check found out without waiting for anybody. */
export interface Finding {
  readonly verdict: Verdict;
  readonly detail: string;
  readonly advice?: string | undefined;
  readonly facts?: Facts | undefined;
}

/** Makes a step of what took no time. */
export function stepOf(name: string, subject: string, finding: Finding): Step {
  return { name, subject, ms: 0, ...finding };
}

/** Runs a check whose error is its verdict. */
export async function checkStep(
  name: string,
  subject: string,
  run: () => Promise<Omit<Found<unknown>, "value">>,
  advise: (error: unknown) => string,
): Promise<Step> {
  const [step] = await runStep<undefined>({
    name,
    subject,
    nowMs: () => performance.now(),
    run: async () => ({ ...await run(), value: undefined }),
    explain: (error): Explained => ({ detail: detailOf(error), advice: advise(error) }),
  });
  return step;
}
