/** `revtun config check`: all that is wrong with a settings file. */
import { ConfigFileError, formatProblem } from "../lib/config/problem.ts";
import type { Problem } from "../lib/config/problem.ts";
import { readSettingsFile } from "../lib/config/settings_file.ts";
import { ConfigError } from "../lib/errors.ts";
import { EXIT } from "./command.ts";
import type { ConfigContext } from "./config.ts";
import { environmentLayer } from "./resolve_options.ts";
import { sectionCommands, sectionOf } from "./sections.ts";
import { SettingsSource } from "./settings.ts";

/** Prints a line for each mistake; exit 2 if there is one. */
export async function action(context: ConfigContext): Promise<number> {
  const { file, values, stdout } = context;
  if (file === undefined) throw new ConfigError("FILE", "missing, see revtun config --help");
  const { sections, lines, problems } = await checkSettingsFile(file, context);
  if (values.json) {
    await stdout.write(`${JSON.stringify({ file, ok: lines.length === 0, problems })}\n`);
  } else if (lines.length === 0) {
    await stdout.write(`${file}: nothing wrong with ${sections.join(" and ")}\n`);
  } else {
    await stdout.write(lines.map((line) => `${line}\n`).join(""));
  }
  return lines.length === 0 ? EXIT.ok : EXIT.usage;
}

/** What is wrong with a settings file: nothing, where there are no lines. */
export interface CheckResult {
  readonly sections: readonly string[];
  readonly lines: readonly string[];
  readonly problems: readonly (Problem | { message: string })[];
}

/** Reads a settings file and says all that is wrong with it. */
export async function checkSettingsFile(
  path: string,
  context: Pick<ConfigContext, "env" | "createRuntime">,
): Promise<CheckResult> {
  const runtime = context.createRuntime();
  const layers = [environmentLayer((name) => context.env(name))];
  const commands = await sectionCommands();
  try {
    const file = await readSettingsFile(path, { sections: commands.map(sectionOf) });
    const lines: string[] = [];
    for (const command of commands) {
      if (!file.sectionNames.includes(command.section ?? "")) continue;
      const source = new SettingsSource(command, layers, path);
      try {
        await command.check?.(source.resolve(file), runtime);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        lines.push(error.path.startsWith(path) ? error.message : `${path}: ${error.message}`);
      }
    }
    const problems = lines.map((message) => ({ message }));
    return { sections: file.sectionNames, lines, problems };
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    const lines = error.problems.map((problem) => formatProblem(error.file, problem));
    return { sections: [], lines, problems: error.problems };
  }
}
