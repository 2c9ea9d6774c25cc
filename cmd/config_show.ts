/** `revtun config show`: the settings that would be used, and where each comes from. */
import { ConfigError } from "../lib/errors.ts";
import { readSettingsFile } from "../lib/config/settings_file.ts";
import { EXIT } from "./command.ts";
import type { ConfigContext } from "./config.ts";
import { parseOptions } from "./parse_options.ts";
import { environmentLayer } from "./resolve_options.ts";
import { sectionCommands, sectionOf } from "./sections.ts";
import { SettingsSource } from "./settings.ts";
import { settingRows } from "./settings_view.ts";
import type { SettingRow } from "./settings_view.ts";

/** Prints them all, defaults too. */
export async function action(context: ConfigContext): Promise<number> {
  const { file: path, values, stdout } = context;
  const commands = await sectionCommands();
  const file = path === undefined
    ? undefined
    : await readSettingsFile(path, { sections: commands.map(sectionOf) });
  const names = values.section === undefined ? file?.sectionNames : [values.section];
  if (names === undefined) {
    throw new ConfigError("--section", "missing, without a settings file it has to be named");
  }
  const shown: Record<string, readonly SettingRow[]> = {};
  for (const command of commands) {
    if (!names.includes(command.name)) continue;
    const { layer, args } = parseOptions(context.args, command.options);
    if (args.length > 0) throw new ConfigError(String(args[0]), "unexpected argument");
    const layers = [layer, environmentLayer((name) => context.env(name))];
    const source = new SettingsSource(command, layers, path);
    const isThere = file?.sectionNames.includes(command.name);
    shown[command.name] = settingRows(
      command.options,
      source.resolve(isThere ? file : undefined),
    );
  }
  await stdout.write(values.json ? toJson(shown) : toText(shown));
  return EXIT.ok;
}

function toJson(shown: Readonly<Record<string, readonly SettingRow[]>>): string {
  const sections = Object.entries(shown).map(([name, rows]) => [
    name,
    Object.fromEntries(rows.map(({ key, value, source }) => [key, { value, source }])),
  ]);
  return `${JSON.stringify(Object.fromEntries(sections), null, 2)}\n`;
}

/** YAML that can be used as it is: where a value comes from stands behind it. */
function toText(shown: Readonly<Record<string, readonly SettingRow[]>>): string {
  const lines: string[] = [];
  for (const [name, rows] of Object.entries(shown)) {
    lines.push(`${name}:`);
    for (const { key, value, source, defaultText } of rows) {
      // What has no value is a comment, so that the whole stays a file of settings.
      const [text, note] = value === null
        ? [`  # ${key}:`, defaultText ?? "not set"]
        : [`  ${key}: ${JSON.stringify(value)}`, `# ${source}`];
      lines.push(`${text.padEnd(52)} ${note}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
