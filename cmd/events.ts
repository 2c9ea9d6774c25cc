/** `revtun events`. */
import { formatEvent } from "../lib/log_format.ts";
import { escapeControls, printable } from "../lib/printable.ts";
import { ANSWERS } from "./admin_answers.ts";
import type { Answer } from "./admin_answers.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "events",
  summary: "Show what happened at a running server or agent",
  description:
    "Prints its latest events, oldest first; with --follow also those that come, until " +
    "Ctrl-C, over restarts too.",
  options: [
    {
      name: "limit",
      kind: "number",
      placeholder: "N",
      default: "100",
      min: 1,
      max: 1000,
      description: "How many of the past ones",
    },
    { name: "follow", short: "f", kind: "boolean", description: "Go on with those that come" },
    { name: "json", kind: "boolean", description: "One JSON object a line" },
    ...CLIENT_OPTIONS,
  ],
  examples: [
    { line: "revtun events --follow", description: "watch agents come and go" },
    { line: "revtun events --limit 1000 --json", description: "for a script" },
  ],
  async run(context) {
    const { values, stdout, stderr } = context;
    using client = await adminClientOf(context);
    const path = `/api/v1/events?limit=${values.limit}`;
    const print = (event: Answer<typeof ANSWERS.event>) =>
      stdout.write(
        values.json ? `${escapeControls(JSON.stringify(event))}\n` : formatEvent("text", {
          time: new Date(event.ts),
          level: event.level,
          event: event.event,
          message: event.message,
          fields: event.fields,
        }, stdout.isColoured),
      );
    if (!values.follow) {
      for (const event of (await client.get(path, ANSWERS.events)).items) await print(event);
      return EXIT.ok;
    }
    // On stderr: stdout is for events alone.
    const note = (text: string) => void stderr.write(`revtun: ${text}\n`).catch(() => {});
    const watching = {
      onLost: (reason: string) => note(`${printable(reason)}; asking anew each second`),
      onBack: () => note("it answers again"),
    };
    for await (const event of client.follow(path, ANSWERS.event, watching)) await print(event);
    return EXIT.ok;
  },
});
