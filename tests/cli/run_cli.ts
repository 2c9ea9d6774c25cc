/** The program run inside the test, its output as text. */
import type { Output, ProcessContext } from "../../cmd/command.ts";
import { run } from "../../cmd/run.ts";

/** What a run printed and how it ended. */
export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a run finds around it. */
export interface CliSurroundings {
  env?: Record<string, string>;
  stdin?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Where stdout goes; kept as text unless given. */
  stdout?: Output;
  signal?: AbortSignal;
}

/** Runs a command line, without the program's name. */
export async function runCli(
  argv: readonly string[],
  surroundings: CliSurroundings = {},
): Promise<CliResult> {
  const text = new TextOutput();
  const stdout = surroundings.stdout ?? text;
  const stderr = new TextOutput();
  const { stdin = "" } = surroundings;
  const process: ProcessContext = {
    stdout,
    stderr,
    stdin: stdin instanceof ReadableStream ? stdin : new Blob([stdin as BlobPart]).stream(),
    env: (name) => surroundings.env?.[name],
    envNames: () => Object.keys(surroundings.env ?? {}),
    signal: surroundings.signal ?? new AbortController().signal,
  };
  const code = await run(argv, process);
  return { code, stdout: text.text, stderr: stderr.text };
}

/** An output that keeps what it gets. */
export class TextOutput implements Output {
  readonly isTerminal: boolean = false;
  readonly isColoured = false;
  text = "";
  readonly #decoder = new TextDecoder();

  write(chunk: string | Uint8Array): Promise<void> {
    this.text += typeof chunk === "string" ? chunk : this.#decoder.decode(chunk, { stream: true });
    return Promise.resolve();
  }
}
