/** `revtun decode-frame`. */
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "decode-frame",
  summary: "Read tunnel frames from a file or stdin",
  options: [],
  examples: [{ line: "revtun decode-frame < capture.bin", description: "one direction's bytes" }],
  async run({ stderr }) {
    await stderr.write("revtun: decode-frame is not built in yet\n");
    return EXIT.failed;
  },
});
