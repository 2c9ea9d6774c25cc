/** A command's settings from flags, environment and file, read once or again and again. */
import type { SettingsFile } from "../lib/config/settings_file.ts";
import type { Command } from "./command.ts";
import { resolveOptions } from "./resolve_options.ts";
import type { SettingsLayer } from "./resolve_options.ts";

/** Options' values at one time, and who set each. */
export interface Settings<V> {
  /** By long names: `values["connect-timeout"]` in ms, and so on. */
  readonly values: V;
  /** Who set an option, for messages: "--listen", "REVTUN_LISTEN", "server.yaml:3:5: server.listen". */
  sourceOf(option: string): string;
}

/** Settings as they come out of all layers. */
export interface LoadedSettings extends Settings<Record<string, unknown>> {
  /** Who set an option; undefined for defaults. */
  readonly sources: ReadonlyMap<string, string>;
  /** Which version of the settings file they are of; undefined without one. */
  readonly fileVersion: string | undefined;
}

/** Where a command's settings come from. */
export class SettingsSource {
  readonly #command: Command;
  readonly #layers: readonly SettingsLayer[];
  /** The settings file; undefined if there is none. */
  readonly path: string | undefined;

  /** @param layers those that go before the file: flags, environment. */
  constructor(command: Command, layers: readonly SettingsLayer[], path?: string) {
    this.#command = command;
    this.#layers = layers;
    const config = command.options.find((spec) => spec.name === "config");
    const asked = config && resolveOptions([config], layers).values.config;
    this.path = path ?? (typeof asked === "string" ? asked : undefined);
  }

  /** Reads the settings as they are now. @throws {ConfigError} */
  async load(): Promise<LoadedSettings> {
    const { section } = this.#command;
    if (this.path === undefined || section === undefined) return this.resolve(undefined);
    // The parser takes its time to load: only those wait for it who have a file.
    const { readSettingsFile } = await import("../lib/config/settings_file.ts");
    const { sectionOf, SECTION_NAMES } = await import("./sections.ts");
    return this.resolve(
      await readSettingsFile(this.path, {
        sections: [sectionOf(this.#command)],
        otherSections: SECTION_NAMES.filter((name) => name !== section),
        required: section,
      }),
    );
  }

  /** Settles each option, with a file that was read or without one. @throws {ConfigError} */
  resolve(file: SettingsFile | undefined): LoadedSettings {
    const { options, section = "" } = this.#command;
    const layers = file === undefined ? this.#layers : [
      ...this.#layers,
      {
        valueOf: (spec) => file.valueOf(section, spec),
        nameOf: (spec) => file.placeOf(section, spec),
      } satisfies SettingsLayer,
    ];
    const { values, sources } = resolveOptions(options, layers);
    return {
      values,
      sources,
      sourceOf: (option) => sources.get(option) ?? `--${option}`,
      fileVersion: file?.version,
    };
  }
}
