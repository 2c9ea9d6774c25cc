/** The real commands, started for tests of hostile peers. */
import { spawnCli } from "../cli/spawn_cli.ts";
import type { CliProcess } from "../cli/spawn_cli.ts";

/** A `revtun server` process that has begun to listen. */
export interface ServerCommand extends AsyncDisposable {
  readonly process: CliProcess;
  /** Where clients ask, "http://ip:port/". */
  readonly url: string;
  /** Where agents come in, "ip:port". */
  readonly tunnel: string;
}

/** Starts a server on loopback with an HTTP frontend. */
export async function startServer(
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<ServerCommand> {
  const places = ["--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0"];
  const process = spawnCli(["server", ...places, ...flags], { env });
  try {
    const [, tunnel = ""] = await process.printed(/event=tunnel\.listening .*address=(\S+)/);
    const [, client = ""] = await process.printed(/event=frontend\.listening .*?([\d.]+:\d+)/);
    return {
      process,
      url: `http://${client}/`,
      tunnel,
      [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
    };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts an agent of cluster edge-a with host name till-7 that dials again without much waiting. */
export function startAgent(
  server: ServerCommand,
  flags: readonly string[] = [],
  env: Record<string, string> = {},
): CliProcess {
  return spawnCli([
    "agent",
    ...["--server", server.tunnel, "--cluster", "edge-a", "--host-name", "till-7"],
    ...["--reconnect-base", "50ms", "--reconnect-max", "200ms", ...flags],
  ], { env });
}

/** Asks the frontend; the status and the body. */
export async function ask(
  url: string,
  headers: Record<string, string> = {},
): Promise<[status: number, body: string]> {
  const response = await fetch(url, { headers: { connection: "close", ...headers } });
  return [response.status, await response.text()];
}

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path(name: string): string }> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-test-" });
  return {
    path: (name) => `${folder}/${name}`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
