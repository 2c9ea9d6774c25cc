/** `revtun config`: looks at settings without starting anything. */
import { ConfigError } from "../lib/errors.ts";
import { nearestMatch } from "../lib/suggest.ts";
import { defineCommand } from "./command.ts";
import type { Command, Context } from "./command.ts";
import { CONFIG_OPTION } from "./common_options.ts";
import type { OptionSpec, OptionValues } from "./option.ts";

const OPTIONS = [
  CONFIG_OPTION,
  {
    name: "section",
    kind: "string",
    placeholder: "NAME",
    choices: ["server", "agent"],
    env: "REVTUN_CONFIG_SECTION",
    description: "Only this part of the settings; all that the file has unless given",
  },
  {
    name: "json",
    kind: "boolean",
    env: "REVTUN_CONFIG_JSON",
    description: "Print JSON",
  },
] as const satisfies readonly OptionSpec[];

/** What one of the actions gets. */
export type ConfigContext = Context<OptionValues<typeof OPTIONS>> & {
  /** The settings file that was named, if one was. */
  readonly file: string | undefined;
};

type Action = (context: ConfigContext) => Promise<number>;

/** Each in a file of its own, loaded when it is asked for. */
const ACTIONS: Readonly<Record<string, () => Promise<{ action: Action }>>> = {
  "check": () => import("./config_check.ts"),
  "show": () => import("./config_show.ts"),
  "schema": () => import("./config_schema.ts"),
  "reference": () => import("./config_reference.ts"),
  "import-frp": () => import("./config_import_frp.ts"),
  "import-mosn": () => import("./config_import_mosn.ts"),
};

export const command: Command = defineCommand({
  name: "config",
  summary: "Check, show and convert settings",
  usage:
    "revtun config check|show|schema|reference|import-frp|import-mosn [FILE] [options] [-- FLAGS]",
  description: "check: says all that is wrong with a settings file, and where.\n\n" +
    "show: prints the settings that would be used and where each comes from: flags (behind --), " +
    "environment, file, defaults. Secrets are masked.\n\n" +
    "schema: prints the JSON Schema of settings files, for editors.\n\n" +
    "reference: prints docs/configuration.md.\n\n" +
    "import-frp, import-mosn: print settings made of frpc.toml or frps.toml, or of a MOSN " +
    "configuration, and on stderr what of it they cannot say.",
  args: {
    placeholder: "ACTION",
    min: 1,
    max: Infinity,
    choices: Object.keys(ACTIONS),
    areFiles: true,
  },
  options: OPTIONS,
  examples: [
    { line: "revtun config check agent.yaml", description: "is it right?" },
    {
      line: "revtun config show agent.yaml -- --weight 5",
      description: "what would revtun agent --config agent.yaml --weight 5 do?",
    },
    {
      line: "revtun config import-frp frpc.toml > agent.yaml",
      description: "from frp to revtun",
    },
    {
      line: "revtun config import-mosn mosn.json > agent.yaml",
      description: "from MOSN to revtun",
    },
    {
      line: "revtun config schema > revtun.schema.json",
      description: "then, first in the file: # yaml-language-server: $schema=revtun.schema.json",
    },
  ],
  async run(context) {
    const [name = "", ...rest] = context.args;
    const load = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (load === undefined) {
      const names = Object.keys(ACTIONS);
      const nearest = nearestMatch(name, names);
      const hint = nearest === undefined
        ? `expected ${names.join(", ")}`
        : `did you mean ${nearest}?`;
      throw new ConfigError(name, `unknown action, ${hint}`);
    }
    const [first] = rest;
    const isFile = first !== undefined && !first.startsWith("-");
    const file = isFile ? first : context.values.config;
    const { action } = await load();
    // Taken by hand: stdin of a context is opened when it is read.
    return await action(
      Object.create(context, {
        file: { value: file },
        args: { value: isFile ? rest.slice(1) : rest },
      }),
    );
  },
});
