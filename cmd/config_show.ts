/** `revtun config show`: the settings that would be used, and where each comes from. */
import { formatDuration } from "../lib/duration.ts";
import { ConfigError } from "../lib/errors.ts";
import { keyOf } from "../lib/config/setting.ts";
import { readSettingsFile } from "../lib/config/settings_file.ts";
import { EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import type { ConfigContext } from "./config.ts";
import type { OptionSpec } from "./option.ts";
import { parseOptions } from "./parse_options.ts";
import { environmentLayer } from "./resolve_options.ts";
import { sectionCommands, sectionOf } from "./sections.ts";
import { SettingsSource } from "./settings.ts";
import type { LoadedSettings } from "./settings.ts";

/** A setting with its value and its source. */
interface Row {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
}

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
  const shown: Record<string, readonly Row[]> = {};
  for (const command of commands) {
    if (!names.includes(command.name)) continue;
    const { layer, args } = parseOptions(context.args, command.options);
    if (args.length > 0) throw new ConfigError(String(args[0]), "unexpected argument");
    const layers = [layer, environmentLayer((name) => context.env(name))];
    const source = new SettingsSource(command, layers, path);
    const isThere = file?.sectionNames.includes(command.name);
    shown[command.name] = rowsOf(command, source.resolve(isThere ? file : undefined));
  }
  await stdout.write(values.json ? toJson(shown) : toText(shown));
  return EXIT.ok;
}

function rowsOf(command: Command, settings: LoadedSettings): Row[] {
  return command.options.filter(({ name }) => name !== "config").map((spec) => ({
    key: keyOf(spec),
    value: shownValue(spec, settings.values[spec.name]),
    source: settings.sources.get(spec.name) ?? "default",
  }));
}

function shownValue(spec: OptionSpec, value: unknown): unknown {
  if (value === undefined) return spec.defaultText === undefined ? null : spec.defaultText;
  if (spec.isEnvOnly) return "***";
  return spec.kind === "duration" ? formatDuration(Number(value)) : value;
}

function toJson(shown: Readonly<Record<string, readonly Row[]>>): string {
  const sections = Object.entries(shown).map(([name, rows]) => [
    name,
    Object.fromEntries(rows.map(({ key, value, source }) => [key, { value, source }])),
  ]);
  return `${JSON.stringify(Object.fromEntries(sections), masked, 2)}\n`;
}

/** YAML that can be used as it is: where a value comes from stands behind it. */
function toText(shown: Readonly<Record<string, readonly Row[]>>): string {
  const lines: string[] = [];
  for (const [name, rows] of Object.entries(shown)) {
    lines.push(`${name}:`);
    for (const { key, value, source } of rows) {
      // What has no value is a comment, so that the whole stays a file of settings.
      const isUnset = value === null || source === "default" && typeof value === "string" &&
          value.includes(" ");
      const text = isUnset ? `  # ${key}:` : `  ${key}: ${JSON.stringify(value, masked)}`;
      const origin = isUnset ? String(value ?? "not set") : source;
      lines.push(`${text.padEnd(52)} ${isUnset ? "" : "# "}${origin}`.trimEnd());
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Keys of structures whose values nobody may see. */
const SECRET_KEY = /(password|secret|token|credential|private_key)s?$/i;

function masked(key: string, value: unknown): unknown {
  return SECRET_KEY.test(key) && typeof value === "string" && value !== "" ? "***" : value;
}
