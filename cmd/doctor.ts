/** `revtun doctor`. */
import type { Step } from "../lib/step.ts";
import { checkSettingsFile } from "./config_check.ts";
import { defineCommand } from "./command.ts";
import type { Command } from "./command.ts";
import { CONFIG_OPTION, LOG_OPTIONS } from "./common_options.ts";
import { ConfigError } from "../lib/errors.ts";
import { checkClock } from "./doctor/check_machine.ts";
import { checkFiles } from "./doctor/check_files.ts";
import { stepOf } from "./doctor/examination.ts";
import { examineAgent } from "./doctor/examine_agent.ts";
import { examineServer } from "./doctor/examine_server.ts";
import { loadSection } from "./section_settings.ts";
import { sectionCommands } from "./sections.ts";
import { StepPrinter } from "./step_lines.ts";

export const command: Command = defineCommand({
  name: "doctor",
  summary: "Examine a server's or an agent's settings where they are used",
  description: "Checks the settings, their files and who may read them, certificates, ports, " +
    "limits and the clock; of an agent also its servers, with its own credential and TLS, and its " +
    "targets. Changes nothing, registers nothing. Exit code 1 when something is wrong; " +
    "docs/troubleshooting.md shows what that looks like.",
  options: [
    CONFIG_OPTION,
    { name: "json", kind: "boolean", description: "Print the steps as one JSON object" },
    ...LOG_OPTIONS,
  ],
  examples: [
    { line: "revtun doctor --config agent.yaml", description: "what is wrong with this agent?" },
    { line: "revtun doctor --config revtun.yaml --json", description: "for a script" },
  ],
  async run(context) {
    const { values, stdout, stderr, signal } = context;
    const path = values.config;
    if (path === undefined) throw new ConfigError("--config", "missing, name the settings file");
    const runtime = context.createRuntime();
    using printer = new StepPrinter(stdout, stderr, values.json);
    const { sections, lines } = await checkSettingsFile(path, context);
    for (const line of lines) await printer.print(mistake(path, line));
    if (lines.length === 0) {
      const detail = `nothing wrong with ${sections.join(" and ")}`;
      await printer.print(stepOf("config", path, { verdict: "ok", detail }));
    }
    const all = (await sectionCommands()).filter(({ name }) => sections.includes(name));
    const loaded = await Promise.all(all.map(async (section) => {
      // deno-lint-ignore no-explicit-any -- each section has its own options
      return { section, settings: await loadSection<any>(section, path, context) };
    }));
    const isSecret = loaded.some(({ settings }) => settings.sourceOf("token").startsWith(path));
    for await (const step of checkFiles([{ path, setting: "--config", isSecret }])) {
      await printer.print(step);
    }
    const isSound = lines.length === 0;
    for (const { section, settings } of loaded) {
      const steps = section.name === "server"
        ? examineServer(settings, isSound, runtime, signal)
        : examineAgent(settings, isSound, runtime, signal);
      printer.doing(section.name);
      for await (const step of steps) {
        await printer.print(step);
        printer.doing(section.name);
      }
    }
    await printer.print(await checkClock());
    return await printer.finish({ config: path });
  },
});

function mistake(path: string, line: string): Step {
  const detail = line.startsWith(`${path}:`) ? line.slice(path.length + 1).trim() : line;
  return stepOf("config", path, { verdict: "fail", detail, advice: "correct the settings file" });
}
