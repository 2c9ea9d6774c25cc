/** `revtun probe`. */
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "probe",
  summary: "Check the way to a tunnel server step by step",
  options: [],
  examples: [],
  async run({ stderr }) {
    await stderr.write("revtun: probe is not built in yet\n");
    return EXIT.failed;
  },
});
