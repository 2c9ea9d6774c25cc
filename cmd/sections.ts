/** The sections of a settings file: one for each command that has settings worth keeping. */
import type { SectionSpec } from "../lib/config/schema.ts";
import type { Command } from "./command.ts";

/** Keys at the top of a settings file, which are the commands' names. */
export const SECTION_NAMES: readonly string[] = ["server", "agent"];

/** What a settings file may say to a command. */
export function sectionOf(command: Command): SectionSpec {
  return {
    name: command.section ?? command.name,
    summary: command.summary,
    settings: command.options.filter((spec) => spec.name !== "config"),
  };
}

/** The commands that have a section, loaded. */
export async function sectionCommands(): Promise<Command[]> {
  const modules = await Promise.all([import("./server.ts"), import("./agent.ts")]);
  return modules.map(({ command }) => command);
}
