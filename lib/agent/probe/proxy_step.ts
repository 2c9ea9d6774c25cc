/** The connection to a proxy, as a step: whether it leads on is seen by the next one. */
import { formatAddress } from "../../address.ts";
import type { Address } from "../../address.ts";
import type { Runtime } from "../../runtime.ts";
import { runStep } from "../../step.ts";
import type { Outcome } from "../../step.ts";
import { dial } from "../../transport/dial.ts";
import type { DialProxy } from "../../transport/dial.ts";

/** What helps where a proxy can be reached and the server cannot by it. */
export const PROXY_ADVICE = "ask who runs the proxy to let this machine through to that host and " +
  "port, or give what it asks for: --proxy-file, REVTUN_PROXY";

/** How to try. */
interface ReachOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly runtime: Runtime;
  /** Gets what is left of a dial that was given up. */
  readonly rests: Promise<void>[];
}

/** Connects to the proxy, and leaves `server` as it is: the proxy resolves its name. */
export async function reachProxy(
  { address }: DialProxy,
  server: Address,
  { timeoutMs, signal, runtime, rests }: ReachOptions,
): Promise<Outcome<readonly Address[]>> {
  return await runStep({
    name: "proxy",
    subject: formatAddress(address),
    nowMs: runtime.nowMs,
    run: async () => {
      const onGivenUp = (rest: Promise<void>) => void rests.push(rest);
      const socket = await dial(address, runtime, { timeoutMs, signal, onGivenUp });
      socket.close();
      return { value: [server], detail: `TCP from ${formatAddress(socket.local)}` };
    },
    explain: () => ({
      advice: "correct --proxy, or check that this machine may reach that address and port",
    }),
  });
}
