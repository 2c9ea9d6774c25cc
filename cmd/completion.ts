/** `revtun completion`: a script that makes a shell complete revtun's command lines. */
import { ConfigError } from "../lib/errors.ts";
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

export const command: Command = defineCommand({
  name: "completion",
  summary: "Print a script that completes command lines in bash, zsh or fish",
  description: "The script knows commands, flags and the values that a flag can have; file names " +
    "where a file is wanted. It starts nothing itself. Print it anew after an update of revtun.",
  args: { placeholder: "bash|zsh|fish", min: 1, max: 1, choices: Object.keys(SHELLS) },
  options: [],
  examples: [
    { line: "source <(revtun completion bash)", description: "in ~/.bashrc; for zsh in ~/.zshrc" },
    {
      line: "revtun completion fish > ~/.config/fish/completions/revtun.fish",
      description: "for fish",
    },
  ],
  async run({ args: [shell = ""], stdout }) {
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (script === undefined) throw new ConfigError(shell, "is none of bash, zsh, fish");
    await stdout.write(script(await completableCommands()));
    return EXIT.ok;
  },
});
