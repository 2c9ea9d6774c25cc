/** `revtun server`. */
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "server",
  summary: "Run the tunnel server: frontends for clients, a tunnel port for agents",
  options: [],
  examples: [],
  async run({ stderr }) {
    await stderr.write("revtun: server is not built in yet\n");
    return EXIT.failed;
  },
});
