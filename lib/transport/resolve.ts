/** Names to addresses, as the system resolves them: hosts file, DNS, whatever else is set up. */
import { lookup } from "node:dns/promises";
import { DialError } from "../errors.ts";
import type { TimerWheel } from "../timer.ts";

/**
 * Resolves `host` to its IP addresses, each once, in the system's order; an address is itself.
 *
 * @throws {DialError} unknown name, or no answer within `timeoutMs`.
 */
export async function resolve(
  host: string,
  timers: TimerWheel,
  timeoutMs: number,
): Promise<string[]> {
  // The system's resolver cannot be called off: its late answer goes nowhere.
  let lose: (error: Error) => void = () => {};
  const lost = new Promise<never>((_, reject) => lose = reject);
  const deadline = timers.after(timeoutMs, () => {
    lose(new DialError(host, "timeout", `the name was not resolved within ${timeoutMs} ms`));
  });
  try {
    const answers = await Promise.race([lookup(host, { all: true, verbatim: true }), lost]);
    return [...new Set(answers.map(({ address }) => address))];
  } catch (error) {
    if (error instanceof DialError) throw error;
    throw new DialError(host, "unreachable", "the name cannot be resolved", { cause: error });
  } finally {
    deadline.cancel();
  }
}
