/** Programs that tests run to their end: others' and our own. */

/** How to run one. */
export interface RunOptions {
  /** What it reads; nothing unless given. It may leave before it has read all of it. */
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Of another user. */
  readonly uid?: number;
  readonly gid?: number;
}

/** What came of it. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Programs of these that are not there. */
export async function missingPrograms(...programs: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const program of programs) {
    const isThere = await new Deno.Command("which", { args: [program], stdout: "null" }).output()
      .then(({ success }) => success, () => false);
    if (!isThere) missing.push(program);
  }
  return missing;
}

/** Whether a program is there, by its name or path. */
export async function hasProgram(program: string): Promise<boolean> {
  return (await missingPrograms(program)).length === 0;
}

/** Runs a program to its end, whatever that is. @throws {Deno.errors.NotFound} it is not there. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<Outcome> {
  const { code, stdout, stderr } = await run(program, args, options);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a program to its end; what it printed. @throws {Error} with what it said, if it fails. */
export async function outputOf(
  program: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  return new TextDecoder().decode(await bytesOf(program, args, options));
}

/** As {@link outputOf}, for what is no text. */
export async function bytesOf(
  program: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code === 0) return stdout;
  const said = [stderr, stdout].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(`${program} ended with ${code}: ${said}`);
}

async function run(
  program: string,
  args: readonly string[],
  { stdin, ...options }: RunOptions = {},
): Promise<Deno.CommandOutput> {
  const child = new Deno.Command(program, {
    args: [...args],
    ...options,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  if (stdin !== undefined) await feed(child.stdin, stdin);
  return await output;
}

async function feed(
  into: WritableStream<Uint8Array<ArrayBuffer>>,
  stdin: string | Uint8Array<ArrayBuffer>,
): Promise<void> {
  const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
  await new Blob([bytes]).stream().pipeTo(into).catch(() => {/* It has read enough. */});
}
