/** `revtun agent`. */
import { formatAddress } from "../lib/address.ts";
import type { Admin } from "../lib/admin/admin.ts";
import { startAgent } from "../lib/agent/agent.ts";
import type { AgentEnd, RunningAgent } from "../lib/agent/agent.ts";
import type { AgentConfig } from "../lib/agent/config.ts";
import { formatTarget } from "../lib/agent/target.ts";
import { ClosedError, HandshakeError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { ADMIN_OPTIONS, readAdminSetup, startAdminOf } from "./admin_options.ts";
import type { AdminSetup } from "./admin_options.ts";
import { AGENT_OPTIONS } from "./agent_options.ts";
import { agentConfigOf, isTlsAsked } from "./read_agent_config.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command, Context } from "./command.ts";
import { CONFIG_OPTION, LOG_OPTIONS } from "./common_options.ts";
import type { OptionValues } from "./option.ts";
import { rightsFor } from "./give_up.ts";
import type { Right } from "./give_up.ts";
import { readProxy } from "./read_proxy.ts";
import { readToken } from "./read_token.ts";
import type { Settings } from "./settings.ts";
import { tlsClientOf } from "./tls_options.ts";
import { openStreamTracer } from "./trace_options.ts";
import { SOFTWARE } from "./software.ts";

type AgentSettings = Settings<OptionValues<typeof AGENT_OPTIONS>>;

export const command: Command = defineCommand({
  name: "agent",
  summary: "Run an agent: dial a tunnel server and forward what comes to targets",
  description: "Registers as a host of a cluster with one or more tunnel servers and keeps the " +
    "connections up. What the cloud side sends through them goes to the targets named here.\n\n" +
    "Ends with exit code 3 when every server refuses it for good.",
  section: "agent",
  options: [...AGENT_OPTIONS, CONFIG_OPTION, ...ADMIN_OPTIONS, ...LOG_OPTIONS],
  examples: [
    {
      line: "revtun agent --server cloud:9000 --cluster edge-a --target 127.0.0.1:8000",
      description: "make the HTTP service on port 8000 reachable as cluster edge-a",
    },
    {
      line: "revtun agent --server cloud:9000 --cluster edge-a --target ssh=127.0.0.1:22 " +
        "--allow 10.0.0.0/8:80,443",
      description: "a named target, and a network that the cloud side may reach into",
    },
  ],
  async check(settings, runtime) {
    await readAdminSetup(settings, runtime);
    await readAgentConfig(settings, Deno.hostname());
  },
  async run(context) {
    const machineName = Deno.hostname();
    const config = await readAgentConfig(context, machineName);
    const plain = context.createRuntime();
    const setup = await readAdminSetup(context, plain);
    const runtime = setup?.runtime ?? plain;
    const { log } = runtime;
    announce(config, log);
    const agent = await startAgent(config, runtime, {
      software: SOFTWARE,
      tracer: await openStreamTracer(context.env),
    });
    const admin = setup && await serveAdmin(agent, setup, context);
    const following = context.followSettings({
      watched: () => ["token-file", "proxy-file"],
      runtime,
      apply: async (settings) => agent.apply(await readAgentConfig(settings, machineName)),
    });
    await context.giveUpRights?.(rightsOf(context.values, config, setup !== undefined));
    const stop = () => {
      log.info("agent.stopping", "Stopping: telling the servers, letting work in flight end", {
        in_flight: agent.workCount,
      });
      void agent.close();
    };
    if (context.signal.aborted) stop();
    else context.signal.addEventListener("abort", stop, { once: true });
    const end = await agent.ended;
    context.signal.removeEventListener("abort", stop);
    await following.close();
    await admin?.close();
    if (end.reason === "closed") log.info("agent.stopped", "All connections are closed");
    return exitCodeOf(end);
  },
});

/** An agent dials, and reads again what may be changed under it: its token, certificates, settings. */
function rightsOf(
  values: AgentSettings["values"] & { readonly config: string | undefined },
  config: AgentConfig,
  hasAdmin: boolean,
): Right[] {
  const addresses = [...config.servers, ...[...config.targets.values()].map((t) => t.address)];
  // Deno asks for both of who connects to a Unix socket.
  const hasUnix = addresses.some(({ kind }) => kind === "unix");
  const hasFiles = values["token-file"] !== undefined || values.config !== undefined ||
    values["proxy-file"] !== undefined ||
    config.serverLister !== undefined || config.tls !== undefined ||
    [...config.targets.values()].some((t) => t.protocol === "tls");
  return rightsFor({
    net: true,
    read: hasUnix || hasAdmin || hasFiles || config.stateDir !== undefined,
    write: hasUnix || hasAdmin || config.stateDir !== undefined,
  });
}

/** Makes the configuration of an agent on this machine. @throws {ConfigError} */
export async function readAgentConfig(
  settings: AgentSettings,
  machineName: string,
): Promise<AgentConfig> {
  const credential = await readToken(settings.values, (option) => settings.sourceOf(option));
  const tls = await tlsClientOf(settings, isTlsAsked(settings.values.server));
  const proxy = await readProxy(settings.values, (option) => settings.sourceOf(option));
  return agentConfigOf(settings, { machineName, credential, tls, proxy });
}

/** Starts the admin endpoint; without it there is to be no agent. @throws {ListenError} */
async function serveAdmin(
  agent: RunningAgent,
  setup: AdminSetup,
  context: Context<unknown>,
): Promise<Admin> {
  try {
    const { AGENT_ROUTES } = await import("../lib/admin/agent_routes.ts");
    const view = () => context.settingsView();
    return await startAdminOf(setup, context, AGENT_ROUTES, { agent }, view);
  } catch (error) {
    await agent.abort();
    throw error;
  }
}

function announce(config: AgentConfig, log: Log): void {
  log.info("agent.started", "Dialling the tunnel servers", {
    cluster: config.cluster,
    host: config.hostName,
    servers: config.servers.map(formatAddress).join(","),
    ...(config.proxy !== undefined && { proxy: formatAddress(config.proxy.address) }),
    targets: [...config.targets.values()]
      .map((target) => `${target.name === "" ? "default" : target.name}=${formatTarget(target)}`)
      .join(",") || "own page",
  });
  if (config.tls?.isInsecure) {
    log.error(
      "tls.insecure",
      "The servers are not checked: whoever is on the way can pose as one, take the credential and " +
        "reach the targets; give --tls-ca or --tls-pin instead of --tls-insecure",
    );
  }
}

function exitCodeOf(end: AgentEnd): number {
  switch (end.reason) {
    case "closed":
    case "disabled":
      return EXIT.ok;
    case "refused":
      if (end.error instanceof HandshakeError) throw end.error;
      return EXIT.refused;
    case "givenUp":
      throw new ClosedError(
        "us",
        `Gave up dialling: ${
          end.error?.message ?? "no server"
        }; revtun probe shows how far it gets`,
      );
  }
}
