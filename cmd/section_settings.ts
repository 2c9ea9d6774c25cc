/** A section of a settings file, read by who is not its command: as that command would read it. */
import type { Command, ProcessContext } from "./command.ts";
import { environmentLayer } from "./resolve_options.ts";
import { SettingsSource } from "./settings.ts";
import type { Settings } from "./settings.ts";

/** Reads `command`'s section of the file at `path`, environment before it. @throws {ConfigError} */
export async function loadSection<V>(
  command: Command,
  path: string,
  { env }: Pick<ProcessContext, "env">,
): Promise<Settings<V>> {
  const source = new SettingsSource(command, [environmentLayer(env)], path);
  return await source.load() as unknown as Settings<V>;
}
