/** `revtun log-level`. */
import { ConfigError } from "../lib/errors.ts";
import { escapeControls, printable } from "../lib/printable.ts";
import { nearestMatch } from "../lib/suggest.ts";
import { ANSWERS } from "./admin_answers.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;

export const command: Command = defineCommand({
  name: "log-level",
  summary: "Show or change what a running server or agent logs",
  description: "LEVEL is debug, info, warn or error, and holds until the program ends. Without " +
    "LEVEL the present one is shown.",
  usage: "revtun log-level [options] [LEVEL]",
  args: { placeholder: "LEVEL", min: 0, max: 1, choices: LEVELS },
  options: [
    { name: "json", kind: "boolean", description: "Print the API's answer as it is" },
    ...CLIENT_OPTIONS,
  ],
  examples: [{ line: "revtun log-level debug", description: "of the server on 127.0.0.1:9901" }],
  async run(context) {
    const { values, args, stdout } = context;
    const [level] = args;
    if (level !== undefined) checkLevel(level);
    using client = await adminClientOf(context);
    const path = "/api/v1/log-level";
    const answer = level === undefined
      ? await client.get(path, ANSWERS.level)
      : await client.post(path, { level }, ANSWERS.level);
    await stdout.write(
      `${values.json ? escapeControls(JSON.stringify(answer)) : printable(answer.level)}\n`,
    );
    return EXIT.ok;
  },
});

/** @throws {ConfigError} */
function checkLevel(text: string): void {
  if ((LEVELS as readonly string[]).includes(text)) return;
  const nearest = nearestMatch(text, LEVELS);
  const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
  throw new ConfigError("LEVEL", `"${text}" is no level, expected ${LEVELS.join(", ")}${hint}`);
}
