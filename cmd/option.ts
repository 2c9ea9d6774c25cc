/** What an option of a command is: a setting that has a flag and an environment variable. */
import type { GenericSchema, InferOutput } from "valibot";
import type { SettingSpec } from "../lib/config/setting.ts";

/** One option of a command. */
export interface OptionSpec extends SettingSpec {
  /** One letter: "h" is `-h`. */
  short?: string;
  /** What stands for the value in the help: "ADDRESS". */
  placeholder?: string;
  /** Environment variable; REVTUN_ and the name in upper case if undefined. */
  env?: string;
}

/** The type of one option's value. */
export type OptionValue<S extends OptionSpec> = S["kind"] extends "list" ? readonly string[]
  : S["kind"] extends "boolean" ? S extends { defaultText: string } ? boolean | undefined : boolean
  : S["kind"] extends "value"
    ? (S extends { schema: infer G extends GenericSchema } ? InferOutput<G> : unknown) | undefined
  :
    | (S["kind"] extends "string" ? (S extends { choices: readonly (infer C)[] } ? C : string)
      : number)
    | (S extends { default: string } ? never : undefined);

/** The type of all options' values, by long name. */
export type OptionValues<O extends readonly OptionSpec[]> = {
  readonly [S in O[number] as S["name"]]: OptionValue<S>;
};

/** The environment variable that sets an option. */
export function envNameOf(spec: OptionSpec): string {
  return spec.env ?? `REVTUN_${spec.name.replaceAll("-", "_").toUpperCase()}`;
}

/** True for an option that may stand in a command line. */
export function hasFlag(spec: OptionSpec): boolean {
  return !spec.isEnvOnly && spec.kind !== "value";
}
