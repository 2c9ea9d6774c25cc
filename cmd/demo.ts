/** `revtun demo`. */
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "demo",
  summary: "Run server, agent and a backend here and send requests through",
  options: [],
  examples: [],
  async run({ stderr }) {
    await stderr.write("revtun: demo is not built in yet\n");
    return EXIT.failed;
  },
});
