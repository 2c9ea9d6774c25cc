/** Settings from where they may stand: flags, then environment, then a settings file, then defaults. */
import { ConfigError } from "../lib/errors.ts";
import { envNameOf, parseOptionText } from "./option.ts";
import type { OptionSpec } from "./option.ts";

/** Text of an option, or of each item of a list. */
export type OptionText = string | readonly string[];

/** One place where settings stand. */
export interface SettingsLayer {
  /** The option's text here, or undefined if this layer does not set it. */
  textOf(spec: OptionSpec): OptionText | undefined;
  /** The setting's name here, as its user wrote it: "--listen", "server.listen". */
  nameOf(spec: OptionSpec): string;
}

/** Options' values and where each came from. */
export interface ResolvedOptions {
  values: Record<string, unknown>;
  /** Name of the setting that gave the value, by option name; none for defaults. */
  sources: Map<string, string>;
}

/** The layer of `REVTUN_…` variables; items of a list are separated by commas. */
export function environmentLayer(env: (name: string) => string | undefined): SettingsLayer {
  return {
    textOf: (spec) => {
      const text = env(envNameOf(spec));
      // Compose files and unit files set variables to nothing where they mean "not set".
      if (text === undefined || text === "") return undefined;
      return spec.kind === "list" ? splitList(text) : text;
    },
    nameOf: envNameOf,
  };
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
    const layer = layers.find((candidate) => candidate.textOf(spec) !== undefined);
    const text = layer?.textOf(spec);
    if (layer === undefined || text === undefined) {
      values[spec.name] = defaultOf(spec);
      continue;
    }
    const source = layer.nameOf(spec);
    sources.set(spec.name, source);
    try {
      values[spec.name] = valueOf(spec, text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new ConfigError(source, error.message, { cause: error });
    }
  }
  return { values, sources };
}

function defaultOf(spec: OptionSpec): unknown {
  if (spec.default !== undefined) {
    return valueOf(spec, spec.kind === "list" ? splitList(spec.default) : spec.default);
  }
  if (spec.kind === "list") return [];
  return spec.kind === "boolean" && spec.defaultText === undefined ? false : undefined;
}

function valueOf(spec: OptionSpec, text: OptionText): unknown {
  if (spec.kind === "list") {
    const items = typeof text === "string" ? [text] : text;
    return items.map((item) => parseOptionText(spec, item));
  }
  // A flag given twice: the last one counts, so that a script's defaults can be overridden.
  const last = typeof text === "string" ? text : text.at(-1) ?? "";
  return parseOptionText(spec, last);
}

function splitList(text: string): string[] {
  return text.split(",").map((item) => item.trim()).filter((item) => item !== "");
}
