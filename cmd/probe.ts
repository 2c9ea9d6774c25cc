/** `revtun probe`. */
import { formatAddress } from "../lib/address.ts";
import { probe } from "../lib/agent/probe/probe.ts";
import { parseServerAddress } from "../lib/agent/server_address.ts";
import { IDENTITY_OPTIONS, isTlsAsked, policyOf } from "./agent_options.ts";
import { defineCommand } from "./command.ts";
import type { Command } from "./command.ts";
import { LOG_OPTIONS } from "./common_options.ts";
import { readSetting } from "./read_setting.ts";
import { readToken } from "./read_token.ts";
import { StepPrinter } from "./step_lines.ts";
import { SOFTWARE } from "./version.ts";
import { TLS_CLIENT_OPTIONS, tlsClientOf } from "./tls_options.ts";

export const command: Command = defineCommand({
  name: "probe",
  summary: "Check the way to a tunnel server step by step",
  description: "Resolves the name, connects to each of its addresses, shakes hands and measures " +
    "the round trip. Registers nothing. Exit code 1 when a step fails.",
  args: { placeholder: "SERVER", min: 1, max: 1 },
  options: [
    {
      name: "cluster",
      kind: "string",
      placeholder: "NAME",
      description: "Also ask whether an agent of this cluster would be accepted",
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
    { name: "json", kind: "boolean", description: "Print the steps as one JSON object" },
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
  ],
  async run(context) {
    const { values, args, stdout, signal } = context;
    const server = readSetting("SERVER", () => parseServerAddress(args[0] ?? ""));
    const tls = await tlsClientOf(context, isTlsAsked(args));
    const credential = await readToken(values, (option) => context.sourceOf(option));
    const options = {
      server,
      tls,
      cluster: values.cluster,
      hostName: "revtun-probe",
      credential,
      credentialPolicy: policyOf(values, credential),
      software: SOFTWARE,
      timeoutMs: values.timeout,
      pings: values.pings,
    };
    const printer = new StepPrinter(stdout, values.json);
    for await (const step of probe(options, context.createRuntime(), signal)) {
      await printer.print(step);
    }
    return await printer.finish({ server: formatAddress(server) });
  },
});
