/** An error as its one line on stderr, and the exit code that goes with it. */
import { ClosedError, ConfigError, HandshakeError, RevtunError } from "../lib/errors.ts";
import { EXIT } from "./command.ts";
import { printable } from "../lib/printable.ts";
import type { Output } from "./command.ts";

/** Thrown by an {@link Output} whose reader has gone, as of `revtun … | head`. */
export class OutputClosedError extends ClosedError {
  override name = "OutputClosedError";
}

/** How to report. */
export interface ReportOptions {
  /** True to print the stack, and those of the causes. */
  isStackWanted: boolean;
}

/** Prints what went wrong and resolves to the exit code; never rejects. */
export async function reportError(
  error: unknown,
  stderr: Output,
  options: ReportOptions,
): Promise<number> {
  // Nobody is left to read: the reader has what it wanted.
  if (error instanceof OutputClosedError) return EXIT.ok;
  const head = stderr.isColoured ? "\x1b[31mrevtun:\x1b[0m" : "revtun:";
  let text = `${head} ${messageOf(error)}\n`;
  if (options.isStackWanted) text += `${stackOf(error)}\n`;
  await stderr.write(text).catch(() => {});
  return exitCodeOf(error);
}

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT.usage;
  if (error instanceof HandshakeError && !error.isRetriable) return EXIT.refused;
  return EXIT.failed;
}

function messageOf(error: unknown): string {
  if (error instanceof RevtunError) return oneLine(error.message);
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `${oneLine(text)} (unexpected; --log-level debug shows where)`;
}

function stackOf(error: unknown): string {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    lines.push(current.stack ?? current.message);
    current = current.cause;
  }
  return lines.join("\nCaused by: ");
}

/** Reasons come from peers, too. */
function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, "; "));
}
