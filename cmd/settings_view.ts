/** Settings as they may be shown: with their sources, without secrets. */
import { keyOf } from "../lib/config/setting.ts";
import { formatDuration } from "../lib/duration.ts";
import type { OptionSpec } from "./option.ts";
import type { LoadedSettings } from "./settings.ts";

/** A setting with its value and its source. */
export interface SettingRow {
  readonly key: string;
  /** As a settings file has it; null for none. */
  readonly value: unknown;
  /** Where it comes from: "--weight", "REVTUN_WEIGHT", "agent.yaml:3:5: agent.weight", "default". */
  readonly source: string;
  /** What counts while there is no value. */
  readonly defaultText: string | undefined;
}

const MASK = "***";
/** Keys inside of structures, and parts of addresses, that nobody may see. */
const SECRET_KEY = /(password|secret|token|credential|private_key)s?$/i;
const SECRET_IN_URL = /(:\/\/[^/\s:@]*:)[^/\s@]*@/g;

/** All settings of a command, defaults too. */
export function settingRows(
  options: readonly OptionSpec[],
  { values, sources }: Pick<LoadedSettings, "values" | "sources">,
): SettingRow[] {
  return options.filter(({ name }) => name !== "config").map((spec) => ({
    key: keyOf(spec),
    value: shown(spec, values[spec.name]),
    source: sources.get(spec.name) ?? "default",
    defaultText: spec.defaultText,
  }));
}

function shown(spec: OptionSpec, value: unknown): unknown {
  if (value === undefined) return null;
  if (spec.isEnvOnly) return MASK;
  if (spec.kind === "duration") return formatDuration(Number(value));
  return JSON.parse(JSON.stringify(value, masked));
}

function masked(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (SECRET_KEY.test(key) && value !== "") return MASK;
  return value.replaceAll(SECRET_IN_URL, `$1${MASK}@`);
}
