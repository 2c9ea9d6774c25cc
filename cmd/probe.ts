/** `revtun probe`. */
import { formatAddress } from "../lib/address.ts";
import type { AgentConfig } from "../lib/agent/config.ts";
import { probe } from "../lib/agent/probe/probe.ts";
import { parseViaUrl, probeVia } from "../lib/agent/probe/probe_via.ts";
import { probeTargets } from "../lib/agent/probe/probe_targets.ts";
import { parseServerAddress } from "../lib/agent/server_address.ts";
import { ConfigError } from "../lib/errors.ts";
import { IDENTITY_OPTIONS, PROXY_OPTIONS } from "./agent_options.ts";
import { isTlsAsked, policyOf } from "./read_agent_config.ts";
import { defineCommand } from "./command.ts";
import type { Command, ProcessContext } from "./command.ts";
import { CONFIG_OPTION, LOG_OPTIONS } from "./common_options.ts";
import { readProxy } from "./read_proxy.ts";
import { readSetting } from "./read_setting.ts";
import { readToken } from "./read_token.ts";
import { checkName } from "../lib/name.ts";
import { loadSection } from "./section_settings.ts";
import { StepPrinter } from "./step_lines.ts";
import { SOFTWARE } from "./software.ts";
import { TLS_CLIENT_OPTIONS, tlsClientOf } from "./tls_options.ts";

/** How a frontend's certificate is checked unless flags say so. */
const PUBLIC_TLS = { ca: undefined, serverName: undefined, pins: [], isInsecure: false };

export const command: Command = defineCommand({
  name: "probe",
  summary: "Check the way to a tunnel server step by step",
  description:
    "Resolves the name, connects to each of its addresses, looks at TLS, shakes hands, " +
    "compares clocks and measures the round trip. Registers nothing. Exit code 1 when a step " +
    "fails; docs/troubleshooting.md shows what that looks like and what helps.",
  args: { placeholder: "SERVER", min: 0, max: 1 },
  options: [
    {
      name: "cluster",
      kind: "string",
      placeholder: "NAME",
      description: "Also ask whether an agent of this cluster would be accepted",
    },
    {
      name: "host-name",
      kind: "string",
      placeholder: "NAME",
      parse: checkName,
      description: "Ask as an agent of this name: credentials may be bound to one",
      defaultText: "revtun-probe",
    },
    {
      name: "timeout",
      kind: "duration",
      placeholder: "TIME",
      default: "5s",
      min: 1,
      description: "Deadline of each step",
    },
    {
      name: "pings",
      kind: "number",
      placeholder: "N",
      default: "20",
      min: 1,
      max: 1000,
      description: "Round trips to measure",
    },
    {
      name: "throughput",
      kind: "boolean",
      description: "Also send bytes for a second each way, where the server has --probe-throughput",
    },
    {
      name: "via",
      kind: "string",
      placeholder: "URL",
      parse: parseViaUrl,
      description:
        "Also go the way of a client: http://frontend:port/path, or https:// and then by HTTP/2 " +
        "where that is agreed on, with the time of each hop where the server has --probe-timings",
    },
    {
      name: "targets",
      kind: "boolean",
      description: "Try the targets of the agent that --config describes, from here, instead",
    },
    {
      ...CONFIG_OPTION,
      description: "Settings file of an agent: its servers, cluster, credential, TLS and targets",
    },
    { name: "json", kind: "boolean", description: "Print the steps as one JSON object" },
    ...PROXY_OPTIONS,
    ...IDENTITY_OPTIONS,
    ...TLS_CLIENT_OPTIONS,
    ...LOG_OPTIONS,
  ],
  examples: [
    { line: "revtun probe cloud:9000", description: "is there a tunnel server, and how far away?" },
    {
      line: "revtun probe tls://cloud:9000",
      description: "what certificate does it show, is it trusted, when does it expire?",
    },
    {
      line: "revtun probe cloud:9000 --cluster edge-a --token-file token --json",
      description: "would this agent be let in? for a script",
    },
    {
      line: "revtun probe --via http://cloud:8080/path",
      description: "a client's way, with the time of each hop; no SERVER is needed for that",
    },
    {
      line: "revtun probe --targets --config agent.yaml",
      description: "does this machine reach what that agent forwards to?",
    },
  ],
  async run(context) {
    const { values, args, stdout, stderr, signal } = context;
    const { config: path, targets: isAboutTargets } = values;
    const config = path === undefined ? undefined : await readConfigOf(path, context);
    if (isAboutTargets && config === undefined) {
      throw new ConfigError("--targets", "needs --config FILE, the settings of the agent");
    }
    const runtime = context.createRuntime();
    using printer = new StepPrinter(stdout, stderr, values.json);
    if (isAboutTargets) {
      for await (const step of probeTargets(config!, runtime, signal)) await printer.print(step);
      return await printer.finish({});
    }
    const via = values.via === undefined
      ? undefined
      : readSetting(context.sourceOf("via"), () => parseViaUrl(values.via!));
    const servers = args.length > 0
      ? [readSetting("SERVER", () => parseServerAddress(args[0]!))]
      : config?.servers ?? [];
    if (servers.length === 0 && via === undefined) {
      throw new ConfigError("SERVER", "missing, give its host:port, or --config FILE that has it");
    }
    const isTls = values.tls || isTlsAsked(args);
    const given = await tlsClientOf(context, isTls || via?.isTls === true);
    const tls = isTls ? given : config?.tls;
    const credential = await readToken(values, (option) => context.sourceOf(option)) ??
      config?.credential;
    const proxy = await readProxy(values, (option) => context.sourceOf(option)) ?? config?.proxy;
    for (const server of servers) {
      const options = {
        server,
        tls,
        proxy,
        cluster: values.cluster ?? config?.cluster,
        hostName: values["host-name"] ?? config?.hostName ?? "revtun-probe",
        credential,
        credentialPolicy: values.credential ?? config?.credentialPolicy ??
          policyOf(values, credential),
        targets: config?.targets,
        software: SOFTWARE,
        timeoutMs: values.timeout,
        pings: values.pings,
        hasThroughput: values.throughput,
        onProgress: (what: string) => printer.doing(`${formatAddress(server)} ${what}`),
      };
      for await (const step of probe(options, runtime, signal)) await printer.print(step);
    }
    if (via !== undefined) {
      const options = { url: via, tls: given ?? PUBLIC_TLS, timeoutMs: values.timeout };
      for await (const step of probeVia(options, runtime, signal)) await printer.print(step);
    }
    return await printer.finish({ servers: servers.map(formatAddress) });
  },
});

async function readConfigOf(path: string, process: ProcessContext): Promise<AgentConfig> {
  const { command: agent, readAgentConfig } = await import("./agent.ts");
  return await readAgentConfig(await loadSection(agent, path, process), Deno.hostname());
}
