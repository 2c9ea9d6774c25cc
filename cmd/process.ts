/** The real process as a command sees it. */
import { giveUpRights } from "./give_up.ts";
import { OutputClosedError } from "./report_error.ts";
import type { Output, ProcessContext } from "./command.ts";

/** The process's own streams and environment, ended by `signal`. */
export function processContext(signal: AbortSignal): ProcessContext {
  return {
    stdout: output(Deno.stdout),
    stderr: output(Deno.stderr),
    get stdin() {
      return Deno.stdin.readable;
    },
    env: (name) => Deno.env.get(name),
    envNames,
    giveUpRights,
    signal,
    onHangup: (run) => {
      Deno.addSignalListener("SIGHUP", run);
      return () => Deno.removeSignalListener("SIGHUP", run);
    },
  };
}

function envNames(): string[] {
  try {
    return Object.keys(Deno.env.toObject());
  } catch {
    // Run from its sources, with a right to some of them alone.
    return [];
  }
}

type StandardFile = typeof Deno.stdout;

function output(file: StandardFile): Output {
  const isTerminal = file.isTerminal();
  const encoder = new TextEncoder();
  let last: Promise<void> = Promise.resolve();
  return {
    isTerminal,
    get width() {
      // One that does not know says 0.
      return isTerminal ? Deno.consoleSize().columns || undefined : undefined;
    },
    get height() {
      return isTerminal ? Deno.consoleSize().rows || undefined : undefined;
    },
    // https://no-color.org: set to anything but nothing.
    isColoured: isTerminal && (Deno.env.get("NO_COLOR") ?? "") === "" &&
      Deno.env.get("TERM") !== "dumb",
    write: (chunk) => {
      const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
      // One after the other: two writes under way at once may mix their halves.
      const write = last.then(() => writeAll(file, bytes));
      last = write.catch(() => {});
      return write;
    },
  };
}

async function writeAll(file: StandardFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(await file.write(rest));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) {
        throw new OutputClosedError("peer", "Nobody reads the output any more", { cause: error });
      }
      throw error;
    }
  }
}
