/** `CLUSTER/HOST` on a command line, and commands that change one host. */
import type * as v from "valibot";
import { ConfigError } from "../lib/errors.ts";
import { escapeControls } from "../lib/printable.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import type { Answer } from "./admin_answers.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

/** How commands call an argument that names a host; shells complete it. */
export const HOST_PLACEHOLDER = "CLUSTER/HOST";

/** The API's path of the host that `text` names. @throws {ConfigError} */
export function hostPath(text: string): string {
  const slash = text.indexOf("/");
  const [cluster, host] = [text.slice(0, slash), text.slice(slash + 1)];
  if (slash < 1 || host === "") {
    throw new ConfigError(
      `"${text}"`,
      "names no host, expected CLUSTER/HOST as revtun status shows it",
    );
  }
  return `/api/v1/hosts/${encodeURIComponent(cluster)}/${encodeURIComponent(host)}`;
}

/** Makes a command that does one thing to one host. */
export function hostCommand<T extends v.GenericSchema>(init: {
  /** Of the command, and the last part of the API's path. */
  name: string;
  summary: string;
  description: string;
  example: string;
  /** What the API answers. */
  answer: T;
  /** A sentence for what was done. */
  told(host: string, answer: Answer<T>): string;
}): Command {
  return defineCommand({
    name: init.name,
    summary: init.summary,
    description: init.description,
    args: { placeholder: HOST_PLACEHOLDER, min: 1, max: 1 },
    options: [
      { name: "json", kind: "boolean", description: "Print the API's answer as it is" },
      ...CLIENT_OPTIONS,
    ],
    examples: [{ line: `revtun ${init.name} edge-a/till-7`, description: init.example }],
    async run(context) {
      const { values, args, stdout } = context;
      const host = args[0]!;
      const path = hostPath(host);
      using client = await adminClientOf(context);
      const answer = await client.post(`${path}/${init.name}`, {}, init.answer);
      await stdout.write(
        values.json
          ? `${escapeControls(JSON.stringify(answer))}\n`
          : `${init.told(host, answer)}\n`,
      );
      return EXIT.ok;
    },
  });
}
