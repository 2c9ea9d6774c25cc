/** The new server's side of a takeover; the steps are in lib/admin/takeover.ts. */
import { formatAddress } from "../lib/address.ts";
import { placeOf } from "../lib/admin/takeover.ts";
import type { Estate } from "../lib/admin/takeover.ts";
import { parseExposeUrl } from "../lib/codec/expose_url.ts";
import { RevtunError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { ServerConfig } from "../lib/server/config.ts";
import { ruleFor } from "../lib/server/expose_rule.ts";
import { RunningServer } from "../lib/server/server.ts";
import { adoptOverrides } from "../lib/server/steering.ts";
import { ANSWERS } from "./admin_answers.ts";
import { AdminClient } from "./admin_client.ts";
import type { AdminSetup } from "./admin_options.ts";
import { SOFTWARE } from "./software.ts";

/** How long hosts of the old server have to come over before clients are let in all the same. */
const ARRIVAL_TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** It was found out before anything was changed that it cannot be. */
export class TakeoverError extends RevtunError {
  override name = "TakeoverError";
}

/**
 * Makes a server in place of the one whose admin endpoint `setup` names.
 *
 * @throws {AdminError | TakeoverError} nobody is there, or it cannot be: nothing has changed then.
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
  try {
    const estate: Estate = await client.post("/api/v1/takeover/begin", {
      tunnels: config.tunnels.map(formatAddress).join(" "),
      frontends: config.frontends.map(placeOf).join(" "),
    }, ANSWERS.estate);
    try {
      checkExposures(estate, config);
      adoptOverrides(server.registry, estate.overrides);
      await server.listenForAgents();
      await client.post("/api/v1/takeover/agents", {}, ANSWERS.anything);
      await arrival(server, estate, runtime);
      await server.listenForClients();
      const { overrides } = await client.post("/api/v1/takeover/finish", {}, ANSWERS.overrides);
      adoptOverrides(server.registry, overrides);
    } catch (error) {
      await client.post("/api/v1/takeover/abort", {}, ANSWERS.anything).catch(() => {});
      throw error;
    }
  } catch (error) {
    await server.close(0);
    throw error;
  }
  runtime.log.info("takeover.done", "Took over from the server that was here", {
    hosts: server.registry.hostCount,
    exposures: [...server.exposures.list].length,
    overrides: server.registry.overrides.list().length,
  });
  return server;
}

/** @throws {TakeoverError} agents would lose a frontend that they have. */
function checkExposures({ exposures }: Estate, { allowExpose }: ServerConfig): void {
  const refused = exposures.filter(({ frontend, identities }) =>
    identities.some((identity) =>
      ruleFor(allowExpose, parseExposeUrl(frontend), identity) === undefined
    )
  );
  if (refused.length === 0) return;
  const names = refused.map(({ frontend }) => frontend).join(", ");
  throw new TakeoverError(
    `The new server's --allow-expose does not let agents have what they have now: ${names}; ` +
      "allow it, or take it away from the running server first by a reload",
  );
}

/** Resolves when all hosts and their frontends are here, or at the deadline. */
async function arrival(server: RunningServer, estate: Estate, runtime: Runtime): Promise<void> {
  const deadlineMs = runtime.nowMs() + ARRIVAL_TIMEOUT_MS;
  const missing = new Set([...estate.hosts, ...estate.exposures.map(({ frontend }) => frontend)]);
  for (;;) {
    for (const cluster of server.registry.clusters.values()) {
      for (const host of cluster.hosts.values()) missing.delete(`${host.cluster}/${host.hostName}`);
    }
    for (const { url } of server.exposures.list) missing.delete(url);
    if (missing.size === 0) return;
    if (runtime.nowMs() > deadlineMs) {
      runtime.log.warn("takeover.incomplete", "Not all has come over yet; going on", {
        missing: missing.size,
        first: [...missing][0],
      });
      return;
    }
    await new Promise<void>((resolve) => runtime.timers.after(LOOK_EVERY_MS, resolve));
  }
}
