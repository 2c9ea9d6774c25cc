/** `revtun encode-frame`. */
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "encode-frame",
  summary: "Write a tunnel frame from JSON",
  options: [],
  examples: [{ line: "revtun encode-frame < frames.json", description: "one frame a line" }],
  async run({ stderr }) {
    await stderr.write("revtun: encode-frame is not built in yet\n");
    return EXIT.failed;
  },
});
