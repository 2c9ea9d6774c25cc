/** `revtun agent`. */
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "agent",
  summary: "Run an agent: dial a tunnel server and forward what comes to targets",
  options: [],
  examples: [],
  async run({ stderr }) {
    await stderr.write("revtun: agent is not built in yet\n");
    return EXIT.failed;
  },
});
