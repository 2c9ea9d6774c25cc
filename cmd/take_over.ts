/** The new server's side of a takeover; the steps are in lib/admin/takeover.ts. */
import { formatAddress } from "../lib/address.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { ServerConfig } from "../lib/server/config.ts";
import { RunningServer } from "../lib/server/server.ts";
import { AdminClient } from "./admin_client.ts";
import type { AdminSetup } from "./admin_options.ts";
import { SOFTWARE } from "./version.ts";

/** How long hosts of the old server have to come over before clients are let in all the same. */
const HOSTS_TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 20;

/**
 * Makes a server in place of the one whose admin endpoint `setup` names.
 *
 * @throws {AdminError} nobody is there, or it refuses: nothing has changed then.
 * @throws {ListenError} the old server goes on.
 */
export async function takeOver(
  config: ServerConfig,
  runtime: Runtime,
  setup: AdminSetup,
  signal: AbortSignal,
): Promise<RunningServer> {
  const server = new RunningServer(config, runtime, SOFTWARE);
  using client = new AdminClient(setup.address, setup.token, signal);
  const { hosts } = await client.post("/api/v1/takeover/begin", {
    tunnels: config.tunnels.map(formatAddress).join(" "),
    frontends: config.frontends.map(({ address }) => formatAddress(address)).join(" "),
  });
  try {
    await server.listenForAgents();
    await client.post("/api/v1/takeover/agents");
    await arrival(server, hosts, runtime);
    await server.listenForClients();
    await client.post("/api/v1/takeover/finish");
  } catch (error) {
    await client.post("/api/v1/takeover/abort").catch(() => {});
    await server.close(0);
    throw error;
  }
  runtime.log.info("takeover.done", "Took over from the server that was here", {
    hosts: server.registry.hostCount,
  });
  return server;
}

/** Resolves when all of `expected` ("cluster/host") are connected, or at the deadline. */
async function arrival(
  server: RunningServer,
  expected: readonly string[],
  runtime: Runtime,
): Promise<void> {
  const deadlineMs = runtime.nowMs() + HOSTS_TIMEOUT_MS;
  const missing = new Set(expected);
  for (;;) {
    for (const cluster of server.registry.clusters.values()) {
      for (const host of cluster.hosts.values()) missing.delete(`${host.cluster}/${host.hostName}`);
    }
    if (missing.size === 0) return;
    if (runtime.nowMs() > deadlineMs) {
      runtime.log.warn("takeover.incomplete", "Some hosts have not come over yet; going on", {
        missing: missing.size,
        first: [...missing][0],
      });
      return;
    }
    await new Promise<void>((resolve) => runtime.timers.after(LOOK_EVERY_MS, resolve));
  }
}
