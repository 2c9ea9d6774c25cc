/** The program's start and end: the only place that ends the process. */
import { processContext } from "./cmd/process.ts";
import { run } from "./cmd/run.ts";

const ENDING_SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** Exit codes of a process that a signal ended, as shells give them. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

const ending = new AbortController();
for (const name of ENDING_SIGNALS) {
  Deno.addSignalListener(name, () => {
    // Asked twice: whoever waits has waited long enough.
    if (ending.signal.aborted) Deno.exit(SIGNAL_EXIT[name]);
    ending.abort(name);
  });
}
Deno.exit(await run(Deno.args, processContext(ending.signal)));
