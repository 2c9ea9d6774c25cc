/** `revtun server` and `revtun agent` as the processes that users start. */
import { spawnCli } from "../cli/spawn_cli.ts";
import type { CliProcess } from "../cli/spawn_cli.ts";

/** A running `revtun server`. */
export interface ServerProcess extends AsyncDisposable {
  readonly process: CliProcess;
  /** Where agents come in, "127.0.0.1:PORT". */
  readonly tunnel: string;
  /** Ports of the frontends, in the order of `--listen`. */
  readonly ports: readonly number[];
}

/** Starts a server with frontends on loopback and waits until it listens. */
export async function serverProcess(
  frontends: readonly string[],
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const listen = frontends.flatMap((spec) => ["--listen", spec]);
  const process = spawnCli(["server", ...listen, "--tunnel", "127.0.0.1:0", ...flags]);
  try {
    const [, tunnel = ""] = await process.printed(/event=tunnel\.listening .*address=(\S+)/);
    await process.printed(
      new RegExp(`(event=frontend\\.listening [^]*){${frontends.length}}\\n`),
    );
    const ports = [...process.stderr.matchAll(/event=frontend\.listening .*\/\/[\d.]+:(\d+)/g)]
      .map(([, port]) => Number(port));
    return { process, tunnel, ports, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts an agent and waits until all its connections are registered. */
export async function agentProcess(
  tunnel: string,
  flags: readonly string[],
  connections = 2,
): Promise<CliProcess> {
  const process = spawnCli([
    "agent",
    ...["--server", tunnel, "--cluster", "edge-a", "--connections", `${connections}`],
    ...flags,
  ]);
  try {
    await process.printed(new RegExp(`event=tunnel\\.connected .*connections=${connections}\\b`));
    return process;
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}
