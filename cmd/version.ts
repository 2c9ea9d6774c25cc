/** `revtun version`. */
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import { VERSION } from "./software.ts";

export const command: Command = defineCommand({
  name: "version",
  summary: "Print the version",
  options: [{ name: "json", kind: "boolean", description: "Print as JSON" }],
  examples: [{ line: "revtun --version", description: "the same" }],
  async run({ values, stdout }) {
    const about = { revtun: VERSION, deno: Deno.version.deno, target: Deno.build.target };
    await stdout.write(
      values.json
        ? `${JSON.stringify(about)}\n`
        : `revtun ${VERSION} (deno ${about.deno}, ${about.target})\n`,
    );
    return EXIT.ok;
  },
});
