/** What became of another program's settings: the settings on stdout, what is left out on stderr. */
import { stringify } from "@std/yaml";
import type { ImportedSettings } from "../lib/config/import_mosn.ts";
import { EXIT } from "./command.ts";
import type { ConfigContext } from "./config.ts";

/** Prints both; resolves to the exit code. */
export async function printImported(
  { stdout, stderr }: Pick<ConfigContext, "stdout" | "stderr">,
  file: string,
  { settings, notes }: ImportedSettings,
): Promise<number> {
  await stdout.write(stringify(settings));
  for (const note of notes) await stderr.write(`${file}: not carried over: ${note}\n`);
  return EXIT.ok;
}
