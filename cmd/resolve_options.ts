/** Settings from where they may stand: flags, then environment, then a settings file, then defaults. */
import { parseSettingText } from "../lib/config/setting.ts";
import { ConfigError } from "../lib/errors.ts";
import { envNameOf } from "./option.ts";
import type { OptionSpec } from "./option.ts";

/** Text of an option, or of each item of a list. */
export type OptionText = string | readonly string[];

/** One place where settings stand. */
export interface SettingsLayer {
  /** The option's value here; undefined if this layer does not set it. @throws {RangeError} */
  valueOf(spec: OptionSpec): unknown;
  /** The setting's name here, as its user wrote it: "--listen", "agent.yaml:3:5: agent.weight". */
  nameOf(spec: OptionSpec): string;
}

/** Options' values and where each came from. */
export interface ResolvedOptions {
  values: Record<string, unknown>;
  /** Name of the setting that gave the value, by option name; none for defaults. */
  sources: Map<string, string>;
}

/** A layer of texts. */
export function textLayer(
  textOf: (spec: OptionSpec) => OptionText | undefined,
  nameOf: (spec: OptionSpec) => string,
): SettingsLayer {
  return {
    valueOf: (spec) => {
      const text = textOf(spec);
      return text === undefined ? undefined : valueOfText(spec, text);
    },
    nameOf,
  };
}

/** The layer of `REVTUN_…` variables; items of a list are separated by commas. */
export function environmentLayer(env: (name: string) => string | undefined): SettingsLayer {
  return textLayer((spec) => {
    if (spec.kind === "value") return undefined;
    const text = env(envNameOf(spec));
    // Compose files and unit files set variables to nothing where they mean "not set".
    if (text === undefined || text === "") return undefined;
    return spec.kind === "list" ? splitList(text) : text;
  }, envNameOf);
}

/**
 * Takes each option from the first layer that sets it.
 *
 * @throws {ConfigError} naming the setting in its layer's words.
 */
export function resolveOptions(
  specs: readonly OptionSpec[],
  layers: readonly SettingsLayer[],
): ResolvedOptions {
  const values: Record<string, unknown> = {};
  const sources = new Map<string, string>();
  for (const spec of specs) {
    values[spec.name] = defaultOf(spec);
    for (const layer of layers) {
      const value = read(layer, spec);
      if (value === undefined) continue;
      values[spec.name] = value;
      sources.set(spec.name, layer.nameOf(spec));
      break;
    }
  }
  return { values, sources };
}

function read(layer: SettingsLayer, spec: OptionSpec): unknown {
  try {
    return layer.valueOf(spec);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(layer.nameOf(spec), error.message, { cause: error });
  }
}

function defaultOf(spec: OptionSpec): unknown {
  if (spec.default !== undefined) {
    return valueOfText(spec, spec.kind === "list" ? splitList(spec.default) : spec.default);
  }
  if (spec.kind === "list") return [];
  return spec.kind === "boolean" && spec.defaultText === undefined ? false : undefined;
}

function valueOfText(spec: OptionSpec, text: OptionText): unknown {
  if (spec.kind === "list") {
    const items = typeof text === "string" ? [text] : text;
    return items.map((item) => parseSettingText(spec, item));
  }
  // A flag given twice: the last one counts, so that a script's defaults can be overridden.
  const last = typeof text === "string" ? text : text.at(-1) ?? "";
  return parseSettingText(spec, last);
}

function splitList(text: string): string[] {
  return text.split(",").map((item) => item.trim()).filter((item) => item !== "");
}
