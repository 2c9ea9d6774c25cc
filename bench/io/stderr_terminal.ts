/** The terminal that a script of ours is watched on, if there is one. */
import type { ProgressOutput } from "../../lib/progress.ts";

/** Written at once: between two lines of stdout nothing of it may be left. */
export const stderrTerminal: ProgressOutput = {
  isTerminal: Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb",
  get width() {
    return Deno.consoleSize().columns || undefined;
  },
  write: (text) => Deno.stderr.writeSync(new TextEncoder().encode(text)),
};
