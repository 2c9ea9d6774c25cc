/** The files that a section of settings names. */
import type { OptionSpec } from "../option.ts";
import type { Settings } from "../settings.ts";
import type { NamedFile } from "./check_files.ts";

/** Options whose files hold what nobody else may know. */
const SECRET = /token-file|proxy-file|-key$/;
/** Made by the server where it is missing. */
const MADE_BY_US = ["state-dir"];

/** Finds them by their options. */
export function namedFiles(
  options: readonly OptionSpec[],
  { values, sourceOf }: Settings<unknown>,
): NamedFile[] {
  const texts = values as Readonly<Record<string, unknown>>;
  return options.filter(({ isFile, name }) => isFile && !MADE_BY_US.includes(name))
    .flatMap(({ name }) =>
      [texts[name] ?? []].flat().filter((path) => typeof path === "string").map((path) => ({
        path,
        // Without the place in the settings file.
        setting: sourceOf(name).split(": ").at(-1)!,
        isSecret: SECRET.test(name),
      }))
    );
}
