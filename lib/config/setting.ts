/** What a setting is: one definition for its flag, its variable, its key in the settings file. */
import type { GenericSchema } from "valibot";
import { formatDuration, parseDuration } from "../duration.ts";
import { parseSize } from "../size.ts";

/**
 * What a setting's value is: durations are ms, sizes bytes, a list is of texts; "value" is a
 * structure that has a schema of its own and stands in a settings file only.
 */
export type SettingKind =
  | "string"
  | "boolean"
  | "number"
  | "duration"
  | "size"
  | "list"
  | "value";

/** One setting of a command. */
export interface SettingSpec {
  /** Name in kebab-case, as the flag has it: "log-level". */
  name: string;
  kind: SettingKind;
  /** Key in the settings file; the name with `_` for `-` if undefined. */
  key?: string;
  /** Further keys that are understood: spellings of MOSN's. */
  aliases?: readonly string[];
  /** As a user would write it: "15s", "64KiB", "true"; of a list, comma separated. */
  default?: string;
  /** Shown in place of `default`; the value of a setting not set is then undefined. */
  defaultText?: string;
  /** Values that are allowed; all others are errors. */
  choices?: readonly string[];
  /** Smallest and largest value of numbers, durations (ms) and sizes (bytes). */
  min?: number;
  max?: number;
  /** Reads the text, or one item of a list, to see that it can be; throws RangeErrors. */
  parse?: (text: string) => unknown;
  /** Of a "value". */
  schema?: GenericSchema;
  /** The value is the path of a file, which is read: in a settings file relative to that. */
  isFile?: boolean;
  /** Keys of a "value" whose own values are paths of files. */
  fileKeys?: readonly string[];
  /** A change of it counts from the next start on; all others are put to use by a reload. */
  isFixed?: boolean;
  /** Shown nowhere; no flag, since every user of a machine sees command lines. */
  isEnvOnly?: boolean;
  description: string;
  /** Heading in help and reference. */
  group?: string;
}

/** A setting's key in the settings file. */
export function keyOf(spec: SettingSpec): string {
  return spec.key ?? spec.name.replaceAll("-", "_");
}

/**
 * All keys that set it. A duration that MOSN has is also read with `_ms` behind its name and a
 * number for a value.
 */
export function keysOf(spec: SettingSpec): string[] {
  const key = keyOf(spec);
  const msKey = spec.kind === "duration" && key.endsWith("_duration") ? [`${key}_ms`] : [];
  return [key, ...msKey, ...spec.aliases ?? []];
}

/**
 * Reads the value of a setting from text; of a list, one item.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseSettingText(spec: SettingSpec, text: string): string | number | boolean {
  switch (spec.kind) {
    case "boolean":
      return parseBoolean(text);
    case "number":
      return inRange(spec, parseNumber(text));
    case "duration":
      return inRange(spec, parseDuration(text));
    case "size":
      return inRange(spec, parseSize(text));
    case "string":
    case "list":
      if (spec.choices !== undefined && !spec.choices.includes(text)) {
        throw new RangeError(`"${text}" is none of ${spec.choices.join(", ")}`);
      }
      spec.parse?.(text);
      return text;
    case "value":
      throw new RangeError("cannot be given as text, use a settings file");
  }
}

/** @throws {RangeError} the value is below `min` or above `max`. */
export function inRange(spec: SettingSpec, value: number): number {
  const { min, max } = spec;
  if (min !== undefined && value < min) {
    throw new RangeError(
      `${formatNumber(spec, value)} is too small, expected at least ${formatNumber(spec, min)}`,
    );
  }
  if (max !== undefined && value > max) {
    throw new RangeError(
      `${formatNumber(spec, value)} is too large, expected at most ${formatNumber(spec, max)}`,
    );
  }
  return value;
}

function formatNumber(spec: SettingSpec, value: number): string {
  if (spec.kind === "duration") return formatDuration(value);
  return spec.kind === "size" ? `${value}B` : `${value}`;
}

function parseBoolean(text: string): boolean {
  const lower = text.toLowerCase();
  if (["true", "1", "yes", "on"].includes(lower)) return true;
  if (["false", "0", "no", "off", ""].includes(lower)) return false;
  throw new RangeError(`"${text}" is neither true nor false`);
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (!/^-?\d+(\.\d+)?$/.test(text) || !Number.isFinite(value)) {
    throw new RangeError(`"${text}" is not a number`);
  }
  return value;
}
