/** Settings of the real commands, and files to read them from. */
import type { SectionSpec } from "../../lib/config/schema.ts";
import { parseSettingsFile } from "../../lib/config/settings_file.ts";
import type { SettingsFile } from "../../lib/config/settings_file.ts";
import { sectionCommands, sectionOf } from "../../cmd/sections.ts";

/** The sections of the real commands. */
export const SECTIONS: readonly SectionSpec[] = (await sectionCommands()).map(sectionOf);

/** Reads text as a settings file of the real commands. */
export function settingsOf(text: string): SettingsFile {
  return parseSettingsFile("/etc/revtun/test.yaml", text, "1", { sections: SECTIONS });
}

/** The values that a file gives to the settings of a section, by the settings' names. */
export function valuesOf(text: string, section = "agent"): Record<string, unknown> {
  const file = settingsOf(text);
  const specs = SECTIONS.find(({ name }) => name === section)?.settings ?? [];
  const values = specs.map((spec) => [spec.name, file.valueOf(section, spec)]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** A folder of its own, gone with its content at the end. */
export class Scratch implements AsyncDisposable {
  readonly path: string;

  constructor() {
    this.path = Deno.makeTempDirSync({ prefix: "revtun-config-" });
  }

  /** Writes a file; returns its path. */
  async write(name: string, text: string | Uint8Array): Promise<string> {
    const path = `${this.path}/${name}`;
    if (typeof text === "string") await Deno.writeTextFile(path, text);
    else await Deno.writeFile(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
