/** `revtun weight`. */
import { ConfigError } from "../lib/errors.ts";
import { escapeControls } from "../lib/printable.ts";
import { ANSWERS } from "./admin_answers.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import { HOST_PLACEHOLDER, hostPath } from "./host_argument.ts";

export const command: Command = defineCommand({
  name: "weight",
  summary: "Change a host's share of its cluster's requests",
  description: "WEIGHT is 0 (no new work) to 10000, or own: what the agent itself asks for. It " +
    "holds for the name: also when its agent comes back. Without WEIGHT the present one is shown.",
  usage: "revtun weight [options] CLUSTER/HOST [WEIGHT]",
  args: { placeholder: HOST_PLACEHOLDER, min: 1, max: 2 },
  options: [
    { name: "json", kind: "boolean", description: "Print the API's answer as it is" },
    ...CLIENT_OPTIONS,
  ],
  examples: [
    { line: "revtun weight edge-a/till-7 30", description: "three times its share of 10" },
    { line: "revtun weight edge-a/till-7 own", description: "as its agent asks for" },
  ],
  async run(context) {
    const { values, args, stdout } = context;
    const [host = "", text] = args;
    const path = hostPath(host);
    const weight = text === undefined ? undefined : parseWeight(text);
    using client = await adminClientOf(context);
    const answer = weight === undefined
      ? await client.get(path, ANSWERS.namedHosts)
      : await client.post(`${path}/weight`, { weight }, ANSWERS.namedHosts);
    if (values.json) {
      await stdout.write(`${escapeControls(JSON.stringify(answer))}\n`);
      return EXIT.ok;
    }
    const [first] = answer.items;
    if (first === undefined) {
      const counts = weight === null ? "its agent's weight counts" : `weight ${weight} counts`;
      await stdout.write(`${host} is away; ${counts} when it is back\n`);
      return EXIT.ok;
    }
    const { weight: now, weight_by_operator: byOperator } = first;
    const whose = byOperator === null ? "as its agent asks for" : "set by an operator";
    await stdout.write(`${host} has weight ${now}, ${whose}\n`);
    return EXIT.ok;
  },
});

/** @throws {ConfigError} */
function parseWeight(text: string): number | null {
  if (text === "own") return null;
  const weight = Number(text);
  if (/^\d+$/.test(text) && weight <= 10_000) return weight;
  throw new ConfigError("WEIGHT", `"${text}" is no weight, expected 0 to 10000 or own`);
}
