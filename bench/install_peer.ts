/** Builds peers that come as source. */
import { CACHE, isProgram } from "./programs.ts";
import type { PeerSpec } from "./peer_spec.ts";
import { lastLine } from "./wait_for_answer.ts";

/** Longest build. */
const BUILD_MS = 8 * 60_000;

/**
 * Builds `spec` into the cache folder unless it is there; the machine's other work goes first.
 *
 * @throws {Error} it cannot be built here; one line.
 */
export async function installPeer(
  spec: PeerSpec,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { install } = spec;
  if (install === undefined || await isProgram(/^\S+/.exec(spec.server)![0])) return;
  const [tool, what] = "crate" in install ? ["cargo", install.crate] : ["go", install.module];
  if (!await isProgram(tool)) {
    throw new Error(`it is not there, and there is no ${tool} to build it`);
  }
  print(`Building ${what}, once; it goes to ${CACHE}/peers`);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(BUILD_MS)]);
  if ("crate" in install) {
    const args = ["install", "-q", "--root", `${CACHE}/peers`, what, ...install.args];
    await build(["cargo", ...args], what, { signal: deadline });
    return;
  }
  // Not `go install`, which asks the proxy for a list of all versions: some have none.
  const told = await build(["go", "mod", "download", "-json", what], what, { signal: deadline });
  const { Dir: cwd } = JSON.parse(told) as { Dir: string };
  const out = `${Deno.cwd()}/${CACHE}/peers/bin/`;
  await Deno.mkdir(out, { recursive: true });
  const args = ["build", "-buildvcs=false", "-o", out, ...install.args, ...install.packages];
  await build(["go", ...args], what, { signal: deadline, cwd });
}

/** Runs a command at the lowest priority; returns what it printed. */
async function build(
  command: readonly string[],
  what: string,
  options: { readonly signal: AbortSignal; readonly cwd?: string },
): Promise<string> {
  const child = new Deno.Command("nice", {
    args: ["-n19", ...command],
    ...options,
    env: { CARGO_TERM_COLOR: "never" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const text = decoder.decode(stderr) || decoder.decode(stdout);
  const reason = /^error.*$/m.exec(text)?.[0] ?? lastLine(text);
  const detail = reason || `not within ${BUILD_MS / 60_000} min`;
  throw new Error(`${command[0]} cannot build ${what}: ${detail}`);
}

/** What the peer's own command says, in one line; "" without one. */
export async function versionOf(spec: PeerSpec, path: string): Promise<string> {
  if (spec.version === undefined) return "";
  const child = new Deno.Command("sh", {
    args: ["-c", spec.version],
    env: { PATH: path },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout).trim() || decoder.decode(stderr).trim();
  return /\d+\.\d+\S*/.exec(text)?.[0] ?? "";
}
