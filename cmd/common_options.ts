/** Options that several commands share. */
import type { OptionSpec } from "./option.ts";

/** Log options: of every command that makes a runtime. */
export const LOG_OPTIONS = [
  {
    name: "log-level",
    kind: "string",
    placeholder: "LEVEL",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    description: "Least important events to log; debug also shows stacks of errors",
    group: "Log",
  },
  {
    name: "log-format",
    kind: "string",
    placeholder: "FORMAT",
    choices: ["text", "json"],
    default: "text",
    description: "One event a line on stderr, for people or for machines",
    group: "Log",
  },
] as const satisfies readonly OptionSpec[];

/** The settings file: of `server` and `agent`. */
export const CONFIG_OPTION = {
  name: "config",
  kind: "string",
  placeholder: "FILE",
  description: "Settings file, YAML or JSON; flags and environment go before it",
} as const satisfies OptionSpec;
