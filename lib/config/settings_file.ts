/** A settings file that was read and checked: what it sets, and where each of that stands. */
import { dirname, isAbsolute, join } from "node:path";
import { Breather } from "../breather.ts";
import { byPlace, checkDocument } from "./check.ts";
import type { KeyHints, Mapping } from "./check.ts";
import { readDocument, readDocumentByParts } from "./document.ts";
import type { ConfigDocument } from "./document.ts";
import { isMosnConfig, isObject, isServerList, mosnMapping } from "./mosn_shape.ts";
import { ConfigFileError, formatPath } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { readFileText } from "./read_file.ts";
import { fileSchema } from "./schema.ts";
import type { SectionSpec } from "./schema.ts";
import { keyOf, keysOf } from "./setting.ts";
import type { SettingSpec } from "./setting.ts";

/** What to read of a file. */
export interface SettingsFileOptions {
  /** Sections that are checked and read. */
  readonly sections: readonly SectionSpec[];
  /** Sections that may stand there and are not looked at. */
  readonly otherSections?: readonly string[];
  /** A section that has to be there. */
  readonly required?: string;
}

/** A file without a mistake. */
export class SettingsFile {
  readonly path: string;
  /** What tells this version of it from the next. */
  readonly version: string;
  readonly #document: ConfigDocument;
  readonly #mapping: Mapping;
  readonly #values: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

  constructor(
    path: string,
    version: string,
    document: ConfigDocument,
    mapping: Mapping,
    values: unknown,
  ) {
    this.path = path;
    this.version = version;
    this.#document = document;
    this.#mapping = mapping;
    this.#values = values as Record<string, Record<string, unknown>>;
  }

  /** Names of the sections that stand in it. */
  get sectionNames(): string[] {
    return Object.keys(this.#values).filter((name) => name !== "$schema");
  }

  /** A setting's value, as its kind has it; undefined if the file does not set it. */
  valueOf(section: string, spec: SettingSpec): unknown {
    const values = this.#values[section];
    const key = keysOf(spec).find((name) => values?.[name] !== undefined);
    const value = key === undefined ? undefined : values?.[key];
    if (spec.fileKeys !== undefined && isObject(value)) {
      const { fileKeys } = spec;
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) =>
          [key, fileKeys.includes(key) ? this.#fromHere(inner) : inner] as const
        ),
      );
    }
    if (!spec.isFile) return value;
    return Array.isArray(value) ? value.map((path) => this.#fromHere(path)) : this.#fromHere(value);
  }

  /** A path in a settings file starts where the file is. */
  #fromHere(path: unknown): unknown {
    return typeof path === "string" && !isAbsolute(path) ? join(dirname(this.path), path) : path;
  }

  /** Where a setting stands: `agent.yaml:3:5: agent.weight`. */
  placeOf(section: string, spec: SettingSpec): string {
    const values = this.#values[section];
    const key = keysOf(spec).find((name) => values?.[name] !== undefined) ?? keyOf(spec);
    const path = this.#mapping.pathOf([section, key]);
    const { line, column } = this.#document.positionOf(path, "value");
    return `${this.path}:${line}:${column}: ${formatPath(path)}`;
  }
}

/**
 * Reads and checks the file at `path`.
 *
 * @throws {ConfigFileError} with all that is wrong with it.
 */
export async function readSettingsFile(
  path: string,
  options: SettingsFileOptions,
): Promise<SettingsFile> {
  const { text, version } = await readFileText(path);
  const breather = new Breather();
  const document = await readDocumentByParts(text);
  await breather.breathe();
  const file = checkedFile(path, document, version, options);
  await breather.breathe();
  return file;
}

/** As {@link readSettingsFile}, of text that was read already. @throws {ConfigFileError} */
export function parseSettingsFile(
  path: string,
  text: string,
  version: string,
  options: SettingsFileOptions,
): SettingsFile {
  return checkedFile(path, readDocument(text), version, options);
}

function checkedFile(
  path: string,
  document: ConfigDocument,
  version: string,
  options: SettingsFileOptions,
): SettingsFile {
  const mapping = mosnMapping(document) ??
    { value: document.value, pathOf: (place) => place } satisfies Mapping;
  const { sections, otherSections = [], required } = options;
  if (document.problems.length === 0) checkShape(path, document.value, mapping, options);
  const schema = fileSchema(sections, otherSections);
  const { value, problems } = checkDocument(document, schema, mapping, hintsOf(sections));
  const all = [...problems, ...doubles(sections, mapping, document)].sort(byPlace);
  if (all.length === 0 && required !== undefined && !Object.hasOwn(value as object, required)) {
    const there = Object.keys(value as object).filter((name) => name !== "$schema");
    const message = `has no section "${required}:", only ${there.join(", ") || "nothing"}`;
    all.push({ setting: "", line: 0, column: 0, message });
  }
  if (all.length > 0) throw new ConfigFileError(path, all);
  return new SettingsFile(path, version, document, mapping, value);
}

function checkShape(
  path: string,
  value: unknown,
  mapping: Mapping,
  { sections, otherSections = [] }: SettingsFileOptions,
): void {
  const fail = (message: string) => {
    throw new ConfigFileError(path, [{ setting: "", line: 0, column: 0, message }]);
  };
  const names = [...sections.map((section) => section.name), ...otherSections];
  if (value === null) fail(`is empty, expected ${names.map((name) => `${name}:`).join(" or ")}`);
  if (isServerList(value)) {
    fail(
      "is a list of servers, not settings: an agent follows it by --discover file:PATH, or " +
        "dynamic_server_list_config in its settings",
    );
  }
  if (typeof value === "string" && /\.toml$/i.test(path)) {
    fail(`is no YAML or JSON: of frp's settings, revtun config import-frp ${path} makes ours`);
  }
  if (!isMosnConfig(value)) return;
  fail(
    `is a MOSN configuration: revtun config import-mosn ${path} makes one of ours of it` +
      (mapping.value === value ? "" : ", its tunnel_agent extend alone is read as it is"),
  );
}

/** Settings that stand there under two of their names. */
function doubles(
  sections: readonly SectionSpec[],
  mapping: Mapping,
  document: ConfigDocument,
): Problem[] {
  const problems: Problem[] = [];
  for (const { name, settings } of sections) {
    const values = isObject(mapping.value) ? mapping.value[name] : undefined;
    if (!isObject(values)) continue;
    for (const spec of settings) {
      const [first, second] = keysOf(spec).filter((key) => Object.hasOwn(values, key));
      if (second === undefined) continue;
      const path = mapping.pathOf([name, second]);
      problems.push({
        ...document.positionOf(path, "key"),
        setting: formatPath(path),
        message: `sets the same as ${first}, expected one of the two`,
      });
    }
  }
  return problems;
}

/** Who knows the flag and writes it in the file means the key that goes with it. */
function hintsOf(sections: readonly SectionSpec[]): KeyHints {
  const specs = sections.flatMap((section) => section.settings);
  return new Map(specs.map((spec) => [spec.name.replaceAll("-", "_"), keyOf(spec)]));
}
