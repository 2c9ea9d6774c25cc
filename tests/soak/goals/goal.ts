/** What the project wants to reach when things stop and break, measured with its real commands. */

/** What came of one. */
export interface Outcome {
  readonly isReached: boolean;
  /** What was measured, in words. */
  readonly measured: string;
}

/** One goal. */
export interface Goal {
  /** On the command line. */
  readonly name: string;
  /** What has to hold. */
  readonly wanted: string;
  run(): Promise<Outcome>;
}

/** The ports of a server that the goals start. */
export interface Ports {
  readonly client: number;
  readonly tunnel: number;
  readonly admin: number;
}

/** `revtun server` on these ports. */
export function serverLine({ client, tunnel, admin }: Ports): string[] {
  return [
    "server",
    `--listen=127.0.0.1:${client}`,
    `--tunnel=127.0.0.1:${tunnel}`,
    `--admin=127.0.0.1:${admin}`,
  ];
}

/** `revtun agent` of cluster edge-a. */
export function agentLine(name: string, server: string, target: string): string[] {
  return [
    "agent",
    `--server=${server}`,
    "--cluster=edge-a",
    `--host-name=${name}`,
    `--target=${target}`,
  ];
}

/** A service that says "ok" to everything. */
export function okService(): { readonly address: string; close(): Promise<void> } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("ok"),
  );
  return { address: `127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
