/** `revtun help`, and the texts of every `--help`. */
import { wrap } from "../lib/wrap.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./mod.ts";
import { envNameOf, hasFlag } from "./option.ts";
import type { OptionSpec } from "./option.ts";
import { findCommand } from "./run.ts";

export const command: Command = defineCommand({
  name: "help",
  summary: "Show how to use revtun or one of its commands",
  args: { placeholder: "COMMAND", min: 0, max: 1, choices: Object.keys(COMMANDS) },
  options: [],
  examples: [{ line: "revtun help server", description: "every option of the server" }],
  async run({ args, stdout }) {
    const name = args[0];
    await stdout.write(
      name === undefined ? await programHelp() : commandHelp(await findCommand(name)),
    );
    return EXIT.ok;
  },
});

/** What `revtun --help` prints. */
export async function programHelp(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const rows = commands.map(({ command }): [string, string] => [command.name, command.summary]);
  return [
    "revtun - reach services at the edge that cannot be dialled from the cloud",
    "",
    "Usage: revtun COMMAND [options]",
    "",
    "Commands:",
    ...table(rows),
    "",
    "Two commands make a tunnel:",
    "  revtun server --listen :8080 --tunnel :9000",
    "  revtun agent --server cloud:9000 --cluster edge-a --target 127.0.0.1:8000",
    "",
    "revtun COMMAND --help shows a command's options and examples; revtun demo shows it all at work.",
    "",
  ].join("\n");
}

/** What `revtun COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const lines = [`${command.summary}.`, "", `Usage: ${usageOf(command)}`];
  for (const paragraph of command.description?.trim().split(/\n\s*\n/) ?? []) {
    lines.push("", ...wrap(paragraph.replace(/\s+/g, " "), WIDTH));
  }
  if (command.examples.length > 0) {
    lines.push("", "Examples:");
    for (const { line, description } of command.examples) {
      lines.push(`  # ${description}`, `  ${line}`);
    }
  }
  for (const group of new Set(command.options.map(groupOf))) {
    const rows = command.options
      .filter((spec) => groupOf(spec) === group && spec.kind !== "value").map(optionRow);
    if (rows.length > 0) lines.push("", `${group}:`, ...table(rows));
  }
  if (command.options.length > 0) {
    const example = command.options.find((spec) => hasFlag(spec) && spec.kind !== "boolean");
    if (example !== undefined) {
      const variable = `--${example.name} is ${envNameOf(example)}`;
      lines.push("", `Each option also by environment: ${variable}.`);
    }
    if (command.section !== undefined) {
      lines.push("The settings file has more: docs/configuration.md, revtun config --help.");
    }
  }
  return `${lines.join("\n")}\n`;
}

function usageOf(command: Command): string {
  if (command.usage !== undefined) return command.usage;
  const options = command.options.length > 0 ? " [options]" : "";
  const { args } = command;
  if (args === undefined) return `revtun ${command.name}${options}`;
  const more = args.max > 1 ? "…" : "";
  const positional = args.min === 0 ? `[${args.placeholder}${more}]` : `${args.placeholder}${more}`;
  return `revtun ${command.name}${options} ${positional}`;
}

function groupOf(spec: OptionSpec): string {
  return spec.group ?? "Options";
}

function optionRow(spec: OptionSpec): [string, string] {
  const value = spec.kind === "boolean" ? "" : ` ${spec.placeholder ?? "VALUE"}`;
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  const repeat = spec.kind === "list" ? "…" : "";
  const name = spec.isEnvOnly ? envNameOf(spec) : `${short}--${spec.name}${value}${repeat}`;
  const notes = [
    spec.choices === undefined ? "" : spec.choices.join("|"),
    defaultNote(spec),
  ].filter((note) => note !== "");
  return [
    name,
    notes.length === 0 ? spec.description : `${spec.description} (${notes.join("; ")})`,
  ];
}

function defaultNote(spec: OptionSpec): string {
  const text = spec.defaultText ?? spec.default;
  return text === undefined ? "" : `default ${text}`;
}

const WIDTH = 100;

/** Two columns, the second wrapped; a long first cell has a line of its own. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const indent = Math.min(30, Math.max(...rows.map(([name]) => name.length)) + 4);
  return rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrap(text, WIDTH - indent);
    const lines = rest.map((line) => " ".repeat(indent) + line);
    const head = `  ${name}`;
    return head.length + 2 > indent
      ? [head, " ".repeat(indent) + first, ...lines]
      : [head.padEnd(indent) + first, ...lines];
  });
}
