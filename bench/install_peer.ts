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
  if (spec.install === undefined || await isProgram(/^\S+/.exec(spec.server)![0])) return;
  if (!await isProgram("cargo")) {
    throw new Error("it is not there, and there is no cargo to build it");
  }
  const { crate, args } = spec.install;
  print(`Building ${crate}, once; it goes to ${CACHE}/peers`);
  const child = new Deno.Command("nice", {
    args: ["-n19", "cargo", "install", "-q", "--root", `${CACHE}/peers`, crate, ...args],
    env: { CARGO_TERM_COLOR: "never" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.any([signal, AbortSignal.timeout(BUILD_MS)]),
  });
  const { success, stderr } = await child.output();
  if (success) return;
  const text = new TextDecoder().decode(stderr);
  const reason = /^error.*$/m.exec(text)?.[0] ?? lastLine(text);
  throw new Error(
    `cargo install ${crate} failed: ${reason || `not within ${BUILD_MS / 60_000} min`}`,
  );
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
