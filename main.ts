/** The program's start and end: the only place that ends the process. */
import { processContext } from "./cmd/process.ts";
import { run } from "./cmd/run.ts";

const ENDING_SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** Exit codes of a process that a signal ended, as shells give them. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Signals this close to the first one are the same wish, in ms: a terminal, and systemd, tell the
 * launcher of the npm package and us, and the launcher passes on what it is told.
 */
const ECHO_MS = 250;

const ending = new AbortController();
let askedMs = 0;
for (const name of ENDING_SIGNALS) {
  Deno.addSignalListener(name, () => {
    if (!ending.signal.aborted) {
      askedMs = performance.now();
      ending.abort(name);
    } else if (performance.now() - askedMs > ECHO_MS) {
      // Asked twice: whoever waits has waited long enough.
      Deno.exit(SIGNAL_EXIT[name]);
    }
  });
}
Deno.exit(await run(Deno.args, processContext(ending.signal)));
