/** Everything that can be said of an agent's settings on its machine. */
import { formatAddress, parseAddress } from "../../lib/address.ts";
import type { Address } from "../../lib/address.ts";
import type { AgentConfig } from "../../lib/agent/config.ts";
import { listerTimes, makeLister } from "../../lib/agent/listers/lister_config.ts";
import { probe } from "../../lib/agent/probe/probe.ts";
import { probeTargets } from "../../lib/agent/probe/probe_targets.ts";
import { DeadlineError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Step } from "../../lib/step.ts";
import { readAgentConfig } from "../agent.ts";
import { ADMIN_OPTIONS } from "../admin_options.ts";
import { AGENT_OPTIONS } from "../agent_options.ts";
import type { OptionValues } from "../option.ts";
import type { Settings } from "../settings.ts";
import { SOFTWARE } from "../software.ts";
import { checkAdmin } from "./check_admin.ts";
import type { AdminSettings } from "./check_admin.ts";
import { checkCertificates } from "./check_certificates.ts";
import { checkFiles } from "./check_files.ts";
import { checkAgentFiles } from "./check_machine.ts";
import { checkPorts } from "./check_ports.ts";
import { checkStep } from "./examination.ts";
import { namedFiles } from "./named_files.ts";

/** Deadline of each step towards a server, ms. */
const STEP_MS = 5000;
const PINGS = 20;

type AgentSettings = Settings<OptionValues<typeof AGENT_OPTIONS> & AdminSettings>;

/** @param isSound the settings can be used as they are. */
export async function* examineAgent(
  settings: AgentSettings,
  isSound: boolean,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { values } = settings;
  yield* checkFiles(namedFiles([...AGENT_OPTIONS, ...ADMIN_OPTIONS], settings));
  const { "tls-cert": cert, "tls-key": key, "tls-ca": ca } = values;
  yield* checkCertificates({
    pairs: cert === undefined || key === undefined ? [] : [{ cert, key }],
    authorities: ca === undefined ? [] : [ca],
  });
  const admin = await checkAdmin(settings, signal);
  if (admin !== undefined) {
    yield admin.step;
    const address = parseAddress(values.admin!, { host: "" });
    yield* checkPorts([{ address, isUdp: false, purpose: "admin" }], admin.isRunning, runtime);
  }
  yield checkAgentFiles();
  if (!isSound) return;
  const config = await readAgentConfig(settings, Deno.hostname());
  yield* tryServers(config, runtime, signal);
  yield* probeTargets(config, runtime, signal);
}

async function* tryServers(
  config: AgentConfig,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const servers = new Map(config.servers.map((server) => [formatAddress(server), server]));
  if (config.serverLister !== undefined) {
    yield await discover(config.serverLister, servers, runtime, signal);
  }
  for (const server of servers.values()) {
    yield* probe(
      {
        server,
        tls: config.tls,
        proxy: config.proxy,
        cluster: config.cluster,
        hostName: config.hostName,
        credential: config.credential,
        credentialPolicy: config.credentialPolicy,
        targets: config.targets,
        software: SOFTWARE,
        timeoutMs: Math.min(STEP_MS, config.connectTimeoutMs),
        pings: PINGS,
      },
      runtime,
      signal,
    );
  }
}

/** Asks the lister once, and puts what it finds to the others. */
async function discover(
  lister: NonNullable<AgentConfig["serverLister"]>,
  servers: Map<string, Address>,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Step> {
  const source = makeLister(lister, runtime.timers);
  return await checkStep(
    "discover",
    source.name,
    async () => {
      const { timeoutMs } = listerTimes(lister);
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const late = new DeadlineError(`no answer within ${timeoutMs} ms`);
      const { servers: found } = await source.list(deadline).catch((error) => {
        throw deadline.aborted ? late : error;
      });
      for (const server of found) servers.set(formatAddress(server), server);
      if (found.length === 0) throw new Error("names no server");
      return { detail: found.map(formatAddress).join(", ") };
    },
    () => "check that source; docs/discovery.md says what each is to give",
  );
}
