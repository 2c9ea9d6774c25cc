/** `revtun completion`: a script that makes a shell complete revtun's command lines. */
import { ConfigError } from "../lib/errors.ts";
import { ANSWERS } from "./admin_answers.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import { bashCompletion } from "./completion_bash.ts";
import { fishCompletion } from "./completion_fish.ts";
import { completableCommands } from "./completion_model.ts";
import type { CompletableCommand } from "./completion_model.ts";
import { zshCompletion } from "./completion_zsh.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

const SHELLS: Readonly<Record<string, (commands: readonly CompletableCommand[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** Prints names of hosts, for the scripts. */
const HOSTS = "hosts";
/** What no shell takes for more than a word, whoever answered. */
const WORD = /^[\w.-]+\/[\w.:[\]-]+$/;

export const command: Command = defineCommand({
  name: "completion",
  summary: "Print a script that completes command lines in bash, zsh or fish",
  description: "The script knows commands, flags and the values that a flag can have; file names " +
    "where a file is wanted. Where a host is, it runs revtun completion hosts, which asks a running " +
    "server. Print it anew after an update of revtun.",
  args: {
    placeholder: "bash|zsh|fish|hosts",
    min: 1,
    max: 1,
    choices: [...Object.keys(SHELLS), HOSTS],
  },
  options: CLIENT_OPTIONS,
  examples: [
    { line: "source <(revtun completion bash)", description: "in ~/.bashrc; for zsh in ~/.zshrc" },
    {
      line: "revtun completion fish > ~/.config/fish/completions/revtun.fish",
      description: "for fish",
    },
  ],
  async run(context) {
    const { args: [shell = ""], stdout } = context;
    if (shell === HOSTS) {
      using client = await adminClientOf(context);
      const hosts = await client.list("/api/v1/hosts", ANSWERS.hosts);
      const away = await client.list("/api/v1/away", ANSWERS.away);
      const names = [...hosts, ...away].map(({ cluster, name }) => `${cluster}/${name}`);
      const words = [...new Set(names)].filter((name) => WORD.test(name)).sort();
      await stdout.write(words.map((word) => `${word}\n`).join(""));
      return EXIT.ok;
    }
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (script === undefined) throw new ConfigError(shell, "is none of bash, zsh, fish, hosts");
    await stdout.write(script(await completableCommands()));
    return EXIT.ok;
  },
});
